/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/segment_file.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/fd.h"

#include <inttypes.h>
#include <stdio.h>

#define WINDOW ((size_t)SEGMENT_RECORD_MAX + SEGMENT_RECORD_HEADER_SIZE)

void segment_file_name(uint64_t stream, char name[static 32])
{
	snprintf(name, 32, "segment-%016" PRIx64, stream);
}

int segment_parse_name(const char *name, uint64_t *ret_stream)
{
	const char *digits = startswith(name, "segment-");
	char again[32];
	uint64_t stream;

	if (!digits || strlen(digits) != 16)
		return -EINVAL;
	stream = strtoull(digits, NULL, 16);
	segment_file_name(stream, again);
	if (!streq(again, name) || stream == 0)
		return -EINVAL;
	*ret_stream = stream;
	return 0;
}

int segment_walk(int fd, uint64_t offset, uint64_t end, const struct segment_visit *visit)
{
	_cleanup_free_ uint8_t *window = malloc(WINDOW);

	if (!window)
		return -ENOMEM;
	while (offset < end) {
		size_t want = (size_t)MIN((uint64_t)WINDOW, end - offset), at = 0;
		ssize_t got = fd_pread_full(fd, window, want, (off_t)offset);
		int r = 0;

		if (got < 0)
			return (int)got;
		while (at < (size_t)got) {
			const uint8_t *payload;
			size_t length, size;
			uint64_t seq;

			r = segment_decode_record(
				window + at, (size_t)got - at, &seq, &payload, &length, &size);
			if (r <= 0)
				break;
			at += size;
			r = visit->visit(seq, payload, length, offset + at, visit->userdata);
			if (r != 0)
				return r;
		}
		if (r < 0 || at == 0)
			return -EBADMSG;
		offset += at;
	}
	return 0;
}

void segment_encode_slot(const struct segment_slot *slot, uint8_t bytes[static SEGMENT_SLOT_SIZE])
{
	put_le64(bytes, slot->generation);
	put_le64(bytes + 8, slot->seq);
	put_le32(bytes + 16, crc32c(0, bytes, 16));
}

struct segment_slot segment_read_slots(int fd)
{
	uint8_t bytes[2 * SEGMENT_SLOT_SIZE] = {0};
	struct segment_slot best = {0, 0};

	if (fd_pread_full(fd, bytes, sizeof bytes, 0) < 0)
		return best;
	for (size_t at = 0; at < sizeof bytes; at += SEGMENT_SLOT_SIZE) {
		const uint8_t *slot = bytes + at;

		if (get_le32(slot + 16) == crc32c(0, slot, 16) && get_le64(slot) > best.generation)
			best = (struct segment_slot){get_le64(slot), get_le64(slot + 8)};
	}
	return best;
}
