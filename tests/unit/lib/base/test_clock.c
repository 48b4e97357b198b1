/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void times_are_written_as_rfc_3339_in_utc(void **state _unused_)
{
	char text[32];

	assert_string_equal(clock_format_utc(text, 0, 0), "1970-01-01T00:00:00Z");
	assert_string_equal(clock_format_utc(text, 951782400000, 0), "2000-02-29T00:00:00Z");
	assert_string_equal(clock_format_utc(text, INT64_C(4102444799999), 0), "2099-12-31T23:59:59Z");
}

static void milliseconds_are_written_when_asked_for(void **state _unused_)
{
	char text[32];

	assert_string_equal(clock_format_utc(text, 1, 1), "1970-01-01T00:00:00.001Z");
	assert_string_equal(clock_format_utc(text, INT64_C(4102444799999), 1), "2099-12-31T23:59:59.999Z");
}

static void times_before_1970_go_on_backwards(void **state _unused_)
{
	char text[32];

	assert_string_equal(clock_format_utc(text, -1, 1), "1969-12-31T23:59:59.999Z");
	assert_string_equal(clock_format_utc(text, -1000, 1), "1969-12-31T23:59:59.000Z");
}

static void the_most_distant_times_stay_inside_the_buffer(void **state _unused_)
{
	char text[32];

	assert_true(strlen(clock_format_utc(text, INT64_MAX, 1)) < sizeof text);
	assert_true(strlen(clock_format_utc(text, INT64_MIN, 1)) < sizeof text);
}

static void clocks_do_not_go_backwards(void **state _unused_)
{
	int64_t first = clock_ns(CLOCK_MONOTONIC), second = clock_ns(CLOCK_MONOTONIC);

	assert_true(first > 0);
	assert_true(second >= first);
	assert_true(clock_unix_ms() > INT64_C(1500000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_as_rfc_3339_in_utc),
		cmocka_unit_test(milliseconds_are_written_when_asked_for),
		cmocka_unit_test(times_before_1970_go_on_backwards),
		cmocka_unit_test(the_most_distant_times_stay_inside_the_buffer),
		cmocka_unit_test(clocks_do_not_go_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
