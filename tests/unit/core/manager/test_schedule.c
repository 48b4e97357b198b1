/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static void the_next_run_is_on_the_grid_and_after_now(void **state)
{
	(void)state;
	for (int64_t now = 0; now < 100; now++) {
		int64_t next = schedule_next(now, 10, 7);

		assert_true(next > now);
		assert_true(next - now <= 10);
		assert_int_equal(next % 10, 7);
	}
}

static void nothing_drifts_whatever_a_run_takes(void **state)
{
	int64_t now = 1000 * S, offset = 3 * S;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t due = schedule_next(now, 15 * S, offset);

		assert_int_equal((due - offset) % (15 * S), 0);
		now = due + (i % 7) * S; /* the run takes up to 6 s */
	}
}

static void runs_missed_in_a_suspend_are_left_out(void **state)
{
	int64_t before = schedule_next(1000 * S, 10 * S, 0);
	int64_t after = schedule_next(before + 7200 * S, 10 * S, 0);

	(void)state;
	assert_int_equal(after - before, 7210 * S);
}

static void the_offset_is_the_same_for_the_same_agent_and_check(void **state)
{
	(void)state;
	assert_int_equal(
		schedule_offset("a1", "host/default", 15 * S), schedule_offset("a1", "host/default", 15 * S));
	assert_int_not_equal(
		schedule_offset("a1", "host/default", 15 * S), schedule_offset("a2", "host/default", 15 * S));
	assert_int_not_equal(
		schedule_offset("a1", "cert/a", 15 * S), schedule_offset("a1", "cert/b", 15 * S));
}

static void offsets_spread_over_the_interval(void **state)
{
	unsigned bins[10] = {0};
	char name[] = "cert/00";

	(void)state;
	for (int i = 0; i < 100; i++) {
		name[5] = (char)('0' + i / 10);
		name[6] = (char)('0' + i % 10);
		bins[schedule_offset("agent", name, 1000) / 100]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(bins[i], 1, 30);
}

static void the_second_run_does_not_follow_too_closely(void **state)
{
	(void)state;
	assert_int_equal(schedule_after_first(6, 10, 7), 17);
	assert_int_equal(schedule_after_first(8, 10, 7), 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_run_is_on_the_grid_and_after_now),
		cmocka_unit_test(nothing_drifts_whatever_a_run_takes),
		cmocka_unit_test(runs_missed_in_a_suspend_are_left_out),
		cmocka_unit_test(the_offset_is_the_same_for_the_same_agent_and_check),
		cmocka_unit_test(offsets_spread_over_the_interval),
		cmocka_unit_test(the_second_run_does_not_follow_too_closely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
