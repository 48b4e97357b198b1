/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that reads. */
#include "base/clock.h"
#include "base/fd.h"
#include "counts_internal.h"
#include "logline.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define TAIL_PAUSE_MS 200
#define MEND_PAUSE_MS 2000

struct batch {
	struct mmsghdr message[BATCH];
	struct iovec piece[BATCH];
	char text[BATCH][LOGLINE_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(uint32_t))];
	} control[BATCH];
	uint32_t dropped; /* by the kernel, since the socket was opened */
};

void counts_reader_init(struct counts *counts)
{
	counts->socket.fd = counts->wake = -EBADF;
}

static void prepare(struct batch *batch)
{
	for (unsigned i = 0; i < BATCH; i++) {
		batch->piece[i] = (struct iovec){batch->text[i], LOGLINE_MAX};
		batch->message[i].msg_hdr = (struct msghdr){
			.msg_iov = &batch->piece[i], .msg_iovlen = 1, .msg_control = &batch->control[i]};
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
		counts->where = strdup(settings->socket);
		counts->batch = calloc(1, sizeof *counts->batch);
		if (!counts->where || !counts->batch)
			return error_set(error, -ENOMEM, "out of memory");
		prepare(counts->batch);
		r = counts_socket_open(&counts->socket, counts->where, error);
	}
	if (r == 0 && settings->file)
		r = logtail_open(settings->file, &counts->tail, error);
	return r;
}

/* The kernel tells with each datagram how many it has dropped so far. */
static void note_drops(struct batch *batch, struct msghdr *header, struct counts_view *sum)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		uint32_t dropped;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
		sum->overflows += dropped - batch->dropped;
		batch->dropped = dropped;
	}
}

static void read_socket(struct counts *counts)
{
	struct batch *batch = counts->batch;
	struct counts_view sum = {0};
	int n;

	for (int i = 0; i < BATCH; i++)
		batch->message[i].msg_hdr.msg_controllen = sizeof batch->control[i];
	n = recvmmsg(counts->socket.fd, batch->message, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		note_drops(batch, &batch->message[i].msg_hdr, &sum);
		if (batch->message[i].msg_hdr.msg_flags & MSG_TRUNC)
			sum.malformed++;
		else
			counts_add(counts, batch->text[i], batch->message[i].msg_len, &sum);
	}
	if (n > 0)
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

	if (counts_socket_stands(&counts->socket, counts->where))
		return;
	if (counts_socket_open(&counts->socket, counts->where, NULL) == 0)
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
		{.fd = counts->wake, .events = POLLIN}, {.fd = counts->socket.fd, .events = POLLIN}};

	while (!(pollers[0].revents & POLLIN)) {
		pollers[1].fd = counts->socket.fd;
		if (poll(pollers, ARRAY_SIZE(pollers), pause_of(counts)) < 0)
			continue;
		if (pollers[1].revents & POLLIN)
			read_socket(counts);
		if (counts->tail)
			read_tail(counts);
		now = clock_ns(CLOCK_MONOTONIC);
		if (counts->where && now - mended >= MEND_PAUSE_MS * NSEC_PER_MSEC) {
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
	counts_socket_close(&counts->socket, counts->where);
	counts->wake = fd_close(counts->wake);
	logtail_free(counts->tail);
	free(counts->batch);
	free(counts->where);
}
