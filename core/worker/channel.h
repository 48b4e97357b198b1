/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back to the host: frames from any thread, one at a time. The socket blocks: a host that does not
 * read holds its worker back rather than filling its memory, up to CHANNEL_PATIENCE.
 */
#ifndef CORE_WORKER_CHANNEL_H
#define CORE_WORKER_CHANNEL_H

#include "base/buf.h"
#include "proto/worker.pb-c.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* How long a host may leave its socket full before it counts as gone, in seconds. */
#define CHANNEL_PATIENCE 60

struct channel {
	int fd; /* borrowed */
	pthread_mutex_t lock;
	struct buf scratch;
	atomic_bool lost; /* the host is gone; nothing is sent any more */
};

/* Prepares a connected socket. 0 or -errno. */
int channel_init(struct channel *channel, int fd);
void channel_done(struct channel *channel);

/* 0; -EMSGSIZE: too large for a frame, nothing was sent; -EPIPE: the host is gone. Blocks. */
int channel_send(struct channel *channel, const Gavea__Worker__V1__FromWorker *message);

/* Sends a log line about a check (0: about the worker itself). Blocks. */
void channel_log_traced(
	struct channel *channel, uint32_t check, int level, const uint8_t *trace_id, const char *text);
void channel_log(struct channel *channel, uint32_t check, int level, const char *format, ...) _printf_(4, 5);

#endif
