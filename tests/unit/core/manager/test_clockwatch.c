/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "core/manager/clockwatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SEC NSEC_PER_SEC

struct seen {
	int64_t suspended;
	int64_t stepped;
};

/* A look when the machine has been up for `up`, slept for `asleep` of it, and shows `wall`. */
static struct seen look(struct clockwatch *watch, int64_t up, int64_t asleep, int64_t wall)
{
	struct clock_reading now = {.monotonic = up - asleep, .boottime = up, .realtime = wall};
	struct seen seen;

	clockwatch_look(watch, &now, &seen.suspended, &seen.stepped);
	return seen;
}

static void the_first_look_notices_nothing(void **state)
{
	struct clockwatch watch = {0};
	struct seen seen = look(&watch, 5000 * SEC, 3000 * SEC, 1700000000 * SEC);

	(void)state;
	assert_int_equal(seen.suspended, 0);
	assert_int_equal(seen.stepped, 0);
}

static void a_machine_that_never_slept_is_watched_too(void **state)
{
	struct clockwatch watch = {0};

	(void)state;
	look(&watch, 10 * SEC, 0, 1000 * SEC);
	assert_int_equal(look(&watch, 80 * SEC, 60 * SEC, 1070 * SEC).suspended, 60 * SEC);
}

static void a_suspend_is_no_step_of_the_wall_clock(void **state)
{
	struct clockwatch watch = {0};
	struct seen seen;

	(void)state;
	look(&watch, 100 * SEC, 7 * SEC, 1000 * SEC);
	seen = look(&watch, 3705 * SEC, 3607 * SEC, 4605 * SEC);
	assert_int_equal(seen.suspended, 3600 * SEC);
	assert_int_equal(seen.stepped, 0);
	assert_int_equal(look(&watch, 3710 * SEC, 3607 * SEC, 4610 * SEC).suspended, 0);
}

static void a_step_is_told_with_its_direction_and_once(void **state)
{
	struct clockwatch watch = {0};
	struct seen seen;

	(void)state;
	look(&watch, 100 * SEC, 0, 1000 * SEC);
	seen = look(&watch, 105 * SEC, 0, 1005 * SEC - 90 * SEC);
	assert_int_equal(seen.stepped, -90 * SEC);
	assert_int_equal(seen.suspended, 0);
	assert_int_equal(look(&watch, 110 * SEC, 0, 1010 * SEC - 90 * SEC).stepped, 0);
	assert_int_equal(look(&watch, 115 * SEC, 0, 1015 * SEC).stepped, 90 * SEC);
}

static void both_at_once_are_told_apart(void **state)
{
	struct clockwatch watch = {0};
	struct seen seen;

	(void)state;
	look(&watch, 100 * SEC, 0, 1000 * SEC);
	seen = look(&watch, 160 * SEC, 50 * SEC, 1060 * SEC + 5 * SEC);
	assert_int_equal(seen.suspended, 50 * SEC);
	assert_int_equal(seen.stepped, 5 * SEC);
}

static void slewing_goes_unnoticed_however_long_it_lasts(void **state)
{
	struct clockwatch watch = {0};
	int64_t drift = 0;

	(void)state;
	look(&watch, 100 * SEC, 0, 1000 * SEC);
	for (int64_t i = 1; i < 1000; i++) {
		struct seen seen;

		drift += 5 * SEC / 2000; /* 500 ppm of 5 s */
		seen = look(&watch, (100 + 5 * i) * SEC, 0, (1000 + 5 * i) * SEC + drift);
		assert_int_equal(seen.stepped, 0);
	}
	assert_true(drift > SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_look_notices_nothing),
		cmocka_unit_test(a_machine_that_never_slept_is_watched_too),
		cmocka_unit_test(a_suspend_is_no_step_of_the_wall_clock),
		cmocka_unit_test(a_step_is_told_with_its_direction_and_once),
		cmocka_unit_test(both_at_once_are_told_apart),
		cmocka_unit_test(slewing_goes_unnoticed_however_long_it_lasts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
