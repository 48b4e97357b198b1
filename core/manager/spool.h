/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool: an append-only log of records in segments (wire/segment.h), bounded in size, with a durable
 * cursor for each output.
 *
 * Records are appended to memory and written and synced together by spool_flush(). Only what was synced is
 * given to outputs. When the disk does not take it, the spool goes on in memory (a memfd, under a spool id of
 * its own, so that a receiver never mistakes later records for these), says so in spool_status(), and returns
 * to the disk when it can.
 *
 * At the bound the oldest segment goes. What an output had not yet had of it is counted and told in a Loss
 * record.
 *
 * Calls block on the disk where it is said. Errors are -errno.
 */
#ifndef MANAGER_SPOOL_H
#define MANAGER_SPOOL_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct spool;

struct spool_settings {
	const char *folder; /* made if it is not there */
	uint64_t max_bytes; /* of all segments; at least 1 MiB */
	uint64_t segment_bytes; /* a segment is ended when it is larger; 0: max_bytes / 32, 64 KiB to 4 MiB */
	int64_t (*unix_ms)(void); /* the clock, for Loss records */
};

/* What lies in the spool, and what was lost. */
struct spool_status {
	uint64_t first_seq; /* 0: empty */
	uint64_t last_seq;
	uint64_t bytes;
	uint64_t dropped_samples; /* since the start */
	uint64_t dropped_results;
	uint64_t dropped_events;
	const char *error; /* why it can't write to the disk at the moment; NULL: it can. Borrowed. */
};

/* Where an output is. */
struct spool_cursor {
	char *name;
	uint64_t seq; /* everything up to here was acknowledged */
	uint64_t stream; /* the segment in which the next record lies, 0: to be looked up */
	uint64_t offset;
	uint64_t lost; /* records that were dropped before this output had them */
	int fd; /* of its file; -EBADF: none */
	bool unsaved;
};

/* A range of a segment for an output. */
struct spool_batch {
	int fd; /* the caller closes it */
	uint64_t stream;
	char spool_id[33];
	uint64_t offset;
	uint64_t length; /* 0: there is nothing new */
	uint64_t first_seq;
	uint64_t last_seq;
};

/*
 * Opens or makes the spool. Always succeeds but for lack of memory: a folder that can't be used leaves a
 * spool in memory; damaged segments are cut or set aside, with a log line each. Blocks.
 */
int spool_open(const struct spool_settings *settings, struct spool **ret_spool);

/* Flushes and frees. Blocks. */
void spool_close(struct spool *spool);
DEFINE_CLEANUP(struct spool *, spool_close);

/* Another bound, from the next segment and the next spool_flush() on. At least 1 MiB. */
void spool_set_max_bytes(struct spool *spool, uint64_t max_bytes);

/* The stream that the next record will be in. It may change with each spool_flush() and spool_append():
 * declarations must be appended again when it did. */
uint64_t spool_stream(const struct spool *spool);

/* Begins a new segment now if the current one is full, so that a batch of related records stays in one
 * stream. */
void spool_begin(struct spool *spool);

/* Appends an encoded record (without seq) and returns its seq. Does not touch the disk. -E2BIG: too large;
 * -ENOSPC: neither disk nor memory took what was appended before, and there is a bound to what waits. */
int64_t spool_append(struct spool *spool, const void *payload, size_t length);

/* Writes and syncs what was appended, saves cursors, keeps the bound. 0 also when the disk failed and memory
 * took it; see spool_status(). Blocks. */
int spool_flush(struct spool *spool);

/* Whether anything waits for spool_flush(). */
bool spool_pending(const struct spool *spool);

void spool_get_status(const struct spool *spool, struct spool_status *ret_status);

/* A cursor by that name ([a-z0-9.-]), from its file or at the oldest record. The spool keeps it until
 * spool_close(). Blocks. */
int spool_cursor_open(struct spool *spool, const char *name, struct spool_cursor **ret_cursor);

/* Forgets a cursor and its file: the output is gone for good. */
void spool_cursor_remove(struct spool *spool, struct spool_cursor *cursor);

/* The next synced records for this cursor, whole ones, at most max_bytes unless the first alone is larger.
 * Blocks. */
int spool_read(
	struct spool *spool, struct spool_cursor *cursor, size_t max_bytes, struct spool_batch *ret_batch);

/* Moves a cursor: everything in batch up to seq is safe elsewhere. */
void spool_acknowledge(
	struct spool *spool, struct spool_cursor *cursor, const struct spool_batch *batch, uint64_t seq);

/* How much lies ahead of a cursor. */
void spool_behind(const struct spool *spool, const struct spool_cursor *cursor, uint64_t *ret_records,
	uint64_t *ret_bytes);

/* Calls visit for every synced record, oldest first, until it returns nonzero. Blocks. */
int spool_visit(struct spool *spool,
	int (*visit)(uint64_t seq, const uint8_t *payload, size_t length, void *userdata), void *userdata);

#endif
