/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/segment_file.h"

#include "base/fd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void names_are_of_one_form_only(void **state)
{
	static const char *const bad[] = {"segment-", "segment-0000000000000000", "segment-1",
		"segment-000000000000000G", "segment-000000000000000A", "segment-0000000000000001.new",
		"segment-0000000000000001.damaged", "cursor-0000000000000001", "segment- 000000000000001"};
	char name[32];
	uint64_t stream;

	(void)state;
	segment_file_name(0xabcdef, name);
	assert_string_equal(name, "segment-0000000000abcdef");
	assert_int_equal(segment_parse_name(name, &stream), 0);
	assert_int_equal(stream, 0xabcdef);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(segment_parse_name(bad[i], &stream), -EINVAL);
}

static void the_newer_slot_that_is_whole_counts(void **state)
{
	_cleanup_fd_ int fd = memfd_create("cursor", MFD_CLOEXEC);
	struct segment_slot first = {7, 100}, second = {8, 200};
	uint8_t bytes[SEGMENT_SLOT_SIZE];

	(void)state;
	assert_int_equal(segment_read_slots(fd).generation, 0);
	segment_encode_slot(&first, bytes);
	assert_int_equal(fd_pwrite_full(fd, bytes, sizeof bytes, SEGMENT_SLOT_SIZE), 0);
	assert_int_equal(segment_read_slots(fd).seq, 100);
	segment_encode_slot(&second, bytes);
	assert_int_equal(fd_pwrite_full(fd, bytes, sizeof bytes, 0), 0);
	assert_int_equal(segment_read_slots(fd).seq, 200);
	/* Torn in the writing: the one before it counts. */
	bytes[9] ^= 1;
	assert_int_equal(fd_pwrite_full(fd, bytes, sizeof bytes, 0), 0);
	assert_int_equal(segment_read_slots(fd).seq, 100);
}

static int count_and_stop(uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata)
{
	uint64_t *last = userdata;

	(void)payload;
	(void)length;
	(void)next;
	*last = seq;
	return seq == 2 ? 5 : 0;
}

static void a_walk_ends_where_it_is_told_to_and_names_damage(void **state)
{
	_cleanup_fd_ int fd = memfd_create("segment", MFD_CLOEXEC);
	uint8_t header[SEGMENT_RECORD_HEADER_SIZE];
	struct segment_visit visit = {count_and_stop, NULL};
	uint64_t last = 0, end = 0;

	(void)state;
	visit.userdata = &last;
	for (uint64_t seq = 1; seq <= 3; seq++) {
		segment_encode_record(seq, "abc", 3, header);
		assert_int_equal(fd_pwrite_full(fd, header, sizeof header, (off_t)end), 0);
		assert_int_equal(fd_pwrite_full(fd, "abc", 3, (off_t)(end + sizeof header)), 0);
		end += sizeof header + 3;
	}
	assert_int_equal(segment_walk(fd, 0, end, &visit), 5);
	assert_int_equal(last, 2);
	assert_int_equal(segment_walk(fd, 38, end, &visit), 0);
	assert_int_equal(last, 3);
	assert_int_equal(segment_walk(fd, 38, end - 1, &visit), -EBADMSG);
	assert_int_equal(segment_walk(fd, 1, end, &visit), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_of_one_form_only),
		cmocka_unit_test(the_newer_slot_that_is_whole_counts),
		cmocka_unit_test(a_walk_ends_where_it_is_told_to_and_names_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
