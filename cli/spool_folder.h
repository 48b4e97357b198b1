/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's spool as it lies on disk, read without the agent and without changing anything. What the agent writes
 * or drops meanwhile may be missed, but is never taken for damage. */
#ifndef CLI_SPOOL_FOLDER_H
#define CLI_SPOOL_FOLDER_H

#include "base/error.h"
#include "wire/segment_file.h"

#include <errno.h>
#include <stdbool.h>

enum segment_end {
	SEGMENT_WHOLE,
	SEGMENT_TORN, /* ends within a record: a write that was under way, cut at the next start */
	SEGMENT_DAMAGED,
	SEGMENT_GONE, /* the agent dropped it meanwhile */
};

struct spool_segment {
	char name[32];
	uint64_t stream;
	char spool_id[33]; /* "": its header can't be read */
	uint64_t size;
	uint64_t good; /* the offset behind the last good record: where damage begins */
	uint64_t first_seq, last_seq; /* 0: no records */
	uint64_t records, samples, results, events, losses, others;
	uint64_t skipped; /* seqs that are not there, between its records */
	int64_t oldest_ms, newest_ms;
	enum segment_end end;
	char problem[96]; /* of a damaged one, for people */
};

struct spool_position {
	char name[256]; /* of the output, "fleet.default" */
	uint64_t seq; /* everything up to here was acknowledged */
};

struct spool_folder {
	int fd;
	struct spool_segment *segments; /* oldest first */
	size_t count, room;
	struct spool_position *positions; /* by name */
	size_t position_count, position_room;
	char **aside; /* files that the agent set aside as damaged */
	size_t aside_count, aside_room;
};

#define SPOOL_FOLDER_INIT \
	{ \
		.fd = -EBADF \
	}

/* Lists the folder; the segments have their names only. 0 or -errno, with an error that says what to do. Blocks. */
int spool_folder_open(const char *path, struct spool_folder *ret_folder, struct error *error);
void spool_folder_done(struct spool_folder *folder);

/*
 * Reads a segment, judges every record, fills in the rest of it, and hands its good records to visit (which may be
 * NULL) until that returns nonzero, which is returned. 0; -errno when it can't be read at all. Blocks.
 */
int spool_folder_read(
	struct spool_folder *folder, struct spool_segment *segment, const struct segment_visit *visit);

#endif
