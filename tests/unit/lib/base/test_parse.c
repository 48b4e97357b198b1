/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/parse.h"
#include "base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define UNTOUCHED INT64_C(-77)

static void whole_numbers_are_taken_to_their_bounds(void **state _unused_)
{
	int64_t value;
	uint64_t unsigned_value;

	assert_int_equal(parse_int64("-9223372036854775808", &value), 0);
	assert_true(value == INT64_MIN);
	assert_int_equal(parse_int64("+9223372036854775807", &value), 0);
	assert_true(value == INT64_MAX);
	assert_int_equal(parse_int64("007", &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(parse_uint64("18446744073709551615", &unsigned_value), 0);
	assert_true(unsigned_value == UINT64_MAX);
}

static void what_is_not_a_whole_number_is_refused_and_nothing_written(void **state _unused_)
{
	static const char *const bad[] = {
		"", " 1", "1 ", "1x", "-", "+", "--1", "0x10", "1.0", "1e3", "one", "\n1"};
	int64_t value = UNTOUCHED;
	uint64_t unsigned_value = 77;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(parse_int64(bad[i], &value), -EINVAL);
		assert_int_equal(parse_uint64(bad[i], &unsigned_value), -EINVAL);
	}
	assert_int_equal(parse_int64("9223372036854775808", &value), -ERANGE);
	assert_int_equal(parse_int64("-9223372036854775809", &value), -ERANGE);
	assert_int_equal(parse_uint64("18446744073709551616", &unsigned_value), -ERANGE);
	assert_int_equal(parse_uint64("-1", &unsigned_value), -EINVAL);
	assert_int_equal(parse_uint64("+1", &unsigned_value), -EINVAL);
	assert_true(value == UNTOUCHED);
	assert_true(unsigned_value == 77);
}

static void finite_numbers_are_taken(void **state _unused_)
{
	static const struct {
		const char *text;
		double value;
	} cases[] = {{"0", 0}, {"-1.5", -1.5}, {"+.5", .5}, {"1.", 1}, {"1e3", 1000}, {"2.5E-1", .25}};
	double value;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse_double(cases[i].text, &value), 0);
		assert_true(value == cases[i].value);
	}
}

static void what_is_not_a_finite_number_is_refused(void **state _unused_)
{
	static const char *const bad[] = {"", ".", "-", "-.", "nan", "inf", "-inf", "infinity", "0x1p3",
		"0X1", "1,5", " 1", "1 ", "1e", "1..2", "e3"};
	double value = -77;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_double(bad[i], &value), -EINVAL);
	assert_int_equal(parse_double("1e999", &value), -ERANGE);
	assert_true(value == -77);
}

static void bools_are_six_words_and_no_others(void **state _unused_)
{
	static const char *const bad[] = {"", "1", "0", "True", "y", "enabled", "true "};
	int value = -77;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_bool(bad[i], &value), -EINVAL);
	assert_int_equal(value, -77);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(parse_bool((const char *[]){"true", "yes", "on"}[i], &value), 0);
		assert_int_equal(value, 1);
		assert_int_equal(parse_bool((const char *[]){"false", "no", "off"}[i], &value), 0);
		assert_int_equal(value, 0);
	}
}

static void durations_are_numbers_with_units_added_up(void **state _unused_)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{"0", 0},
		{"0s", 0},
		{"1ns", 1},
		{"250us", 250 * NSEC_PER_USEC},
		{"250ms", 250 * NSEC_PER_MSEC},
		{"10s", 10 * NSEC_PER_SEC},
		{"10sec", 10 * NSEC_PER_SEC},
		{"1.5s", 1500 * NSEC_PER_MSEC},
		{"5min", 300 * NSEC_PER_SEC},
		{"5m", 300 * NSEC_PER_SEC},
		{"12h", 43200 * NSEC_PER_SEC},
		{"30d", 30 * 86400 * NSEC_PER_SEC},
		{"2w", 14 * 86400 * NSEC_PER_SEC},
		{"1h 30min", 5400 * NSEC_PER_SEC},
		{"1h30min10s", 5410 * NSEC_PER_SEC},
		{"10 s", 10 * NSEC_PER_SEC},
		{"5s ", 5 * NSEC_PER_SEC},
	};
	int64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse_duration(cases[i].text, &ns), 0);
		assert_true(ns == cases[i].ns);
	}
}

static void what_is_not_a_duration_is_refused(void **state _unused_)
{
	static const char *const bad[] = {"", " ", "10", "s", "-1s", "1s 2", "1S", "1hour", "1s,2s", "1s\n",
		"0x1s", "1month", "nan s", " 1s x"};
	int64_t ns = UNTOUCHED;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_duration(bad[i], &ns), -EINVAL);
	assert_int_equal(parse_duration("400y", &ns), -EINVAL);
	assert_int_equal(parse_duration("99999999w", &ns), -ERANGE);
	assert_int_equal(parse_duration("15000w 15000w", &ns), -ERANGE);
	assert_int_equal(parse_duration("1e999s", &ns), -ERANGE);
	assert_true(ns == UNTOUCHED);
}

