/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/format.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S INT64_C(1000)

static void times_are_told_as_people_say_them(void **state _unused_)
{
	static const struct {
		int64_t ago_ms;
		const char *text;
	} cases[] = {
		{0, "just now"},
		{1999, "just now"},
		{-1999, "just now"},
		{2 * S, "2 s ago"},
		{59999, "59 s ago"},
		{60 * S, "1 min ago"},
		{3599 * S, "59 min ago"},
		{3600 * S, "1 h ago"},
		{11520 * S, "3 h 12 min ago"},
		{86400 * S, "1 d ago"},
		{187200 * S, "2 d 4 h ago"},
		{9000000 * S, "104 d ago"},
		{-90 * S, "in 1 min"},
	};
	char buffer[48];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(format_ago(buffer, cases[i].ago_ms), cases[i].text);
	format_ago(buffer, INT64_MIN);
	format_ago(buffer, INT64_MAX);
}

static void durations_have_a_fitting_unit(void **state _unused_)
{
	char buffer[48];

	assert_string_equal(format_took(buffer, 420), "420 µs");
	assert_string_equal(format_took(buffer, 420000), "420 ms");
	assert_string_equal(format_took(buffer, 3200000), "3.2 s");
	assert_string_equal(format_took(buffer, 1000000), "1 s");
	assert_string_equal(format_took(buffer, 42300000), "42 s");
	assert_string_equal(format_took(buffer, 300000000), "5 min");
	format_took(buffer, UINT64_MAX);
}

static void values_have_three_digits_and_their_unit(void **state _unused_)
{
	static const struct {
		double value;
		const char *unit, *text;
	} cases[] = {
		{0, "", "0"},
		{1.234, "", "1.23"},
		{12.34, "", "12.3"},
		{123.4, "", "123"},
		{0.052, "ratio", "5.2 %"},
		{0.524, "ratio", "52 %"},
		{512, "bytes_per_s", "512 B/s"},
		{1536, "bytes_per_s", "1.50 KiB/s"},
		{1e12, "bytes", "931 GiB"},
		{2.5, "per_s", "2.50/s"},
		{1e300, "", "1e+300"},
		{NAN, "", "no value"},
		{-INFINITY, "ratio", "−∞"},
	};
	char buffer[48];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(format_value(buffer, cases[i].value, cases[i].unit), cases[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		format_value(buffer, 1.7e308, cases[i].unit);
		format_value(buffer, -1.7e308, cases[i].unit);
	}
}

static void a_time_carries_its_exact_form(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct html html = {&out};

	html_ago(&html, INT64_C(1769860800123), INT64_C(1769860810123));
	assert_string_equal(buf_str(&out),
		"<time datetime=\"2026-01-31T12:00:00.123Z\" "
		"title=\"2026-01-31 12:00:00 UTC\">10 s ago</time>");
}

static void a_time_that_can_not_be_is_unknown(void **state _unused_)
{
	static const int64_t times[] = {0, -5, INT64_MIN, INT64_MAX, INT64_C(253402300800000)};
	char exact[48];

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct html html = {&out};

		html_ago(&html, times[i], 1000);
		assert_non_null(strstr(buf_str(&out), "unknown"));
		assert_string_equal(format_exact(exact, times[i]), "unknown");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_told_as_people_say_them),
		cmocka_unit_test(durations_have_a_fitting_unit),
		cmocka_unit_test(values_have_three_digits_and_their_unit),
		cmocka_unit_test(a_time_carries_its_exact_form),
		cmocka_unit_test(a_time_that_can_not_be_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
