/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: lib/wire
/* A segment file as recovery walks through it: what is accepted must encode to the same bytes again. */
#include "base/util.h"
#include "wire/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct segment_header header;
	uint8_t bytes[SEGMENT_HEADER_SIZE];
	const uint8_t *payload;
	size_t length, taken;
	uint64_t seq;

	segment_record_kind(data, size);
	if (size < SEGMENT_HEADER_SIZE)
		return 0;
	if (segment_decode_header(data, &header) == 0) {
		segment_encode_header(&header, bytes);
		if (memcmp(bytes, data, SEGMENT_HEADER_SIZE) != 0)
			abort();
	}
	data += SEGMENT_HEADER_SIZE;
	size -= SEGMENT_HEADER_SIZE;
	while (segment_decode_record(data, size, &seq, &payload, &length, &taken) == 1) {
		if (taken > size || payload < data || payload + length > data + size)
			abort();
		segment_encode_record(seq, payload, length, bytes);
		if (memcmp(bytes, data, SEGMENT_RECORD_HEADER_SIZE) != 0)
			abort();
		segment_record_kind(payload, length);
		data += taken;
		size -= taken;
	}
	return 0;
}
