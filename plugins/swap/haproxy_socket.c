/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_socket.h"

#include "base/clock.h"
#include "base/fd.h"
#include "rights.h"

#include <ctype.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define QUOTE_MAX 200

struct talk {
	const char *socket;
	const char *command;
	int64_t deadline;
	struct error *error;
};

static int too_late(const struct talk *talk)
{
	return error_set(talk->error, -ETIMEDOUT, "%s: HAProxy did not answer \"%s\" in time", talk->socket,
		talk->command);
}

static int wait_for(const struct talk *talk, int fd, short events)
{
	struct pollfd poller = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = talk->deadline - clock_ns(CLOCK_MONOTONIC);
		int r;

		if (left <= 0)
			return too_late(talk);
		r = poll(&poller, 1, (int)MIN(left / NSEC_PER_MSEC + 1, INT64_C(60000)));
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return error_set(
				talk->error, -errno, "%s: %s", talk->socket, error_text(NULL, -errno));
	}
}

static int refused(const struct talk *talk, int code)
{
	const char *advice = error_text(NULL, code);

	if (code == -ENOENT)
		advice =
			"there is no such socket: HAProxy does not run, or its \"stats socket\" is elsewhere";
	else if (code == -ECONNREFUSED)
		advice = "nobody listens: HAProxy does not run";
	else if (code == -EACCES)
		advice = "the socket's mode or owner keeps us out: put the agent's user into its group "
			 "(adduser "
			 "gavea haproxy; systemctl restart gavead), see " RIGHTS_PAGE;
	return error_set(talk->error, code, "%s: %s", talk->socket, advice);
}

/* A full backlog is EAGAIN at once, and nothing that poll() could wait for. */
static int connect_patiently(const struct talk *talk, int fd, const struct sockaddr_un *address)
{
	while (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
		int code = -errno;

		if (code != -EAGAIN && code != -EINTR)
			return refused(talk, code);
		if (clock_ns(CLOCK_MONOTONIC) >= talk->deadline)
			return too_late(talk);
		poll(NULL, 0, 10);
	}
	return 0;
}

static int open_socket(const struct talk *talk, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_fd_ int fd = -EBADF;
	int r;

	if (strlen(talk->socket) >= sizeof address.sun_path)
		return error_set(talk->error, -ENAMETOOLONG, "%s: the path is longer than a socket's may be",
			talk->socket);
	memcpy(address.sun_path, talk->socket, strlen(talk->socket) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refused(talk, -errno);
	r = connect_patiently(talk, fd, &address);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int broken(const struct talk *talk, int code)
{
	return error_set(talk->error, code, "%s: HAProxy closed the connection without an answer to \"%s\"",
		talk->socket, talk->command);
}

static int send_command(const struct talk *talk, int fd)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	size_t sent = 0;

	buf_printf(&line, "%s\n", talk->command);
	if (buf_error(&line) < 0)
		return error_set(talk->error, -ENOMEM, "%s: out of memory", talk->socket);
	while (sent < line.size) {
		ssize_t n = send(fd, line.data + sent, line.size - sent, MSG_NOSIGNAL);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return broken(talk, -EPIPE);
		else if (wait_for(talk, fd, POLLOUT) < 0)
			return -ETIMEDOUT;
	}
	return 0;
}

/* One piece; 0 at the end of the answer. */
static ssize_t receive_some(const struct talk *talk, int fd, struct buf *reply)
{
	char *room = buf_extend(reply, 16384);
	ssize_t n;
	int r;

	if (!room)
		return error_set(talk->error, -ENOMEM, "%s: out of memory", talk->socket);
	r = wait_for(talk, fd, POLLIN);
	if (r < 0)
		return r;
	n = recv(fd, room, 16384, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : 0;
	if (memchr(room, '\0', (size_t)n))
		return error_set(talk->error, -EBADMSG,
			"%s: the answer to \"%s\" is not text: is this HAProxy's socket?", talk->socket,
			talk->command);
	reply->size += (size_t)n;
	return n;
}

/* Each answer ends with an empty line, and that of an order that succeeded is nothing else. */
static bool complete(const struct buf *reply)
{
	const char *end = reply->data + reply->size;

	return streq(reply->data, "\n") || (reply->size >= 2 && end[-1] == '\n' && end[-2] == '\n');
}

static int receive_reply(const struct talk *talk, int fd, struct buf *reply)
{
	ssize_t n;

	do {
		n = receive_some(talk, fd, reply);
		if (n < 0)
			return (int)n;
		if (reply->size > HAPROXY_REPLY_MAX)
			return error_set(talk->error, -EMSGSIZE,
				"%s: the answer to \"%s\" is longer than 1 MiB", talk->socket, talk->command);
	} while (n > 0);
	buf_add(reply, "", 0);
	if (!reply->size)
		return broken(talk, -EPIPE);
	if (!complete(reply))
		return error_set(talk->error, -EPIPE, "%s: HAProxy did not finish its answer to \"%s\"",
			talk->socket, talk->command);
	return 0;
}

int haproxy_ask(
	const char *socket, const char *command, int64_t deadline, struct buf *reply, struct error *error)
{
	struct talk talk = {socket, command, deadline, error};
	_cleanup_fd_ int fd = -EBADF;
	int r;

	buf_reset(reply);
	r = open_socket(&talk, &fd);
	if (r == 0)
		r = send_command(&talk, fd);
	if (r == 0)
		r = receive_reply(&talk, fd, reply);
	if (r < 0)
		return r;
	if (startswith(buf_str(reply), "Permission denied"))
		return error_set(error, -EACCES,
			"%s: the socket has no admin level: add \"level admin\" to its \"stats socket\" line",
			socket);
	return 0;
}

/* The first line that has something in it, made printable; "" when there is none. */
static const char *quote_reply(struct buf *reply)
{
	char *text = reply->data;
	size_t size;

	while (*text && isspace((unsigned char)*text))
		text++;
	size = MIN(strcspn(text, "\r\n"), (size_t)QUOTE_MAX);
	text[size] = '\0';
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
	return text;
}

int haproxy_order(const char *socket, const char *command, int64_t deadline, struct error *error)
{
	_cleanup_buf_ struct buf reply = BUF_INIT;
	const char *text;
	int r = haproxy_ask(socket, command, deadline, &reply, error);

	if (r < 0)
		return r;
	text = quote_reply(&reply);
	if (!*text)
		return 0;
	return error_set(error, startswith(text, "entry not found") ? -ENOENT : -EREMOTEIO,
		"%s: HAProxy refuses \"%s\": %s", socket, command, text);
}
