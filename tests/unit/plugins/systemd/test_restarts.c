/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/systemd/restarts.h"

#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define HOUR 3600

static uint32_t note(struct restarts *restarts, const char *name, uint32_t counter, int64_t now)
{
	return restarts_note(restarts, name, counter, now, HOUR);
}

static void what_was_before_the_first_look_does_not_count(void **state)
{
	struct restarts restarts = {0};

	(void)state;
	restarts_begin(&restarts);
	assert_int_equal(note(&restarts, "a.service", 50, 1000), 0);
	free(restarts_save(&restarts));
	restarts_begin(&restarts);
	assert_int_equal(note(&restarts, "a.service", 52, 1100), 2);
	assert_int_equal(note(&restarts, "new.service", 3, 1100), 3);
	restarts_done(&restarts);
}

static void restarts_leave_the_window(void **state)
{
	struct restarts restarts = {.known = 1};

	(void)state;
	restarts_begin(&restarts);
	assert_int_equal(note(&restarts, "a.service", 1, 1000), 1);
	assert_int_equal(note(&restarts, "a.service", 3, 1000 + HOUR), 3);
	assert_int_equal(note(&restarts, "a.service", 3, 1001 + HOUR), 2);
	restarts_done(&restarts);
}

static void a_counter_that_begins_anew_counts_from_zero(void **state)
{
	struct restarts restarts = {.known = 1};

	(void)state;
	restarts_begin(&restarts);
	assert_int_equal(note(&restarts, "a.service", 5, 1000), 5);
	assert_int_equal(note(&restarts, "a.service", 2, 1100), 7);
	assert_int_equal(note(&restarts, "a.service", 1000000, 1200), RESTARTS_TIMES);
	restarts_done(&restarts);
}

static void they_are_remembered_over_our_own_restart(void **state)
{
	struct restarts restarts = {.known = 1}, again = {0};
	_cleanup_free_ char *text = NULL;

	(void)state;
	restarts_begin(&restarts);
	note(&restarts, "a.service", 2, 1000);
	note(&restarts, "b.service", 1, 1001);
	text = restarts_save(&restarts);
	assert_string_equal(text, "1\na.service 2 1000 1000\nb.service 1 1001\n");
	restarts_load(&again, text, strlen(text));
	restarts_begin(&again);
	assert_int_equal(note(&again, "a.service", 3, 1100), 3);
	free(text);
	/* b.service is gone. */
	text = restarts_save(&again);
	assert_string_equal(text, "1\na.service 3 1000 1000 1100\n");
	restarts_done(&restarts);
	restarts_done(&again);
}

static void damaged_text_is_taken_as_far_as_it_goes(void **state)
{
	static const char text[] = "1\na.service\n 3\nb.service 2 x 5\nb.service 9\n\n";
	struct restarts restarts = {0};

	(void)state;
	restarts_load(&restarts, text, sizeof text - 1);
	assert_int_equal(restarts.count, 1);
	assert_int_equal(restarts.list[0].counter, 2);
	restarts_done(&restarts);
	restarts_load(&restarts, "2\na 1\n", 6);
	assert_int_equal(restarts.known, 0);
}

static void more_than_can_be_remembered_is_said(void **state)
{
	struct restarts restarts = {.known = 1};
	char name[32];

	(void)state;
	restarts_begin(&restarts);
	for (int i = 0; i <= RESTARTS_UNITS; i++) {
		assert_false(restarts.full);
		snprintf(name, sizeof name, "u%d.service", i);
		note(&restarts, name, 1, 1000);
	}
	assert_true(restarts.full);
	restarts_done(&restarts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_before_the_first_look_does_not_count),
		cmocka_unit_test(restarts_leave_the_window),
		cmocka_unit_test(a_counter_that_begins_anew_counts_from_zero),
		cmocka_unit_test(they_are_remembered_over_our_own_restart),
		cmocka_unit_test(damaged_text_is_taken_as_far_as_it_goes),
		cmocka_unit_test(more_than_can_be_remembered_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
