/* SPDX-License-Identifier: Apache-2.0 */
/* What spool.c (writing) and spool_read.c (cursors and reading) share. For no one else. */
#ifndef MANAGER_SPOOL_INTERNAL_H
#define MANAGER_SPOOL_INTERNAL_H

#include "base/buf.h"
#include "core/manager/segments.h"
#include "core/manager/spool.h"

struct pending {
	uint64_t seq;
	int kind;
};

struct spool {
	char *folder_path;
	int folder;
	uint8_t id[16]; /* of what lies on disk */
	uint8_t memory_id[16]; /* of what lies in memory, while it does */
	bool has_memory_id;
	bool damaged; /* a segment was found damaged at the start */
	uint64_t max_bytes;
	uint64_t segment_bytes;
	bool segment_bytes_fixed; /* by the settings, not by max_bytes */
	int64_t (*unix_ms)(void);

	struct segment *segments; /* oldest first; the last one is written to */
	size_t count;
	size_t room;
	uint64_t next_stream;
	uint64_t next_seq;

	struct buf pending; /* encoded, not written yet */
	struct pending *pending_kinds;
	size_t pending_count;
	size_t pending_room;

	struct spool_cursor **cursors;
	size_t cursor_count;
	size_t cursor_room;

	char disk_error[160];
	int64_t retry_disk_at; /* CLOCK_MONOTONIC */
	uint64_t dropped_samples;
	uint64_t dropped_results;
	uint64_t dropped_events;
};

void spool_cursor_free(struct spool_cursor *cursor);

/* Writes the cursors that moved. Their files are a hint: one that is behind only means that a receiver sees
 * records again, which it knows. So they are not synced. */
void spool_cursors_save(struct spool *spool);

#endif
