/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"
#include "cli/table.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct table_column columns[] = {
	{.title = "NAME"}, {.title = "N", .right = true}, {.title = "TEXT"}};

static void columns_are_as_wide_as_their_widest_cell(void **state _unused_)
{
	const struct terminal terminal = {.utf8 = true};
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_table_ struct table table = {.columns = NULL};

	table_init(&table, columns, ARRAY_SIZE(columns));
	table_add(&table, STYLE_PLAIN, "ação");
	table_add(&table, STYLE_PLAIN, "%d", 7);
	table_add(&table, STYLE_PLAIN, "first");
	table_add(&table, STYLE_PLAIN, "日本");
	table_add(&table, STYLE_PLAIN, "%d", 100);
	table_add(&table, STYLE_PLAIN, "second");
	assert_int_equal(table_write(&table, &terminal, 1, &out), 0);
	assert_string_equal(buf_str(&out),
		" NAME    N  TEXT\n"
		" ação    7  first\n"
		" 日本  100  second\n");
}

static void the_last_column_is_cut_off_at_the_edge(void **state _unused_)
{
	const struct terminal terminal = {.utf8 = true, .width = 24};
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_table_ struct table table = {.columns = NULL};

	table_init(&table, columns, ARRAY_SIZE(columns));
	table_add(&table, STYLE_PLAIN, "a");
	table_add(&table, STYLE_PLAIN, "1");
	table_add(&table, STYLE_PLAIN, "é é é é é é é é é é é é é");
	assert_int_equal(table_write(&table, &terminal, 0, &out), 0);
	assert_string_equal(buf_str(&out),
		"NAME  N  TEXT\n"
		"a     1  é é é é é é é …\n");
}

static void text_from_outside_cannot_talk_to_the_terminal(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	text_clean("a\033[2Jb\nc\x7f"
		   "d\xc2\x9b"
		   "31me\xff\xe2\x80\xae!",
		&out);
	assert_string_equal(buf_str(&out),
		"a [2Jb c?d?31me?"
		"?!");
}

static void text_is_cut_between_characters(void **state _unused_)
{
	const struct terminal utf8 = {.utf8 = true}, ascii = {.utf8 = false};
	_cleanup_buf_ struct buf out = BUF_INIT;

	assert_int_equal(text_fit(&utf8, "日本語", 5, &out), 5);
	assert_string_equal(buf_str(&out), "日本…");
	buf_reset(&out);
	assert_int_equal(text_fit(&utf8, "日本語", 4, &out), 3);
	assert_string_equal(buf_str(&out), "日…");
	buf_reset(&out);
	assert_int_equal(text_fit(&ascii, "abcdefgh", 6, &out), 6);
	assert_string_equal(buf_str(&out), "abc...");
	buf_reset(&out);
	assert_int_equal(text_fit(&utf8, "ab", 0, &out), 0);
	assert_string_equal(buf_str(&out), "");
}

static void colour_is_written_only_where_it_is_wanted(void **state _unused_)
{
	const struct terminal plain = {.utf8 = true}, colour = {.utf8 = true, .colour = true};
	_cleanup_buf_ struct buf out = BUF_INIT;

	format_status(&plain, GAVEA_CRITICAL, &out);
	assert_string_equal(buf_str(&out), "✗ critical");
	buf_reset(&out);
	format_status(&colour, GAVEA_OK, &out);
	assert_string_equal(buf_str(&out), "\033[32m✓ ok\033[0m");
}

static void times_are_told_roughly_and_never_negative(void **state _unused_)
{
	char text[FORMAT_SIZE];

	assert_string_equal(format_age(text, 0, 5000), "-");
	assert_string_equal(format_age(text, 9000, 5000), "0s");
	assert_string_equal(format_age(text, 1000, 201000), "3min 20s");
	assert_string_equal(format_age(text, INT64_MIN, INT64_MAX), "0s");
	assert_string_equal(format_wait(text, 0, 5000), "-");
	assert_string_equal(format_wait(text, 4000, 5000), "now");
	assert_string_equal(format_wait(text, 17000, 5000), "in 12s");
	assert_string_equal(format_run(text, 1500), "1.5 ms");
	assert_string_equal(format_run(text, 450000), "450 ms");
	assert_string_equal(format_run(text, 3200000), "3.2 s");
}

static void numbers_are_as_short_as_they_are_exact(void **state _unused_)
{
	char text[FORMAT_SIZE];

	assert_string_equal(format_number(text, 17179869184.0), "17179869184");
	assert_string_equal(format_number(text, 0.25), "0.25");
	assert_string_equal(format_number(text, 0.1), "0.1");
	assert_string_equal(format_number(text, 1.0 / 3), "0.3333333333333333");
	assert_string_equal(format_number(text, -1e300), "-1e+300");
}

static int use_utf8(void **state _unused_)
{
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(the_last_column_is_cut_off_at_the_edge),
		cmocka_unit_test(text_from_outside_cannot_talk_to_the_terminal),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(colour_is_written_only_where_it_is_wanted),
		cmocka_unit_test(times_are_told_roughly_and_never_negative),
		cmocka_unit_test(numbers_are_as_short_as_they_are_exact),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
