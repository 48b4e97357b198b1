/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/sightings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after those */
#include <cmocka.h>

#define AGENT "0123456789abcdef0123456789abcdef"
#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)

static int setup(void **state)
{
	*state = sightings_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	sightings_free(*state);
	return 0;
}

static void one_machine_may_boot_and_make_new_spools_as_it_likes(void **state)
{
	static const char *const spools[] = {"a", "a", "b", "b", "b", "c"},
				 *const boots[] = {"1", "2", "2", "3", "4", "5"};

	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 3; j++)
			assert_false(
				sightings_is_copy(*state, AGENT, spools[i], boots[i], (10 * i + j) * SECOND));
}

static void a_machine_that_was_set_back_is_no_copy(void **state)
{
	assert_false(sightings_is_copy(*state, AGENT, "a", "1", 1 * SECOND));
	assert_false(sightings_is_copy(*state, AGENT, "b", "2", 2 * SECOND));
	for (int i = 3; i < 100; i++)
		assert_false(sightings_is_copy(*state, AGENT, "a", "1", i * SECOND));
	assert_false(sightings_is_copy(*state, AGENT, "c", "3", 100 * SECOND));
}

static void of_two_that_take_turns_the_later_one_is_the_copy(void **state)
{
	bool copy = false;

	for (int i = 0; i < 20; i++) {
		assert_false(sightings_is_copy(*state, AGENT, "a", "1", (10 * i) * SECOND + 1));
		copy = sightings_is_copy(*state, AGENT, "a", "2", (10 * i + 5) * SECOND);
		assert_int_equal(copy, i >= 1);
	}
	assert_false(sightings_is_copy(*state, "another", "a", "2", 200 * SECOND));
}

static void when_the_original_is_gone_for_an_hour_the_copy_is_no_more_one(void **state)
{
	for (int i = 0; i < 3; i++) {
		(void)sightings_is_copy(*state, AGENT, "a", "1", (10 * i) * SECOND + 1);
		(void)sightings_is_copy(*state, AGENT, "a", "2", (10 * i + 5) * SECOND);
	}
	assert_true(sightings_is_copy(*state, AGENT, "a", "2", HOUR));
	assert_false(sightings_is_copy(*state, AGENT, "a", "2", HOUR + 60 * SECOND));
}

static void many_boots_do_not_grow(void **state)
{
	char boot[16] = "0000";

	for (int i = 0; i < 1000; i++) {
		boot[0] = (char)('a' + i % 26);
		boot[1] = (char)('a' + i / 26 % 26);
		boot[2] = (char)('a' + i / 676);
		assert_false(sightings_is_copy(*state, AGENT, "a", boot, i * SECOND + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			one_machine_may_boot_and_make_new_spools_as_it_likes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_machine_that_was_set_back_is_no_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(
			of_two_that_take_turns_the_later_one_is_the_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(
			when_the_original_is_gone_for_an_hour_the_copy_is_no_more_one, setup, teardown),
		cmocka_unit_test_setup_teardown(many_boots_do_not_grow, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
