/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the spool share. For no one else. */
#ifndef MANAGER_SPOOL_INTERNAL_H
#define MANAGER_SPOOL_INTERNAL_H

#include "base/buf.h"
#include "base/strmap.h"
#include "core/manager/segments.h"
#include "core/manager/spool.h"

struct pending {
	uint64_t seq;
	int64_t time_ms;
	int kind;
};

/* What a Loss record tells. */
struct loss {
	uint64_t first_seq, last_seq; /* 0: of records that never had one */
	uint64_t counts[DROP_CLASSES];
	enum drop_cause cause;
	int64_t time_ms;
};

#define LOSS_MAX_BYTES 256 /* encoded */

struct saved_cursor {
	char *name;
	uint64_t sent, boundary;
	bool unprobed;
};

struct spool {
	char *folder_path;
	int64_t (*unix_ms)(void);
	int64_t (*boot_ns)(void);
	int64_t max_age;
	uint64_t max_bytes;
	uint64_t segment_bytes;

	struct segment *segments; /* oldest first; the last one is written to */
	size_t count;
	size_t room;
	uint64_t next_stream;
	uint64_t next_seq;
	uint64_t recovered_seq; /* the last one that lay there at the start */

	struct buf pending; /* encoded, not written yet */
	struct pending *pending_kinds;
	size_t pending_count;
	size_t pending_room;

	struct spool_cursor **cursors;
	size_t cursor_count;
	size_t cursor_room;
	struct saved_cursor *saved; /* from the state file, until their cursors are opened */
	size_t saved_count;

	uint64_t dropped[DROP_CLASSES][DROP_CAUSES];
	struct loss untold[DROP_CAUSES]; /* of these, what no Loss record tells of yet */
	int64_t dropped_since_ms;
	struct strmap said; /* by check: what its last result says, up to the segment that was thinned last */
	uint64_t said_up_to; /* that stream; 0: none */
	int64_t retry_disk_at; /* CLOCK_MONOTONIC */

	int folder;
	unsigned findings;
	bool has_memory_id;
	bool damaged; /* a segment was found damaged at the start */
	bool segment_bytes_fixed; /* by the settings, not by max_bytes */
	bool unsettled; /* there is more to do for the bounds */
	bool unsaved; /* what spool_state_save() writes */
	bool thinning_failed; /* the last try: said once */
	uint8_t id[16]; /* of what lies on disk */
	uint8_t memory_id[16]; /* of what lies in memory, while it does */
	char machine_id[33];
	char disk_error[160];
};

/* ---- spool_files.c ---- */

/* The disk did not do what it should: says so, once, and when to try it again. */
void spool_disk_failed(struct spool *spool, const char *what, int error);

/* Opens and locks the folder. 0, also when it is open; -errno. */
int spool_open_folder(struct spool *spool);

void spool_remove_segment(struct spool *spool, size_t i);

/* ---- spool_recover.c ---- */

/* Takes in what an earlier run left. 0 or -ENOMEM. */
int spool_recover(struct spool *spool);

/* ---- spool_drops.c ---- */

/* The class of a kind of record; negative: not counted (declarations and the like). */
int drop_class_of(int kind);

/* The records of the loss count as dropped. */
void spool_count_loss(struct spool *spool, const struct loss *loss);

size_t loss_encode(const struct loss *loss, uint8_t bytes[static LOSS_MAX_BYTES]);

/* Reads one that loss_encode() wrote. 0 or -EBADMSG. */
int loss_decode(const uint8_t *payload, size_t length, struct loss *ret_loss);

/* A loss that has no place: the next flush appends a Loss record. */
void spool_tell_later(struct spool *spool, const struct loss *loss);

/* ---- spool_state.c ---- */

/* Reads what the spool keeps of itself; whether this machine wrote it is found by that. */
void spool_state_load(struct spool *spool);

/* Writes it, if it changed. */
void spool_state_save(struct spool *spool);

/* What the state file had of this cursor, as far as it had. */
void spool_state_apply(struct spool *spool, struct spool_cursor *cursor);

/* Forgets what was loaded. */
void spool_state_done(struct spool *spool);

/* Whatever the spool's files say: up to here numbers were given out under its id. */
uint64_t spool_state_sent(const struct spool *spool);

/* ---- spool_thin.c ---- */

/*
 * Takes so much out of a segment, which is not the current one. 1: it is smaller, or gone; 0: there was nothing
 * to take; -errno: it is as it was. Blocks: reads and writes one segment.
 */
int spool_thin(struct spool *spool, size_t i, enum thinning level, enum drop_cause cause);

/* ---- spool_bound.c ---- */

bool spool_anyone_behind(const struct spool *spool, const struct segment *segment);
uint64_t spool_bytes_in(const struct spool *spool, bool in_memory);

/* Keeps the bounds, as far as a bounded number of steps gets. */
void spool_keep_bounds(struct spool *spool);

/* ---- spool_read.c ---- */

void spool_cursor_free(struct spool_cursor *cursor);

/* Writes the cursors that moved. Their files are a hint: one that is behind only means that a receiver sees
 * records again, which it knows. So they are not synced. */
void spool_cursors_save(struct spool *spool);

#endif
