/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that reads. The kernel drops no datagram of a unix socket, so that neither SO_RCVBUF nor SO_RXQ_OVFL mean
 * anything for it: a sender is told that the queue is full (net.unix.max_dgram_qlen datagrams). HAProxy then drops the
 * line and counts it as DroppedLogs, which traffic_view shows.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "counts_internal.h"
#include "logline.h"

#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BATCH 64
#define TAIL_PAUSE_MS 200
#define MEND_PAUSE_MS 2000
/* The proxy, which runs as another user, writes by the group of the folder. */
#define SOCKET_MODE 0660

struct batch {
	struct mmsghdr message[BATCH];
	struct iovec piece[BATCH];
	char text[BATCH][LOGLINE_MAX];
};

void counts_reader_init(struct counts *counts)
{
	counts->socket = counts->wake = -EBADF;
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

/* Binds, and remembers what stands at the path by now. */
static int open_socket(struct counts *counts, struct error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = counts->socket_path;
	_cleanup_fd_ int fd = -EBADF;
	struct stat st;
	int r;

	if (strlen(path) >= sizeof address.sun_path)
		return error_set(error, -ENAMETOOLONG, "%s: the path is longer than a socket's may be", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(
			error, -errno, "%s: can't make the socket: %s", path, error_text(NULL, -errno));
	r = bind_socket(fd, &address, error);
	if (r < 0)
		return r;
	if (chmod(path, SOCKET_MODE) < 0 || lstat(path, &st) < 0) {
		r = -errno;
		unlink(path);
		return error_set(error, r, "%s: can't set its mode: %s", path, error_text(NULL, r));
	}
	counts->socket_device = st.st_dev;
	counts->socket_inode = st.st_ino;
	fd_close(counts->socket);
	counts->socket = TAKE_FD(fd);
	return 0;
}

static bool still_bound(const struct counts *counts)
{
	struct stat st;

	return lstat(counts->socket_path, &st) == 0 && st.st_dev == counts->socket_device &&
		st.st_ino == counts->socket_inode;
}

static void prepare(struct batch *batch)
{
	for (unsigned i = 0; i < BATCH; i++) {
		batch->piece[i] = (struct iovec){batch->text[i], LOGLINE_MAX};
		batch->message[i].msg_hdr = (struct msghdr){.msg_iov = &batch->piece[i], .msg_iovlen = 1};
	}
}

int counts_reader_open(struct counts *counts, const struct counts_settings *settings, struct error *error)
{
	int r = 0;

	if (!settings->socket && !settings->file)
		return error_set(error, -EINVAL, "neither a socket nor a file to read the proxy's log from");
	counts->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (counts->wake < 0)
		return error_set(error, -errno, "can't make an eventfd: %s", error_text(NULL, -errno));
	if (settings->socket) {
		counts->socket_path = strdup(settings->socket);
		counts->batch = calloc(1, sizeof *counts->batch);
		if (!counts->socket_path || !counts->batch)
			return error_set(error, -ENOMEM, "out of memory");
		prepare(counts->batch);
		r = open_socket(counts, error);
	}
	if (r == 0 && settings->file)
		r = logtail_open(settings->file, &counts->tail, error);
	return r;
}

/* One recvmmsg(); how many datagrams it brought. */
static int read_batch(const struct counts *counts, struct counts_view *sum)
{
	struct batch *batch = counts->batch;
	int n = recvmmsg(counts->socket, batch->message, BATCH, MSG_DONTWAIT, NULL);

	for (int i = 0; i < n; i++) {
		if (batch->message[i].msg_hdr.msg_flags & MSG_TRUNC)
			sum->malformed++;
		else
			counts_add(counts, batch->text[i], batch->message[i].msg_len, sum);
	}
	return n;
}

static void read_socket(struct counts *counts)
{
	struct counts_view sum = {0};

	if (read_batch(counts, &sum) > 0)
		counts_commit(counts, &sum);
}

struct tail_lines {
	const struct counts *counts;
	struct counts_view sum;
	bool any;
};

static void take_line(void *userdata, const char *text, size_t size)
{
	struct tail_lines *lines = userdata;

	counts_add(lines->counts, text, size, &lines->sum);
	lines->any = true;
}

static void read_tail(struct counts *counts)
{
	struct tail_lines lines = {.counts = counts};

	lines.sum.overflows = logtail_read(counts->tail, take_line, &lines);
	if (lines.any || lines.sum.overflows)
		counts_commit(counts, &lines.sum);
}

/* Somebody tidied up, and the proxy now writes to nobody: its lines are lost, which must be told. */
static void mend_socket(struct counts *counts)
{
	struct counts_view sum = {.overflows = 1};

	if (!still_bound(counts) && open_socket(counts, NULL) == 0)
		counts_commit(counts, &sum);
}

static int pause_of(const struct counts *counts)
{
	return counts->tail ? TAIL_PAUSE_MS : MEND_PAUSE_MS;
}

void *counts_reader_run(void *userdata)
{
	struct counts *counts = userdata;
	int64_t mended = clock_ns(CLOCK_MONOTONIC), now;
	struct pollfd pollers[] = {
		{.fd = counts->wake, .events = POLLIN}, {.fd = counts->socket, .events = POLLIN}};

	while (!(pollers[0].revents & POLLIN)) {
		pollers[1].fd = counts->socket;
		if (poll(pollers, ARRAY_SIZE(pollers), pause_of(counts)) < 0)
			continue;
		if (pollers[1].revents & POLLIN)
			read_socket(counts);
		if (counts->tail)
			read_tail(counts);
		now = clock_ns(CLOCK_MONOTONIC);
		if (counts->socket_path && now - mended >= MEND_PAUSE_MS * NSEC_PER_MSEC) {
			mend_socket(counts);
			mended = now;
		}
	}
	return NULL;
}

void counts_reader_stop(struct counts *counts)
{
	uint64_t one = 1;

	if (counts->wake >= 0 && write(counts->wake, &one, sizeof one) < 0)
		return;
}

void counts_reader_done(struct counts *counts)
{
	if (counts->socket >= 0 && still_bound(counts))
		unlink(counts->socket_path);
	counts->socket = fd_close(counts->socket);
	counts->wake = fd_close(counts->wake);
	logtail_free(counts->tail);
	free(counts->batch);
	free(counts->socket_path);
}