static void sizes_are_powers_of_1024(void **state _unused_)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{"0", 0},
		{"512", 512},
		{"512B", 512},
		{"64KiB", 64u << 10},
		{"64K", 64u << 10},
		{"10MiB", 10u << 20},
		{"1.5M", 3u << 19},
		{"2GiB", UINT64_C(2) << 30},
		{"2G", UINT64_C(2) << 30},
		{"1TiB", UINT64_C(1) << 40},
		{"1 T", UINT64_C(1) << 40},
	};
	uint64_t bytes;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse_size(cases[i].text, &bytes), 0);
		assert_true(bytes == cases[i].bytes);
	}
}

static void what_is_not_a_size_is_refused(void **state _unused_)
{
	static const char *const bad[] = {"", "B", "-1", "1KB", "1k", "1MiB 1KiB", "1Mi", "64 KiB x"};
	uint64_t bytes = 77;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_size(bad[i], &bytes), -EINVAL);
	assert_int_equal(parse_size("9999999999T", &bytes), -ERANGE);
	assert_true(bytes == 77);
}

static void percentages_need_their_sign(void **state _unused_)
{
	double percent = -77;

	assert_int_equal(parse_percent("12.5", &percent), -EINVAL);
	assert_int_equal(parse_percent("12.5 %", &percent), -EINVAL);
	assert_int_equal(parse_percent("12.5%%", &percent), -EINVAL);
	assert_int_equal(parse_percent("%", &percent), -EINVAL);
	assert_true(percent == -77);
	assert_int_equal(parse_percent("12.5%", &percent), 0);
	assert_true(percent == 12.5);
	assert_int_equal(parse_percent("-3%", &percent), 0);
	assert_true(percent == -3);
}

static void a_duration_is_written_so_that_it_reads_back_the_same(void **state _unused_)
{
	char text[32];
	int64_t back;

	assert_string_equal(format_duration(text, 0), "0");
	assert_string_equal(format_duration(text, 90 * NSEC_PER_SEC), "90s");
	assert_string_equal(format_duration(text, 300 * NSEC_PER_SEC), "5min");
	assert_string_equal(format_duration(text, 86400 * NSEC_PER_SEC), "1d");
	assert_string_equal(format_duration(text, 1500 * NSEC_PER_MSEC), "1500ms");
	for (int i = 0; i < 2000; i++) {
		/* Below 2^53 a double, through which the parser goes, is exact. */
		int64_t ns = (int64_t)random_below(UINT64_C(1) << 53);

		assert_int_equal(parse_duration(format_duration(text, ns), &back), 0);
		assert_true(back == ns);
	}
}

static void people_get_rough_durations(void **state _unused_)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{0, "0 us"},
		{999 * NSEC_PER_USEC, "999 us"},
		{450 * NSEC_PER_MSEC, "450 ms"},
		{59 * NSEC_PER_SEC, "59s"},
		{200 * NSEC_PER_SEC, "3min 20s"},
		{3600 * NSEC_PER_SEC, "1h 0min"},
		{100800 * NSEC_PER_SEC, "1d 4h"},
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(format_duration_rough(text, cases[i].ns), cases[i].text);
	assert_true(strlen(format_duration_rough(text, INT64_MAX)) < sizeof text);
}

static void people_get_sizes_with_binary_units(void **state _unused_)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1 KiB"},
		{1536, "1.5 KiB"},
		{UINT64_C(64) << 20, "64 MiB"},
		{UINT64_C(3) << 29, "1.5 GiB"},
		{UINT64_MAX, "16 EiB"},
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(format_size(text, cases[i].bytes), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers_are_taken_to_their_bounds),
		cmocka_unit_test(what_is_not_a_whole_number_is_refused_and_nothing_written),
		cmocka_unit_test(finite_numbers_are_taken),
		cmocka_unit_test(what_is_not_a_finite_number_is_refused),
		cmocka_unit_test(bools_are_six_words_and_no_others),
		cmocka_unit_test(durations_are_numbers_with_units_added_up),
		cmocka_unit_test(what_is_not_a_duration_is_refused),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(what_is_not_a_size_is_refused),
		cmocka_unit_test(percentages_need_their_sign),
		cmocka_unit_test(a_duration_is_written_so_that_it_reads_back_the_same),
		cmocka_unit_test(people_get_rough_durations),
		cmocka_unit_test(people_get_sizes_with_binary_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
