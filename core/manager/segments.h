/* SPDX-License-Identifier: Apache-2.0 */
/* One segment of the spool: a file on disk, or in memory. */
#ifndef MANAGER_SEGMENTS_H
#define MANAGER_SEGMENTS_H

#include "wire/segment.h"

#include <stdbool.h>

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
	uint64_t events;
};

/* The file's name: "segment-%016x". */
void segment_file_name(uint64_t stream, char name[static 32]);

/* Parses such a name. 0 or -EINVAL. */
int segment_parse_name(const char *name, uint64_t *ret_stream);

/* Makes a new file (or a memfd) with its header synced. 0 or -errno. Blocks. */
int segment_create(
	int folder, const struct segment_header *header, bool in_memory, struct segment *ret_segment);

/* Opens for reading. A descriptor or -errno. */
int segment_open(int folder, const struct segment *segment);

/* Reads a whole file, judges each record, cuts a torn tail. 0; 1: damaged in the middle (the segment holds
 * what comes before); -ENODATA: its header was never written, so it has no records; -EBADMSG: no usable header;
 * -errno. Blocks. */
int segment_recover(int folder, uint64_t stream, struct segment *ret_segment);

/* Counts a record of this kind into the segment. */
void segment_count(struct segment *segment, uint64_t seq, int kind);

/*
 * Goes through the records in [offset, end) of an open segment, oldest first, until visit returns nonzero,
 * which is returned. next is the offset behind the record. 0 at the end; -EBADMSG. Blocks.
 */
struct segment_visit {
	int (*visit)(uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata);
	void *userdata;
};
int segment_walk(int fd, uint64_t offset, uint64_t end, const struct segment_visit *visit);

#endif
