/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"
#include "base/clock.h"
#include "base/fd.h"

#include <poll.h>
#include <sys/socket.h>

int frame_prepare(int fd)
{
	int size = 2 * (int)FRAME_MAX;

	/* Beyond the system's bound for everybody the kernel gives what it allows, which is still enough for
	 * one. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) < 0)
		return -errno;
	return 0;
}

int frame_pair(int ret_fds[static 2])
{
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	r = frame_prepare(fds[0]);
	if (r == 0)
		r = frame_prepare(fds[1]);
	if (r < 0) {
		fd_close(fds[0]);
		fd_close(fds[1]);
		return r;
	}
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

int frame_send(int fd, const ProtobufCMessage *message, int passed_fd, struct buf *scratch)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	size_t size = protobuf_c_message_get_packed_size(message);
	struct iovec iov;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (size > FRAME_MAX)
		return -EMSGSIZE;
	buf_reset(scratch);
	if (!buf_extend(scratch, MAX(size, (size_t)1)))
		return buf_error(scratch);
	protobuf_c_message_pack(message, (uint8_t *)scratch->data);
	iov = (struct iovec){.iov_base = scratch->data, .iov_len = size};
	if (passed_fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof control.bytes;
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof(int));
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	/* A secret may have passed through; the memory is kept for the next message. */
	explicit_bzero(scratch->data, size);
	if (n >= 0)
		return 0;
	return errno == ECONNRESET ? -EPIPE : errno == ENOBUFS ? -EAGAIN : -errno;
}

/* The first descriptor that came along; further ones can't be, there is only room for one. */
static int passed_descriptor(struct msghdr *msg)
{
	int fd = -EBADF;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
			c->cmsg_len >= CMSG_LEN(sizeof(int)))
			memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int frame_receive(int fd, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_message, int *ret_fd,
	struct buf *scratch)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	_cleanup_fd_ int passed = -EBADF;
	struct iovec iov;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	ProtobufCMessage *message;
	ssize_t n;

	buf_reset(scratch);
	if (!buf_extend(scratch, FRAME_MAX))
		return buf_error(scratch);
	iov = (struct iovec){.iov_base = scratch->data, .iov_len = FRAME_MAX};
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	passed = passed_descriptor(&msg);
	if (n == 0)
		return 0;
	if (msg.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	message = protobuf_c_message_unpack(type, NULL, (size_t)n, (const uint8_t *)scratch->data);
	explicit_bzero(scratch->data, (size_t)n);
	if (!message)
		return -EBADMSG;
	if (ret_fd)
		*ret_fd = TAKE_FD(passed);
	*ret_message = message;
	return 1;
}

/* Waits for one of events until the deadline (CLOCK_MONOTONIC; INT64_MAX: none). 0 or -errno. */
static int wait_until(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left = deadline == INT64_MAX ? -1 : deadline - clock_ns(CLOCK_MONOTONIC);
		int n;

		if (deadline != INT64_MAX && left <= 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, left < 0 ? -1 : (int)MIN(left / NSEC_PER_MSEC + 1, (int64_t)3600000));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int64_t deadline_in(int timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX : clock_ns(CLOCK_MONOTONIC) + timeout_ms * NSEC_PER_MSEC;
}

int frame_send_wait(
	int fd, const ProtobufCMessage *message, int passed_fd, struct buf *scratch, int timeout_ms)
{
	int64_t deadline = deadline_in(timeout_ms);

	for (;;) {
		int r = frame_send(fd, message, passed_fd, scratch);

		if (r != -EAGAIN)
			return r;
		r = wait_until(fd, POLLOUT, deadline);
		if (r < 0)
			return r;
	}
}

int frame_receive_wait(int fd, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_message,
	int *ret_fd, struct buf *scratch, int timeout_ms)
{
	int64_t deadline = deadline_in(timeout_ms);

	for (;;) {
		int r = wait_until(fd, POLLIN, deadline);

		if (r < 0)
			return r;
		r = frame_receive(fd, type, ret_message, ret_fd, scratch);
		if (r != -EAGAIN)
			return r;
	}
}
