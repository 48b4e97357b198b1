/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include "base/fd.h"
#include "base/parse.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>

#define BACKLOG 64
#define HOST_MAX 48

static struct sockaddr_in6 *v6(struct endpoint *endpoint)
{
	return (struct sockaddr_in6 *)(void *)&endpoint->address;
}

static struct sockaddr_in *v4(struct endpoint *endpoint)
{
	return (struct sockaddr_in *)(void *)&endpoint->address;
}

static int set_host(struct endpoint *endpoint, const char *host, uint16_t port)
{
	size_t size = strlen(host);

	if (size > 2 && host[0] == '[' && host[size - 1] == ']') {
		_cleanup_free_ char *inner = strndup(host + 1, size - 2);

		v6(endpoint)->sin6_family = AF_INET6;
		v6(endpoint)->sin6_port = htons(port);
		endpoint->size = sizeof(struct sockaddr_in6);
		return inner && inet_pton(AF_INET6, inner, &v6(endpoint)->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	if (size == 0) {
		v6(endpoint)->sin6_family = AF_INET6;
		v6(endpoint)->sin6_port = htons(port);
		endpoint->size = sizeof(struct sockaddr_in6);
		endpoint->any = true;
		return 0;
	}
	v4(endpoint)->sin_family = AF_INET;
	v4(endpoint)->sin_port = htons(port);
	endpoint->size = sizeof(struct sockaddr_in);
	return inet_pton(AF_INET, host, &v4(endpoint)->sin_addr) == 1 ? 0 : -EINVAL;
}

int endpoint_parse(const char *text, struct endpoint *ret_endpoint, struct error *error)
{
	const char *colon = strrchr(text, ':');
	struct endpoint endpoint = {.size = 0};
	_cleanup_free_ char *host = NULL;
	uint64_t port;

	if (colon && colon - text < HOST_MAX)
		host = strndup(text, (size_t)(colon - text));
	if (!host || parse_uint64(colon + 1, &port) < 0 || port > UINT16_MAX ||
		set_host(&endpoint, host, (uint16_t)port) < 0)
		return error_set(error, -EINVAL,
			"listen: must be an IP address and a port, such as 127.0.0.1:9469, [::1]:9469 or "
			":9469 for "
			"all addresses");
	*ret_endpoint = endpoint;
	return 0;
}

static int try_listen(const struct endpoint *endpoint, int *ret_fd)
{
	_cleanup_fd_ int fd =
		socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, both = !endpoint->any;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* accepted sockets inherit it */
	if (endpoint->address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both));
	if (bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->size) < 0 ||
		listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static const char *remedy(int error)
{
	switch (error) {
	case -EADDRINUSE:
		return ": another program has this port; ss -ltnp shows which";
	case -EADDRNOTAVAIL:
		return ": this host does not have that address";
	case -EACCES:
	case -EPERM:
		return ": take a port above 1023";
	default:
		return "";
	}
}

int endpoint_listen(struct endpoint *endpoint, int *ret_fd, struct error *error)
{
	char text[ENDPOINT_TEXT_MAX];
	int r = try_listen(endpoint, ret_fd);

	if (r == -EAFNOSUPPORT && endpoint->any) {
		struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = v6(endpoint)->sin6_port};

		memcpy(&endpoint->address, &any, sizeof(any));
		endpoint->size = sizeof(any);
		r = try_listen(endpoint, ret_fd);
	}
	endpoint_format(endpoint, text);
	if (r < 0)
		return error_set(
			error, r, "listen: cannot listen on %s: %s%s", text, strerror(-r), remedy(r));
	endpoint->size = sizeof(endpoint->address);
	if (getsockname(*ret_fd, (struct sockaddr *)&endpoint->address, &endpoint->size) < 0)
		return error_set(error, -errno, "getsockname: %s", strerror(errno));
	return 0;
}

void endpoint_format(const struct endpoint *endpoint, char text[static ENDPOINT_TEXT_MAX])
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&endpoint->address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&endpoint->address;
	char host[INET6_ADDRSTRLEN] = "";

	if (endpoint->address.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
		snprintf(text, ENDPOINT_TEXT_MAX, "[%s]:%u", host, ntohs(six->sin6_port));
	} else {
		inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
		snprintf(text, ENDPOINT_TEXT_MAX, "%s:%u", host, ntohs(four->sin_port));
	}
}

bool endpoint_is_local(const struct endpoint *endpoint)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&endpoint->address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&endpoint->address;

	if (endpoint->address.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
	return ntohl(four->sin_addr.s_addr) >> 24 == 127;
}
