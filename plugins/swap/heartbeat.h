/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sign of life of a swap that has traffic on its new colour, and its last will: a file that the plugin renews while it watches, and
 * that says what to do with the traffic when it does not. gavea-swap-deadman, a program outside of the agent, looks at
 * the files: one that is overdue has its will done, and beside it a mark is left, by which the plugin sees that.
 *
 * The file is JSON, replaced as a whole. It counts on CLOCK_BOOTTIME, which no one sets; after another boot it is overdue
 * when the machine has been up for longer than its patience.
 */
#ifndef SWAP_HEARTBEAT_H
#define SWAP_HEARTBEAT_H

#include "base/buf.h"
#include "base/error.h"
#include "traffic.h"

#include <stdbool.h>
#include <stdint.h>

#define HEARTBEAT_FILE "heartbeat" /* in the check's folder */
#define HEARTBEAT_MARK "deadman" /* beside it, once the will was done */
#define HEARTBEAT_MAX_BYTES 65536

struct heartbeat {
	const char *app;
	const char *swap; /* its id */
	int64_t patience; /* nanoseconds until it is overdue */
	uint32_t share; /* that is safe, as in traffic.h */
	const char *traffic; /* kind, as in traffic_open() */
	struct traffic_settings settings;

	/* Of one that was read. */
	int64_t due; /* CLOCK_BOOTTIME, nanoseconds: overdue from then on */
	bool other_boot; /* it was written before the machine was started */
	void *memory; /* what the strings lie in */
};

/* Writes one into folder, durable when it returns. Blocks on the disk. 0 or -errno. */
int heartbeat_beat(const char *folder, const struct heartbeat *heartbeat);

/* Takes it away: nothing is left to watch. Also takes the mark. 0 or -errno. */
int heartbeat_stop(const char *folder);

/* Whether the will was done while nobody watched: 1 and the time (seconds since 1970), 0, or -errno. */
int heartbeat_was_executed(const char *folder, int64_t *ret_time);

/* Reads one. Free it with heartbeat_done(). -ENOENT: there is none; -EBADMSG with an error that names the file. */
int heartbeat_read(const char *folder, struct heartbeat *ret_heartbeat, struct error *error);

/* The same of a text, for which name stands in errors. */
int heartbeat_parse(const char *name, const char *text, size_t size, struct heartbeat *ret_heartbeat,
	struct error *error);
void heartbeat_done(struct heartbeat *heartbeat);

/* Whether it is overdue at this time of CLOCK_BOOTTIME. */
bool heartbeat_overdue(const struct heartbeat *heartbeat, int64_t now);

/* Says in the folder that the will was done, and removes the heartbeat. Durable when it returns. 0 or -errno. */
int heartbeat_mark(const char *folder, const struct heartbeat *heartbeat);

#endif
