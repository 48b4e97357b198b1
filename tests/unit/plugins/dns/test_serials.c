/* SPDX-License-Identifier: Apache-2.0 */
/* SOA serials: which one is older, and how long that has been so. */
#include "plugins/dns/serials.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T0 INT64_C(1700000000000)

static void serials_wrap_around(void **state)
{
	(void)state;
	assert_true(serial_older(1, 2));
	assert_false(serial_older(2, 1));
	assert_false(serial_older(7, 7));
	assert_true(serial_older(UINT32_MAX, 0));
	assert_int_equal(serial_behind(UINT32_MAX - 1, 3), 5);
	assert_int_equal(serial_behind(3, UINT32_MAX - 1), 0);
}

static void a_lag_that_was_there_before_we_looked_has_no_grace(void **state)
{
	struct serial_history history = {0};

	(void)state;
	assert_int_equal(serial_history_take(&history, 10, T0), SERIAL_SAME);
	assert_false(serial_in_grace(&history, 600000, T0));
	assert_false(serial_in_grace(&history, 600000, T0 + 1));
}

static void a_new_serial_has_its_grace_and_no_more(void **state)
{
	struct serial_history history = {true, 10, 0};

	(void)state;
	assert_int_equal(serial_history_take(&history, 11, T0), SERIAL_FORWARD);
	assert_true(serial_in_grace(&history, 600000, T0 + 599999));
	assert_false(serial_in_grace(&history, 600000, T0 + 600000));
	assert_false(serial_in_grace(&history, 600000, T0 - 1));
	assert_int_equal(serial_history_take(&history, 11, T0 + 5), SERIAL_SAME);
	assert_true(history.since == T0);
}

static void a_serial_that_goes_back_is_noticed(void **state)
{
	struct serial_history history = {true, 10, 0};

	(void)state;
	assert_int_equal(serial_history_take(&history, 9, T0), SERIAL_BACKWARD);
	assert_int_equal(history.newest, 9);
}

static void history_outlives_a_restart(void **state)
{
	struct serial_history history = {true, 4294967295u, T0}, back = {0};
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)state;
	serial_history_format(&history, &text);
	assert_int_equal(serial_history_parse(text.data, text.size, &back), 0);
	assert_int_equal(back.newest, history.newest);
	assert_true(back.since == T0 && back.known);
	assert_int_equal(serial_history_parse("1", 1, &back), -EINVAL);
	assert_int_equal(serial_history_parse("1 -1", 4, &back), -EINVAL);
	assert_int_equal(serial_history_parse("1 1x", 4, &back), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serials_wrap_around),
		cmocka_unit_test(a_lag_that_was_there_before_we_looked_has_no_grace),
		cmocka_unit_test(a_new_serial_has_its_grace_and_no_more),
		cmocka_unit_test(a_serial_that_goes_back_is_noticed),
		cmocka_unit_test(history_outlives_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
