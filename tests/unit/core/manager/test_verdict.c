/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_first_result_counts_at_once(void **state)
{
	struct verdict verdict = {0};
	struct verdict_change change = verdict_take(&verdict, GAVEA_CRITICAL, 3, 1000);

	(void)state;
	assert_true(change.state);
	assert_int_equal(change.from, GAVEA_UNKNOWN);
	assert_int_equal(verdict.state, GAVEA_CRITICAL);
	assert_int_equal(verdict.since_ms, 1000);
}

static void a_good_check_turns_bad_after_its_attempts(void **state)
{
	struct verdict verdict = {0};

	(void)state;
	verdict_take(&verdict, GAVEA_OK, 3, 1);
	assert_false(verdict_take(&verdict, GAVEA_WARNING, 3, 2).state);
	assert_int_equal(verdict.attempt, 1);
	assert_false(verdict_take(&verdict, GAVEA_CRITICAL, 3, 3).state);
	assert_int_equal(verdict.state, GAVEA_OK);
	assert_true(verdict_take(&verdict, GAVEA_CRITICAL, 3, 4).state);
	assert_int_equal(verdict.state, GAVEA_CRITICAL);
	assert_int_equal(verdict.since_ms, 4);
	assert_int_equal(verdict.attempt, 0);
}

static void one_good_run_in_between_starts_the_count_again(void **state)
{
	struct verdict verdict = {0};

	(void)state;
	verdict_take(&verdict, GAVEA_OK, 2, 1);
	verdict_take(&verdict, GAVEA_CRITICAL, 2, 2);
	verdict_take(&verdict, GAVEA_OK, 2, 3);
	assert_false(verdict_take(&verdict, GAVEA_CRITICAL, 2, 4).state);
	assert_int_equal(verdict.state, GAVEA_OK);
}

static void a_check_recovers_at_once(void **state)
{
	struct verdict verdict = {0};

	(void)state;
	verdict_take(&verdict, GAVEA_CRITICAL, 5, 1);
	assert_true(verdict_take(&verdict, GAVEA_OK, 5, 2).state);
	assert_int_equal(verdict.state, GAVEA_OK);
}

static void bad_states_change_among_themselves_at_once(void **state)
{
	struct verdict verdict = {0};
	struct verdict_change change;

	(void)state;
	verdict_take(&verdict, GAVEA_WARNING, 5, 1);
	change = verdict_take(&verdict, GAVEA_UNKNOWN, 5, 2);
	assert_true(change.state);
	assert_int_equal(change.from, GAVEA_WARNING);
}

static void flapping_begins_and_ends(void **state)
{
	struct verdict verdict = {0};
	int began = 0, ended = 0;

	(void)state;
	for (int i = 0; i < 40; i++)
		began += verdict_take(&verdict, i % 2 ? GAVEA_CRITICAL : GAVEA_OK, 1, i).flapping;
	assert_int_equal(began, 1);
	assert_true(verdict.flapping);
	for (int i = 0; i < 40; i++)
		ended += verdict_take(&verdict, GAVEA_OK, 1, i).flapping;
	assert_int_equal(ended, 1);
	assert_false(verdict.flapping);
}

static void a_single_change_is_not_flapping(void **state)
{
	struct verdict verdict = {0};

	(void)state;
	for (int i = 0; i < 30; i++)
		verdict_take(&verdict, i < 15 ? GAVEA_OK : GAVEA_CRITICAL, 1, i);
	assert_false(verdict.flapping);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_result_counts_at_once),
		cmocka_unit_test(a_good_check_turns_bad_after_its_attempts),
		cmocka_unit_test(one_good_run_in_between_starts_the_count_again),
		cmocka_unit_test(a_check_recovers_at_once),
		cmocka_unit_test(bad_states_change_among_themselves_at_once),
		cmocka_unit_test(flapping_begins_and_ends),
		cmocka_unit_test(a_single_change_is_not_flapping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
