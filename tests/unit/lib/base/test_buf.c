/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void an_empty_buffer_reads_as_empty_text(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	assert_string_equal(buf_str(&buf), "");
	assert_int_equal(buf.size, 0);
	assert_int_equal(buf_error(&buf), 0);
}

static void what_is_appended_follows_and_ends_with_nul(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	buf_add_str(&buf, "one");
	buf_add_char(&buf, ' ');
	buf_printf(&buf, "%d %s", 2, "three");
	buf_add(&buf, "\0x", 2);
	assert_int_equal(buf.size, 13);
	assert_memory_equal(buf.data, "one 2 three\0x", 14);
}

static void it_grows_over_many_appends(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	for (int i = 0; i < 100000; i++)
		buf_add_char(&buf, (char)('a' + i % 26));
	assert_int_equal(buf.size, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf.data[i], 'a' + i % 26);
}

static void over_the_limit_nothing_is_added_and_it_is_remembered(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	buf.limit = 5;
	buf_add_str(&buf, "12345");
	assert_int_equal(buf_error(&buf), 0);
	buf_add_char(&buf, '6');
	assert_int_equal(buf_error(&buf), -E2BIG);
	assert_string_equal(buf_str(&buf), "12345");
	buf_printf(&buf, "%s", "");
	assert_int_equal(buf_error(&buf), -E2BIG);
}

static void an_impossible_size_is_an_error_not_an_overflow(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	buf_add_str(&buf, "x");
	assert_null(buf_extend(&buf, SIZE_MAX));
	assert_int_equal(buf_error(&buf), -E2BIG);
	buf_reset(&buf);
	assert_null(buf_extend(&buf, SIZE_MAX - 1));
	assert_int_equal(buf_error(&buf), -ENOMEM);
}

static void a_reset_forgets_content_and_error(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	buf.limit = 3;
	buf_add_str(&buf, "four");
	buf_reset(&buf);
	assert_int_equal(buf_error(&buf), 0);
	buf_add_str(&buf, "abc");
	assert_string_equal(buf_str(&buf), "abc");
}

static void extended_room_is_counted_when_the_caller_says_so(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;
	char *room = buf_extend(&buf, 4);

	assert_non_null(room);
	memcpy(room, "abcd", 4);
	assert_int_equal(buf.size, 0);
	buf.size += 4;
	buf_add_str(&buf, "e");
	assert_string_equal(buf_str(&buf), "abcde");
}

static void taking_hands_the_text_over_and_empties(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;
	_cleanup_free_ char *text = NULL, *none = NULL;

	buf.limit = 10;
	none = buf_take(&buf);
	assert_string_equal(none, "");
	buf_add_str(&buf, "text");
	text = buf_take(&buf);
	assert_string_equal(text, "text");
	assert_int_equal(buf.size, 0);
	assert_int_equal(buf.limit, 10);
	buf_add_str(&buf, "far too much");
	assert_null(buf_take(&buf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_reads_as_empty_text),
		cmocka_unit_test(what_is_appended_follows_and_ends_with_nul),
		cmocka_unit_test(it_grows_over_many_appends),
		cmocka_unit_test(over_the_limit_nothing_is_added_and_it_is_remembered),
		cmocka_unit_test(an_impossible_size_is_an_error_not_an_overflow),
		cmocka_unit_test(a_reset_forgets_content_and_error),
		cmocka_unit_test(extended_room_is_counted_when_the_caller_says_so),
		cmocka_unit_test(taking_hands_the_text_over_and_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
