/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests counted from the proxy's log, by colour: how many, how many failed, how many were slower than each of a
 * few limits (exactly: no histogram). HAProxy writes a line of JSON a request to a unix datagram socket of ours;
 * nginx appends to a file that is followed. A thread reads; counts only grow, and are read at any time.
 */
#ifndef SWAP_COUNTS_H
#define SWAP_COUNTS_H

#include "base/error.h"
#include "colour.h"

#include <stdint.h>

#define COUNTS_LIMITS_MAX 8

struct counts_side {
	uint64_t requests; /* all that were answered or failed; client aborts are not among them */
	uint64_t errors; /* 5xx, no answer, refused, timed out, cut off: whoever made it */
	/* not answered within limit i; a failed one without a time is slow too */
	uint64_t slow[COUNTS_LIMITS_MAX];
	uint64_t aborted; /* by the client, neither good nor bad */
	uint64_t redispatched; /* meant for this colour, saved by another server; among the errors */
};

struct counts_view {
	struct counts_side side[COLOURS];
	uint64_t others; /* lines about other backends, and messages without an object in them */
	uint64_t malformed; /* lines that could not be read */
	/* Lines that were lost, as far as can be told: UDP that the kernel dropped, a log cut short, a socket removed.
	 * What HAProxy drops itself it tells: traffic_view.dropped_logs. */
	uint64_t overflows;
	int64_t last_ns; /* CLOCK_MONOTONIC of the last line; 0: none */
};

struct counts_settings {
	const char *socket; /* path of the datagram socket to bind, or "127.0.0.1:PORT" for UDP; NULL: none */
	const char *file; /* a log file to follow (nginx); NULL: none */
	const char *backend[COLOURS]; /* names as they stand in the log; "BACKEND/SERVER": one server of it */
	const int64_t *limits; /* nanoseconds, ascending */
	unsigned limit_count;
};

struct counts;

/* Binds or opens, and starts the thread. A socket that a dead one left is taken over; one on which somebody listens
 * is -EADDRINUSE. */
int counts_open(const struct counts_settings *settings, struct counts **ret_counts, struct error *error);
void counts_close(struct counts *counts);

/* Cheap, from any thread. */
void counts_view(struct counts *counts, struct counts_view *ret_view);

/* One line, for tests and for whoever has lines from elsewhere. */
void counts_line(struct counts *counts, const char *line, size_t size);

#endif
