/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "base/util.h"
#include "wire/segment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <gavea/plugin.h>

#include "proto/report.pb-c.h"

/* A record of this payload as it lies in a segment. Returns its size. */
static size_t record(uint8_t *bytes, uint64_t seq, const char *payload)
{
	segment_encode_record(seq, payload, strlen(payload), bytes);
	memcpy(bytes + SEGMENT_RECORD_HEADER_SIZE, payload, strlen(payload));
	return SEGMENT_RECORD_HEADER_SIZE + strlen(payload);
}

static void a_header_reads_back(void **state _unused_)
{
	struct segment_header header = {.stream = UINT64_C(0x0102030405060708)}, back;
	uint8_t bytes[SEGMENT_HEADER_SIZE];

	random_bytes(header.spool_id, sizeof header.spool_id);
	segment_encode_header(&header, bytes);
	assert_memory_equal(bytes, "gavea-spool\n\x01\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01", 24);
	assert_int_equal(segment_decode_header(bytes, &back), 0);
	assert_true(back.stream == header.stream);
	assert_memory_equal(back.spool_id, header.spool_id, sizeof header.spool_id);
}

static void a_header_with_any_bit_flipped_is_refused(void **state _unused_)
{
	struct segment_header header = {.stream = 7, .spool_id = {1, 2, 3}}, back;
	uint8_t bytes[SEGMENT_HEADER_SIZE];

	segment_encode_header(&header, bytes);
	for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(segment_decode_header(bytes, &back), -EBADMSG);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void a_record_reads_back_with_what_follows_left_alone(void **state _unused_)
{
	uint8_t bytes[200];
	size_t size = record(bytes, 41, "first"), length, taken;
	const uint8_t *payload;
	uint64_t seq;

	size += record(bytes + size, UINT64_MAX, "second one");
	assert_int_equal(segment_decode_record(bytes, size, &seq, &payload, &length, &taken), 1);
	assert_true(seq == 41);
	assert_int_equal(length, 5);
	assert_int_equal(taken, 21);
	assert_memory_equal(payload, "first", 5);
	assert_int_equal(
		segment_decode_record(bytes + taken, size - taken, &seq, &payload, &length, &taken), 1);
	assert_true(seq == UINT64_MAX);
	assert_memory_equal(payload, "second one", length);
}

static void a_record_torn_at_any_byte_wants_more(void **state _unused_)
{
	uint8_t bytes[100];
	size_t size = record(bytes, 1, "some payload"), length, taken;
	const uint8_t *payload;
	uint64_t seq;

	for (size_t cut = 0; cut < size; cut++) {
		/* A copy of that size, so that a read beyond it is seen. */
		_cleanup_free_ uint8_t *torn = malloc(MAX(cut, (size_t)1));

		assert_non_null(torn);
		memcpy(torn, bytes, cut);
		assert_int_equal(segment_decode_record(torn, cut, &seq, &payload, &length, &taken), 0);
	}
}

static void a_record_with_any_bit_flipped_is_never_taken(void **state _unused_)
{
	uint8_t bytes[100];
	size_t size = record(bytes, 9, "some payload"), length, taken;
	const uint8_t *payload;
	uint64_t seq;

	for (size_t bit = 0; bit < 8 * size; bit++) {
		int r;

		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		r = segment_decode_record(bytes, size, &seq, &payload, &length, &taken);
		/* A length that grew looks like a torn tail; everything else is damage. */
		assert_true(r == -EBADMSG || (r == 0 && bit < 32));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void impossible_lengths_are_damage(void **state _unused_)
{
	uint8_t bytes[SEGMENT_RECORD_HEADER_SIZE] = {0};
	const uint8_t *payload;
	size_t length, taken;
	uint64_t seq;

	assert_int_equal(
		segment_decode_record(bytes, sizeof bytes, &seq, &payload, &length, &taken), -EBADMSG);
	memset(bytes, 0xff, 4);
	assert_int_equal(
		segment_decode_record(bytes, sizeof bytes, &seq, &payload, &length, &taken), -EBADMSG);
	memcpy(bytes, (uint8_t[]){1, 0, 0x10, 0}, 4);
	assert_int_equal(
		segment_decode_record(bytes, sizeof bytes, &seq, &payload, &length, &taken), -EBADMSG);
	memcpy(bytes, (uint8_t[]){0, 0, 0x10, 0}, 4);
	assert_int_equal(segment_decode_record(bytes, sizeof bytes, &seq, &payload, &length, &taken), 0);
}

static void a_zeroed_tail_is_damage_not_records(void **state _unused_)
{
	uint8_t bytes[64] = {0};
	const uint8_t *payload;
	size_t length, taken;
	uint64_t seq;

	assert_int_equal(
		segment_decode_record(bytes, sizeof bytes, &seq, &payload, &length, &taken), -EBADMSG);
}

static void the_kind_of_a_record_is_found_without_decoding_it(void **state _unused_)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Event event = GAVEA__V1__EVENT__INIT;
	uint8_t bytes[100];

	record.body_case = GAVEA__V1__RECORD__BODY_EVENT;
	record.event = &event;
	assert_int_equal(
		segment_record_kind(bytes, gavea__v1__record__pack(&record, bytes)), GAVEA_RECORD_EVENT);
	record.seq = UINT64_MAX;
	record.time_ms = 1764000000000;
	assert_int_equal(
		segment_record_kind(bytes, gavea__v1__record__pack(&record, bytes)), GAVEA_RECORD_EVENT);
}

static void a_payload_without_a_body_has_no_kind(void **state _unused_)
{
	assert_int_equal(segment_record_kind((const uint8_t *)"", 0), 0);
	assert_int_equal(segment_record_kind((const uint8_t *)"\x08\x01", 2), 0);
}

static void a_payload_that_is_no_message_is_refused(void **state _unused_)
{
	static const char *const bad[] = {"\x08", "\x08\xff", "\x80", "\x02\x01",
		"\x09\x01\x01\x01\x01\x01\x01\x01\x01", "\x0f",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\xf8\xff\x7f\x01"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(segment_record_kind((const uint8_t *)bad[i], strlen(bad[i])), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_reads_back),
		cmocka_unit_test(a_header_with_any_bit_flipped_is_refused),
		cmocka_unit_test(a_record_reads_back_with_what_follows_left_alone),
		cmocka_unit_test(a_record_torn_at_any_byte_wants_more),
		cmocka_unit_test(a_record_with_any_bit_flipped_is_never_taken),
		cmocka_unit_test(impossible_lengths_are_damage),
		cmocka_unit_test(a_zeroed_tail_is_damage_not_records),
		cmocka_unit_test(the_kind_of_a_record_is_found_without_decoding_it),
		cmocka_unit_test(a_payload_without_a_body_has_no_kind),
		cmocka_unit_test(a_payload_that_is_no_message_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
