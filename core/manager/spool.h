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
 * At the bound samples go first, from the oldest segment on, then results that repeat what the one before
 * said, then whatever is oldest. What some output had not yet had of it is counted, by class and cause, and
 * told by a Loss record in its place. Records that are too old go likewise.
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

enum drop_class {
	DROP_SAMPLES,
	DROP_RESULTS,
	DROP_EVENTS, /* and spans, and checks that are gone */
	DROP_CLASSES,
};

enum drop_cause {
	DROP_BOUND, /* there was no room for them on disk */
	DROP_AGE,
	DROP_MEMORY, /* nor in memory, where they were for lack of a disk */
	DROP_DISK, /* neither disk nor memory took them */
	DROP_SIZE, /* a single record over its limit */
	DROP_DAMAGE, /* they could not be read any more */
	DROP_CAUSES,
};

/* "samples", "results", "events". */
const char *drop_class_name(enum drop_class class);

/* "bound", "age", "memory", "disk", "size", "damage". */
const char *drop_cause_name(enum drop_cause cause);

struct spool_settings {
	const char *folder; /* made if it is not there */
	uint64_t max_bytes; /* of all segments; at least 1 MiB */
	uint64_t segment_bytes; /* a segment is ended when it is larger; 0: max_bytes / 32, 64 KiB to 4 MiB */
	int64_t max_age; /* nanoseconds that a record may wait for its outputs; 0: for ever */
	const char *machine_id; /* another one than before begins a new spool id; NULL or "": not known */
	int64_t (*unix_ms)(void); /* CLOCK_REALTIME, for tests; NULL: the real one */
	int64_t (*boot_ns)(void); /* CLOCK_BOOTTIME, likewise */
};

/* What spool_open() found, a bit each. */
enum spool_finding {
	SPOOL_DAMAGED = 1, /* records were lost to damage: a new spool id was begun */
	SPOOL_CLONED = 2, /* another machine wrote it: likewise */
};

/* What lies in the spool, and what was lost. */
struct spool_status {
	uint64_t first_seq; /* 0: empty */
	uint64_t last_seq;
	uint64_t bytes;
	int64_t oldest_ms; /* of the first record, by the wall clock; 0: empty */
	uint64_t dropped[DROP_CLASSES][DROP_CAUSES]; /* records, since dropped_since_ms */
	int64_t dropped_since_ms;
	const char *error; /* why it can't write to the disk at the moment; NULL: it can. Borrowed. */
};

/* Where an output is. */
struct spool_cursor {
	char *name;
	uint64_t seq; /* everything up to here was acknowledged */
	uint64_t stream; /* the segment in which the next record lies, 0: to be looked up */
	uint64_t offset;
	uint64_t lost; /* records that were dropped before this output had them: at least those told to it */
	uint64_t sent; /* nothing beyond it was handed out: on disk before it is done */
	uint64_t boundary; /* where the start was at which it was not probed yet */
	bool unprobed; /* no receiver has said yet how far it is, since that start */
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
	uint64_t known_seq; /* a receiver that has more of this spool id has it from someone else */
	uint32_t version; /* of the segment: whether the offset is still good */
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

/* Another age, likewise. Nanoseconds; 0: for ever. */
void spool_set_max_age(struct spool *spool, int64_t max_age);

/* Of enum spool_finding, together. */
unsigned spool_findings(const struct spool *spool);

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

/* Whether spool_flush() left work for another one: it does a bounded part of what the bounds ask for. */
bool spool_unsettled(const struct spool *spool);

/* Counts a record that could not even be appended; a Loss record will tell. */
void spool_count_lost(struct spool *spool, int kind, enum drop_cause cause);

/*
 * A receiver has more of this spool id than this agent ever sent: the state directory was rolled back, or
 * someone else has a copy of it. What lay there at the first start since is what the receiver has; what was
 * recorded after it goes on under a new id. cursor: of the output that was told so. 0 or -errno. Blocks.
 */
int spool_renew_id(struct spool *spool, struct spool_cursor *cursor);

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

/* An empty batch: a receiver's answer to it tells how far it is with this spool. Blocks. */
int spool_probe(struct spool *spool, struct spool_cursor *cursor, struct spool_batch *ret_batch);

/* The receiver was asked, and has nothing that did not come from here. */
void spool_probed(struct spool *spool, struct spool_cursor *cursor);

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
