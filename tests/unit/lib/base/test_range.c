/* SPDX-License-Identifier: Apache-2.0 */
#include "base/range.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct range parsed(const char *text, enum range_kind kind)
{
	struct range range;
	_cleanup_error_ struct error error = ERROR_INIT;

	if (range_parse(text, kind, &range, &error) < 0)
		fail_msg("%s: %s", text, error_text(&error, 0));
	return range;
}

/* Which of the values alert, as a string of 0 and 1. */
static void assert_alerts(const char *text, const double *values, const char *expected)
{
	struct range range = parsed(text, RANGE_ANY);

	for (size_t i = 0; expected[i]; i++)
		if (range_alerts(&range, values[i]) != (expected[i] == '1'))
			fail_msg("%s: value %g", text, values[i]);
}

static void ranges_of_nagios_alert_outside_and_with_an_at_sign_inside(void **state)
{
	static const double values[] = {-1, 0, 5, 10, 15, 20, 21};

	(void)state;
	assert_alerts("10", values, "1000111");
	assert_alerts("10:", values, "1110000");
	assert_alerts("~:10", values, "0000111");
	assert_alerts("10:20", values, "1110001");
	assert_alerts("@10:20", values, "0001110");
	assert_alerts("@10", values, "0111000");
	assert_alerts("-1:-1", values, "0111111");
	assert_alerts(":5", values, "1001111");
	assert_alerts("@~:0", values, "1100000");
}

static void comparisons_alert_when_they_hold(void **state)
{
	static const double values[] = {-1, 0, 5, 10, 15, 20, 21};

	(void)state;
	assert_alerts("> 10", values, "0000111");
	assert_alerts(">=10", values, "0001111");
	assert_alerts("< 10", values, "1110000");
	assert_alerts(" <= 10 ", values, "1111000");
	assert_alerts("< -0.5", values, "1000000");
}

static void what_is_not_a_number_alerts(void **state)
{
	struct range outside = parsed("10", RANGE_ANY), inside = parsed("@10", RANGE_ANY);

	(void)state;
	assert_true(range_alerts(&outside, NAN));
	assert_true(range_alerts(&inside, NAN));
	assert_true(range_alerts(&outside, INFINITY));
}

static void units_become_base_units(void **state)
{
	struct range range = parsed("250ms:1min", RANGE_ANY);
	char text[64];

	(void)state;
	assert_int_equal(range.kind, RANGE_DURATION);
	assert_true(range.low == 0.25 && range.high == 60);
	assert_string_equal(range_text(text, &range), "0.25s:60s");
	range = parsed("> 1.5GiB", RANGE_SIZE);
	assert_true(range.high == 1610612736.0);
	assert_string_equal(range_text(text, &range), "~:1610612736B");
	range = parsed("@10:20%", RANGE_PERCENT);
	assert_string_equal(range_text(text, &range), "@10%:20%");
	range = parsed("5", RANGE_DURATION);
	assert_string_equal(range_text(text, &range), "0s:5s");
	range = parsed("5:", RANGE_ANY);
	assert_int_equal(range.kind, RANGE_NUMBER);
	assert_string_equal(range_text(text, &range), "5:");
}

static void assert_refused(const char *text, enum range_kind kind, const char *message)
{
	struct range range;
	_cleanup_error_ struct error error = ERROR_INIT;

	assert_int_equal(range_parse(text, kind, &range, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), message);
}

#define FORMS " is no range: write \"10\", \"10:\", \"~:10\", \"10:20\", \"@10:20\" or \"> 10\""

static void what_is_no_range_is_refused_with_a_reason(void **state)
{
	static const char *const bad[] = {
		"", "@", "x", "1:2:3", "~", "10:~", "> ", "=5", "nan", "inf:", "0x10", "--5", "1 2", "5:10q"};

	(void)state;
	assert_refused("20:10", RANGE_ANY, "\"20:10\": the first end is above the second");
	assert_refused("5s", RANGE_SIZE, "\"5s\"" FORMS ", with sizes such as 10MiB");
	assert_refused("5%", RANGE_DURATION, "\"5%\"" FORMS ", with times such as 5s");
	assert_refused("5s:10MiB", RANGE_ANY, "\"5s:10MiB\"" FORMS);
	assert_refused("5s", RANGE_PERCENT, "\"5s\"" FORMS ", with percentages such as 80%");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct range range;

		if (range_parse(bad[i], RANGE_ANY, &range, NULL) != -EINVAL)
			fail_msg("%s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_of_nagios_alert_outside_and_with_an_at_sign_inside),
		cmocka_unit_test(comparisons_alert_when_they_hold),
		cmocka_unit_test(what_is_not_a_number_alerts),
		cmocka_unit_test(units_become_base_units),
		cmocka_unit_test(what_is_no_range_is_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
