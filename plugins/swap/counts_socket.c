/* SPDX-License-Identifier: Apache-2.0 */
#include "counts_socket.h"

#include "base/fd.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Room for some ten thousand lines. */
#define RECEIVE_BUFFER (8 * 1024 * 1024)
/* The proxy, which runs as another user, writes by the group of the folder. */
#define SOCKET_MODE 0660

static int failed(const char *where, int code, struct error *error)
{
	return error_set(error, code, "%s: can't make the socket: %s", where, error_text(NULL, code));
}

/* Whether somebody receives on that socket. */
static bool alive(const struct sockaddr_un *address)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
}

static int bind_socket(int fd, const struct sockaddr_un *address, struct error *error)
{
	const char *path = address->sun_path;
	struct stat st;

	if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return error_set(
			error, -errno, "%s: can't make the socket: %s", path, error_text(NULL, -errno));
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return error_set(error, -EEXIST, "%s: something that is no socket is in the way", path);
	if (alive(address))
		return error_set(error, -EADDRINUSE, "%s: another program receives on this socket", path);
	if (unlink(path) < 0 || bind(fd, (const struct sockaddr *)address, sizeof *address) < 0)
		return error_set(
			error, -errno, "%s: can't make the socket: %s", path, error_text(NULL, -errno));
	return 0;
}

static int open_unix(const char *path, struct counts_socket *ret_socket, struct error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_fd_ int fd = -EBADF;
	struct stat st;
	int r;

	if (strlen(path) >= sizeof address.sun_path)
		return error_set(error, -ENAMETOOLONG, "%s: the path is longer than a socket's may be", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return failed(path, -errno, error);
	r = bind_socket(fd, &address, error);
	if (r < 0)
		return r;
	if (chmod(path, SOCKET_MODE) < 0 || lstat(path, &st) < 0) {
		r = -errno;
		unlink(path);
		return error_set(error, r, "%s: can't set its mode: %s", path, error_text(NULL, r));
	}
	*ret_socket = (struct counts_socket){TAKE_FD(fd), true, st.st_dev, st.st_ino};
	return 0;
}

/* Whoever reaches the socket can write lines as it likes: that must be the machine alone. */
static bool on_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
	return address->sa_family == AF_INET6 &&
		IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* "127.0.0.1:5514", "[::1]:5514" */
static struct addrinfo *find_address(const char *where)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_DGRAM};
	const char *colon = strrchr(where, ':');
	struct addrinfo *found = NULL;
	char host[64];
	size_t size;

	if (!colon || !colon[1])
		return NULL;
	size = (size_t)(colon - where);
	if (*where == '[' && size > 2 && colon[-1] == ']') {
		where++;
		size -= 2;
	}
	if (!size || size >= sizeof host)
		return NULL;
	memcpy(host, where, size);
	host[size] = '\0';
	return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

static int bind_udp(const char *where, const struct addrinfo *address, struct counts_socket *ret_socket,
	struct error *error)
{
	const int room = RECEIVE_BUFFER, on = 1;
	_cleanup_fd_ int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return failed(where, -errno, error);
	/* Beyond net.core.rmem_max it takes a privilege; what there is then must do. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) < 0)
		return failed(where, -errno, error);
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0) {
		if (errno == EADDRINUSE)
			return error_set(error, -errno, "%s: another program receives on this socket", where);
		return failed(where, -errno, error);
	}
	*ret_socket = (struct counts_socket){.fd = TAKE_FD(fd)};
	return 0;
}

static int open_udp(const char *where, struct counts_socket *ret_socket, struct error *error)
{
	struct addrinfo *address = find_address(where);
	int r;

	if (!address)
		return error_set(error, -EINVAL,
			"\"%s\": expected the absolute path of a socket, or 127.0.0.1:PORT for UDP", where);
	if (on_loopback(address->ai_addr))
		r = bind_udp(where, address, ret_socket, error);
	else
		r = error_set(error, -EINVAL,
			"%s: not an address of the loopback: anybody in the network could write lines",
			where);
	freeaddrinfo(address);
	return r;
}

int counts_socket_open(struct counts_socket *socket, const char *where, struct error *error)
{
	struct counts_socket fresh;
	int r = *where == '/' ? open_unix(where, &fresh, error) : open_udp(where, &fresh, error);

	if (r < 0)
		return r;
	fd_close(socket->fd);
	*socket = fresh;
	return 0;
}

bool counts_socket_stands(const struct counts_socket *socket, const char *where)
{
	struct stat st;

	if (!socket->named)
		return socket->fd >= 0;
	return lstat(where, &st) == 0 && st.st_dev == socket->device && st.st_ino == socket->inode;
}

void counts_socket_close(struct counts_socket *socket, const char *where)
{
	if (socket->fd >= 0 && socket->named && counts_socket_stands(socket, where))
		unlink(where);
	socket->fd = fd_close(socket->fd);
}
