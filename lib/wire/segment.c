/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/segment.h"
#include "base/bytes.h"
#include "base/crc32c.h"

#include <errno.h>
#include <string.h>

static const char magic[12] = "gavea-spool\n";

void segment_encode_header(const struct segment_header *header, uint8_t bytes[static SEGMENT_HEADER_SIZE])
{
	memcpy(bytes, magic, sizeof magic);
	put_le32(bytes + 12, SEGMENT_VERSION);
	put_le64(bytes + 16, header->stream);
	memcpy(bytes + 24, header->spool_id, sizeof header->spool_id);
	put_le64(bytes + 40, header->first_seq);
	put_le32(bytes + 48, crc32c(0, bytes, 48));
}

int segment_decode_header(const uint8_t bytes[static SEGMENT_HEADER_SIZE], struct segment_header *ret_header)
{
	if (memcmp(bytes, magic, sizeof magic) != 0 || get_le32(bytes + 48) != crc32c(0, bytes, 48))
		return -EBADMSG;
	if (get_le32(bytes + 12) != SEGMENT_VERSION)
		return -EPROTONOSUPPORT;
	ret_header->stream = get_le64(bytes + 16);
	memcpy(ret_header->spool_id, bytes + 24, sizeof ret_header->spool_id);
	ret_header->first_seq = get_le64(bytes + 40);
	return 0;
}

void segment_encode_record(
	uint64_t seq, const void *payload, size_t length, uint8_t bytes[static SEGMENT_RECORD_HEADER_SIZE])
{
	put_le32(bytes, (uint32_t)length);
	put_le64(bytes + 8, seq);
	put_le32(bytes + 4, crc32c(crc32c(0, bytes + 8, 8), payload, length));
}

int segment_decode_record(const uint8_t *bytes, size_t size, uint64_t *ret_seq, const uint8_t **ret_payload,
	size_t *ret_length, size_t *ret_size)
{
	uint32_t length;

	if (size < SEGMENT_RECORD_HEADER_SIZE)
		return 0;
	length = get_le32(bytes);
	if (length == 0 || length > SEGMENT_RECORD_MAX)
		return -EBADMSG;
	if (size - SEGMENT_RECORD_HEADER_SIZE < length)
		return 0;
	if (get_le32(bytes + 4) != crc32c(0, bytes + 8, 8 + (size_t)length))
		return -EBADMSG;
	*ret_seq = get_le64(bytes + 8);
	*ret_payload = bytes + SEGMENT_RECORD_HEADER_SIZE;
	*ret_length = length;
	*ret_size = SEGMENT_RECORD_HEADER_SIZE + (size_t)length;
	return 1;
}

/* Reads a varint at *at. 0 or -EBADMSG. */
static int read_varint(const uint8_t *bytes, size_t length, size_t *at, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && *at < length; shift += 7) {
		uint8_t byte = bytes[(*at)++];

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return 0;
		}
	}
	return -EBADMSG;
}

int segment_record_head(const uint8_t *payload, size_t length, int64_t *ret_time_ms)
{
	int64_t time_ms = 0;
	size_t at = 0;

	/* Fields before the body are varints: seq and time. The body is length-delimited. */
	while (at < length) {
		uint64_t key, value;

		if (read_varint(payload, length, &at, &key) < 0 || key >> 3 == 0 || key >> 3 > 1000)
			return -EBADMSG;
		if ((key & 7) == 2) {
			*ret_time_ms = time_ms;
			return (int)(key >> 3);
		}
		if ((key & 7) != 0 || read_varint(payload, length, &at, &value) < 0)
			return -EBADMSG;
		if (key >> 3 == 2)
			time_ms = (int64_t)value;
	}
	*ret_time_ms = time_ms;
	return 0;
}

int segment_record_kind(const uint8_t *payload, size_t length)
{
	int64_t time_ms;

	return segment_record_head(payload, length, &time_ms);
}
