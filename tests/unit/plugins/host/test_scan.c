/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/host/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_number_is_read_after_blanks_and_its_end_returned(void **state)
{
	const char *text = " \t42 7";
	uint64_t value = 0;

	(void)state;
	assert_ptr_equal(scan_u64(text, &value), text + 4);
	assert_int_equal(value, 42);
}

static void what_is_no_number_is_refused(void **state)
{
	uint64_t value = 5;

	(void)state;
	assert_null(scan_u64("", &value));
	assert_null(scan_u64("  -1", &value));
	assert_null(scan_u64(" \n1", &value));
	assert_int_equal(value, 5);
}

static void a_number_too_large_becomes_the_largest(void **state)
{
	uint64_t value = 0;

	(void)state;
	assert_non_null(scan_u64("18446744073709551615", &value));
	assert_true(value == UINT64_MAX);
	assert_non_null(scan_u64("18446744073709551616", &value));
	assert_true(value == UINT64_MAX);
	assert_non_null(scan_u64("99999999999999999999999999", &value));
	assert_true(value == UINT64_MAX);
}

static void a_row_of_numbers_ends_with_the_line(void **state)
{
	uint64_t values[4] = {0};

	(void)state;
	assert_int_equal(scan_numbers("1 2\n3", values, 4), 2);
	assert_int_equal(scan_numbers("1 2 3 4 5", values, 4), 4);
	assert_int_equal(values[3], 4);
	assert_int_equal(scan_numbers("x", values, 4), 0);
}

static void decimals_are_the_doubles_that_strtod_makes(void **state)
{
	static const char *const texts[] = {"0.00", "0.31", "12.99", "1234.5", "7", "0.1", "65535.07"};
	double value = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_non_null(scan_decimal(texts[i], &value));
		assert_true(value == strtod(texts[i], NULL));
	}
	assert_non_null(scan_decimal("0.333333333333333333333333333", &value));
	assert_true(value >= 0.333333333 && value < 0.333333334);
	assert_null(scan_decimal("nan", &value));
}

static void words_and_lines_end_where_the_text_does(void **state)
{
	const char *text = "a bc\nd\n";
	size_t size = 9;

	(void)state;
	assert_ptr_equal(scan_word(text + 1, &size), text + 2);
	assert_int_equal(size, 2);
	assert_null(scan_word(text + 4, &size));
	assert_null(scan_word("  ", &size));
	assert_ptr_equal(scan_line(text), text + 5);
	assert_null(scan_line(text + 5));
	assert_null(scan_line("x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_read_after_blanks_and_its_end_returned),
		cmocka_unit_test(what_is_no_number_is_refused),
		cmocka_unit_test(a_number_too_large_becomes_the_largest),
		cmocka_unit_test(a_row_of_numbers_ends_with_the_line),
		cmocka_unit_test(decimals_are_the_doubles_that_strtod_makes),
		cmocka_unit_test(words_and_lines_end_where_the_text_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
