/* SPDX-License-Identifier: Apache-2.0 */
/* One segment of the spool: a file on disk, or in memory. */
#ifndef MANAGER_SEGMENTS_H
#define MANAGER_SEGMENTS_H

#include "wire/segment_file.h"

#include <stdbool.h>

/* What was taken out of a segment to keep the spool's bound. Each includes those before. */
enum thinning {
	THINNED_NOT,
	THINNED_SAMPLES,
	THINNED_REPEATS, /* results that say what the one before said */
	THINNED_ALL, /* only Loss records are left */
};

struct segment {
	uint64_t stream;
	uint8_t spool_id[16];
	bool in_memory;
	int fd; /* open for writing while it is the current one, or when in memory; else -EBADF */
	uint64_t size; /* synced bytes, header included */
	uint64_t begin_seq; /* no record in it has a lower one */
	uint64_t first_seq; /* 0: no record */
	uint64_t last_seq;
	uint64_t records;
	uint64_t samples; /* records by class */
	uint64_t results;
	uint64_t events; /* spans and checks that are gone as well */
	uint64_t losses; /* Loss records: what tells of those that were dropped */
	int64_t oldest_ms; /* time of its first record, wall clock */
	int64_t newest_ms; /* the latest time of any */
	int64_t written_ns; /* CLOCK_BOOTTIME: when its last record came, as far as can be known */
	int thinned; /* as much was taken out of it already: enum thinning */
	uint32_t version; /* changes when its offsets do */
};

/* Makes a new file (or a memfd) with its header synced. 0 or -errno. Blocks. */
int segment_create(
	int folder, const struct segment_header *header, bool in_memory, struct segment *ret_segment);

/* Opens for reading. A descriptor or -errno. */
int segment_open(int folder, const struct segment *segment);

/* Reads a whole file, judges each record, cuts a torn tail. 0; 1: damaged in the middle (the segment holds
 * what comes before); -ENODATA: its header was never written, so it has no records; -EBADMSG: no usable header;
 * -errno. In *ret_lost are counted the records that could be made out behind damage, or without a header. Blocks. */
int segment_recover(int folder, uint64_t stream, struct segment *ret_segment, struct segment *ret_lost);

/* Counts a record of this kind and time into the segment. */
void segment_count(struct segment *segment, uint64_t seq, int kind, int64_t time_ms);

#endif
