/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/util.h"
#include "core/manager/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void pauses_double_from_a_second_to_five_minutes_with_jitter(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		struct backoff backoff = {0};
		int64_t ceiling = NSEC_PER_SEC;

		for (int i = 0; i < 20; i++) {
			int64_t pause = backoff_fail(&backoff);

			assert_true(pause >= ceiling / 2);
			assert_true(pause <= ceiling);
			ceiling = MIN(2 * ceiling, 300 * NSEC_PER_SEC);
		}
	}
}

static void pauses_differ_so_that_many_agents_do_not_come_at_once(void **state)
{
	int64_t first = 0;
	int others = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct backoff backoff = {.failures = 8};
		int64_t pause = backoff_fail(&backoff);

		first = first ? first : pause;
		others += pause != first;
	}
	assert_true(others > 0);
}

static void it_never_gives_up(void **state)
{
	struct backoff backoff = {.failures = 4000000000u};

	(void)state;
	for (int i = 0; i < 5; i++) {
		int64_t pause = backoff_fail(&backoff);

		assert_true(pause >= 150 * NSEC_PER_SEC && pause <= 300 * NSEC_PER_SEC);
	}
}

static void success_begins_anew(void **state)
{
	struct backoff backoff = {.failures = 7};

	(void)state;
	backoff_reset(&backoff);
	assert_true(backoff_fail(&backoff) <= NSEC_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_double_from_a_second_to_five_minutes_with_jitter),
		cmocka_unit_test(pauses_differ_so_that_many_agents_do_not_come_at_once),
		cmocka_unit_test(it_never_gives_up),
		cmocka_unit_test(success_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
