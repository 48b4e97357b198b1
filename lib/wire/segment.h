/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of the spool on disk. A segment file is a header and then records to its end:
 *
 *   header  "gavea-spool\n" (12 bytes), u32 version (1), u64 stream, 16 bytes spool id, u64 first seq,
 *           u32 crc32c of the 48 bytes before
 *
 *   record  u32 length, u32 crc32c, u64 seq, payload[length]
 *
 * All numbers are little-endian. A record's crc32c covers its seq (8 bytes) and its payload. The payload is an encoded
 * gavea.v1.Record without its seq field. seq rises from record to record; it may skip numbers: what was dropped from a
 * segment leaves a gap, and a Loss record that tells of it bears the seq of the last one that is gone.
 *
 * A segment is complete in itself: every number of a series or check that it uses is declared in it before.
 */
#ifndef WIRE_SEGMENT_H
#define WIRE_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#define SEGMENT_HEADER_SIZE 52
#define SEGMENT_RECORD_HEADER_SIZE 16
#define SEGMENT_RECORD_MAX (1u << 20) /* of a payload */
#define SEGMENT_VERSION 1

struct segment_header {
	uint64_t stream;
	uint8_t spool_id[16];
	uint64_t first_seq; /* no record in it has a lower one: an empty segment tells where to go on */
};

void segment_encode_header(const struct segment_header *header, uint8_t bytes[static SEGMENT_HEADER_SIZE]);

/* 0; -EBADMSG: not a segment, or damaged; -EPROTONOSUPPORT: of a later version. */
int segment_decode_header(const uint8_t bytes[static SEGMENT_HEADER_SIZE], struct segment_header *ret_header);

/* Writes a record's header for this payload. */
void segment_encode_record(
	uint64_t seq, const void *payload, size_t length, uint8_t bytes[static SEGMENT_RECORD_HEADER_SIZE]);

/*
 * Judges the record at the start of these bytes. Returns 1 with its seq and payload (which points into bytes) and, in
 * *ret_size, the bytes that it takes; 0: the bytes end within it (a torn tail, or more to read);
 * -EBADMSG: its length is impossible or its crc does not fit.
 */
int segment_decode_record(const uint8_t *bytes, size_t size, uint64_t *ret_seq, const uint8_t **ret_payload,
	size_t *ret_length, size_t *ret_size);

/* The number of the field of a payload's body (GAVEA_RECORD_…), found without decoding it; 0: none. -EBADMSG: not a
 * protobuf message. */
int segment_record_kind(const uint8_t *payload, size_t length);

/* The same, with the record's time (0: it has none) in *ret_time_ms, which is only set when it is a message. */
int segment_record_head(const uint8_t *payload, size_t length, int64_t *ret_time_ms);

#endif
