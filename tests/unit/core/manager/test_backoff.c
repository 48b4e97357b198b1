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

/* Thousands of agents lose their server in one instant, and try again for an hour: in no tenth of a pause do many more
 * than a tenth of them come. The pauses are added up, nobody waits. */
static void agents_that_lost_their_server_at_once_spread_over_the_whole_pause(void **state)
{
	enum { AGENTS = 4000, HOUR = 3600 };
	static unsigned tries[HOUR];
	unsigned first[10] = {0}, most = 0;

	(void)state;
	memset(tries, 0, sizeof tries);
	for (int agent = 0; agent < AGENTS; agent++) {
		struct backoff backoff = {0};
		int64_t at = 0;

		for (int n = 0; at < HOUR * NSEC_PER_SEC; n++) {
			int64_t pause = backoff_spread(&backoff);

			assert_in_range(pause, 100 * NSEC_PER_MSEC, 300 * NSEC_PER_SEC);
			if (n == 0)
				first[pause * 10 / NSEC_PER_SEC]++;
			at += pause;
			if (at < HOUR * NSEC_PER_SEC)
				tries[at / NSEC_PER_SEC]++;
		}
	}
	assert_int_equal(first[0], 0);
	for (int i = 1; i < 10; i++)
		assert_in_range(first[i], AGENTS / 18, AGENTS / 5);
	/* From the tenth minute on each waits 150 s on average: 27 a second. */
	for (int i = 600; i < HOUR; i++)
		most = MAX(most, tries[i]);
	assert_in_range(most, 27, 80);
}

static void who_is_told_when_to_come_back_comes_then_and_not_with_all_others(void **state)
{
	const int64_t minute = 60 * NSEC_PER_SEC;
	unsigned tenths[10] = {0};

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct backoff backoff = {.failures = 6};
		int64_t pause = backoff_after(&backoff, minute);

		assert_in_range(pause, minute, minute + minute / 2);
		tenths[MIN((pause - minute) * 20 / minute, 9)]++;
	}
	for (int i = 0; i < 10; i++)
		assert_true(tenths[i] > 2000 / 40);
	for (int i = 0; i < 100; i++) {
		struct backoff backoff = {0};

		assert_in_range(backoff_after(&backoff, 0), 100 * NSEC_PER_MSEC, NSEC_PER_SEC);
		/* An hour is the most that a server can ask for, and it is kept. */
		assert_true(backoff_after(&backoff, 60 * minute) >= 60 * minute);
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
		cmocka_unit_test(agents_that_lost_their_server_at_once_spread_over_the_whole_pause),
		cmocka_unit_test(who_is_told_when_to_come_back_comes_then_and_not_with_all_others),
		cmocka_unit_test(success_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
