/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted HTTP server on loopback, in a thread of the test: each request that arrives gets the next answer
 * of the script (the last one again and again), word for word.
 */
#ifndef TESTS_TINY_HTTP_H
#define TESTS_TINY_HTTP_H

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define TINY_HANG "hang" /* never answers */
#define TINY_RESET "reset" /* closes with RST */
#define TINY_CLOSE "close" /* closes without a word */

struct tiny_http {
	const char *const *script; /* NULL at the end */
	int fd;
	int stop_fd;
	unsigned short port;
	pthread_t thread;
	unsigned connections;
	unsigned requests;
	char last[65536]; /* head and body of the last request */
	size_t last_size;
};

/* Waits until fd is readable. 0: the test wants to stop. */
static inline int tiny_wait(struct tiny_http *server, int fd)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = server->stop_fd, .events = POLLIN}};

	while (poll(fds, 2, -1) < 0)
		;
	return !fds[1].revents;
}

/* One whole request into server->last. 0: the peer closed, or stop. */
static inline int tiny_read_request(struct tiny_http *server, int fd)
{
	size_t size = 0;

	for (;;) {
		char *end, *length;
		ssize_t n;

		if (!tiny_wait(server, fd))
			return 0;
		n = recv(fd, server->last + size, sizeof(server->last) - 1 - size, 0);
		if (n <= 0)
			return 0;
		size += (size_t)n;
		server->last[size] = '\0';
		server->last_size = size;
		end = strstr(server->last, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(server->last, "\r\nContent-Length:");
		if (!length || length > end ||
			size >= (size_t)(end + 4 - server->last) + strtoul(length + 17, NULL, 10))
			return 1;
	}
}

static inline const char *tiny_next(struct tiny_http *server)
{
	unsigned last = 0;

	while (server->script[last + 1])
		last++;
	return server->script[server->requests < last ? server->requests : last];
}

static inline void tiny_serve(struct tiny_http *server, int fd)
{
	while (tiny_read_request(server, fd)) {
		const char *answer = tiny_next(server);

		server->requests++;
		if (strcmp(answer, TINY_HANG) == 0) {
			tiny_wait(server, server->stop_fd);
			return;
		}
		if (strcmp(answer, TINY_RESET) == 0) {
			struct linger linger = {.l_onoff = 1, .l_linger = 0};

			setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
			return;
		}
		if (strcmp(answer, TINY_CLOSE) == 0)
			return;
		if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0 ||
			strcasestr(answer, "\r\nConnection: close"))
			return;
	}
}

static inline void *tiny_thread(void *userdata)
{
	struct tiny_http *server = userdata;

	while (tiny_wait(server, server->fd)) {
		int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		server->connections++;
		tiny_serve(server, fd);
		close(fd);
	}
	return NULL;
}

static inline void tiny_start(struct tiny_http *server, const char *const *script)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int r;

	memset(server, 0, sizeof(*server));
	server->script = script;
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	server->stop_fd = eventfd(0, EFD_CLOEXEC);
	r = bind(server->fd, (struct sockaddr *)&address, size);
	assert(r == 0);
	r = listen(server->fd, 8);
	assert(r == 0);
	getsockname(server->fd, (struct sockaddr *)&address, &size);
	server->port = ntohs(address.sin_port);
	r = pthread_create(&server->thread, NULL, tiny_thread, server);
	assert(r == 0);
	(void)r;
}

/* After this the fields may be read. */
static inline void tiny_stop(struct tiny_http *server)
{
	eventfd_write(server->stop_fd, 1);
	pthread_join(server->thread, NULL);
	close(server->fd);
	close(server->stop_fd);
}

#endif
