/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/host/trend.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MINUTE (60 * NSEC_PER_SEC)

/* count points a minute apart, each less by step. */
static double feed(struct trend *trend, int *minute, int count, double left, double step)
{
	for (int i = 0; i < count; i++) {
		trend_add(trend, (*minute)++ * MINUTE, left);
		left -= step;
	}
	return left;
}

static void what_dwindles_evenly_is_foretold(void **state)
{
	struct trend trend;
	int minute = 1;
	double left;

	(void)state;
	trend_init(&trend, 16, MINUTE);
	left = feed(&trend, &minute, 16, 6000, 60);
	assert_true(trend.rate > 0.99 && trend.rate < 1.01);
	assert_true(trend_time_left(&trend, 1800) / NSEC_PER_SEC == 1800);
	assert_true(left < 6000);
}

static void few_points_tell_nothing(void **state)
{
	struct trend trend;
	int minute = 1;

	(void)state;
	trend_init(&trend, 16, MINUTE);
	feed(&trend, &minute, TREND_POINTS_MIN - 1, 6000, 60);
	assert_true(trend_time_left(&trend, 1) == INT64_MAX);
	feed(&trend, &minute, 1, 6000 - 60 * (TREND_POINTS_MIN - 1), 60);
	assert_true(trend_time_left(&trend, 1) < INT64_MAX);
}

static void points_that_come_too_soon_are_passed_over(void **state)
{
	struct trend trend;

	(void)state;
	trend_init(&trend, 16, MINUTE);
	for (int i = 0; i < 100; i++)
		trend_add(&trend, MINUTE + i * NSEC_PER_SEC, 100);
	assert_int_equal(trend.count, 2);
}

static void one_large_file_is_no_trend(void **state)
{
	struct trend trend;

	(void)state;
	/* Wherever in the window it was written. */
	for (int at = 1; at < 16; at++) {
		int minute = 1;

		trend_init(&trend, 16, MINUTE);
		feed(&trend, &minute, at, 6000, 0);
		feed(&trend, &minute, 16 - at, 3000, 0);
		assert_true(trend_time_left(&trend, 3000) == INT64_MAX);
	}
}

static void what_is_over_is_no_trend(void **state)
{
	struct trend trend;
	int minute = 1;
	double left;

	(void)state;
	trend_init(&trend, 16, MINUTE);
	left = feed(&trend, &minute, 8, 6000, 300);
	feed(&trend, &minute, 8, left, 0);
	assert_true(trend_time_left(&trend, left) == INT64_MAX);
}

static void an_odd_point_does_not_hide_a_trend(void **state)
{
	struct trend trend;
	int minute = 1;

	(void)state;
	trend_init(&trend, 16, MINUTE);
	feed(&trend, &minute, 6, 6000, 60);
	feed(&trend, &minute, 1, 9999, 60);
	feed(&trend, &minute, 9, 6000 - 7 * 60, 60);
	assert_true(trend.rate > 0.8 && trend.rate < 1.2);
}

static void what_lies_further_ahead_than_four_spans_is_not_foretold(void **state)
{
	struct trend trend;
	int minute = 1;

	(void)state;
	trend_init(&trend, 16, MINUTE);
	feed(&trend, &minute, 16, 60000, 60);
	assert_true(trend_time_left(&trend, 4 * 15 * 60 - 1) < INT64_MAX);
	assert_true(trend_time_left(&trend, 4 * 15 * 60 + 60) == INT64_MAX);
}

static void what_grows_never_ends(void **state)
{
	struct trend trend;
	int minute = 1;

	(void)state;
	trend_init(&trend, 16, MINUTE);
	feed(&trend, &minute, 40, 6000, -60);
	assert_int_equal(trend.count, 16);
	assert_true(trend_time_left(&trend, 1) == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_dwindles_evenly_is_foretold),
		cmocka_unit_test(few_points_tell_nothing),
		cmocka_unit_test(points_that_come_too_soon_are_passed_over),
		cmocka_unit_test(one_large_file_is_no_trend),
		cmocka_unit_test(what_is_over_is_no_trend),
		cmocka_unit_test(an_odd_point_does_not_hide_a_trend),
		cmocka_unit_test(what_lies_further_ahead_than_four_spans_is_not_foretold),
		cmocka_unit_test(what_grows_never_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
