/* SPDX-License-Identifier: Apache-2.0 */
/* The files in the spool's folder: what they are called, and how they are read. The agent writes them; the command line
 * reads them too. */
#ifndef WIRE_SEGMENT_FILE_H
#define WIRE_SEGMENT_FILE_H

#include "wire/segment.h"

/* The file's name: "segment-%016x". */
void segment_file_name(uint64_t stream, char name[static 32]);

/* Parses such a name. 0 or -EINVAL. */
int segment_parse_name(const char *name, uint64_t *ret_stream);

/*
 * Goes through the records in [offset, end) of an open segment, oldest first, until visit returns nonzero,
 * which is returned. next is the offset behind the record; the record's header stands right before its payload.
 * 0 at the end; -EBADMSG: what comes next is no record. Blocks.
 */
struct segment_visit {
	int (*visit)(uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata);
	void *userdata;
};
int segment_walk(int fd, uint64_t offset, uint64_t end, const struct segment_visit *visit);

/* A cursor's file, "cursor-NAME", has two slots that are written in turn: { u64 generation, u64 seq, u32 crc32c }. */
#define SEGMENT_SLOT_SIZE 20

struct segment_slot {
	uint64_t generation; /* 0: none was written */
	uint64_t seq;
};

void segment_encode_slot(const struct segment_slot *slot, uint8_t bytes[static SEGMENT_SLOT_SIZE]);

/* The newer of the two that is whole. Blocks. */
struct segment_slot segment_read_slots(int fd);

#endif
