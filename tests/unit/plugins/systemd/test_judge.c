/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/systemd/judge.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SEC INT64_C(1000000000)
#define US UINT64_C(1000000)
#define HOUR (3600 * US)

static const struct now now = {.realtime = 1000000 * HOUR, .monotonic = 50 * HOUR};

static void assert_verdict(struct verdict verdict, enum gavea_status status, const char *text)
{
	assert_string_equal(verdict.text, text);
	assert_int_equal(verdict.status, status);
}

static struct unit made(const char *load, const char *active, const char *sub)
{
	return (struct unit){.name = (char *)"a.service",
		.load = (char *)load,
		.active = (char *)active,
		.sub = (char *)sub};
}

static void a_failed_unit_is_critical_with_its_cause(void **state)
{
	struct unit unit = made("loaded", "failed", "failed");
	struct ending ending = {.result = "exit-code", .code = CLD_EXITED, .status = 3};

	(void)state;
	assert_verdict(judge_failed(&unit, &ending), GAVEA_CRITICAL,
		"failed: exit-code, exit status 3; see systemctl status a.service");
	ending = (struct ending){.result = "watchdog", .code = CLD_DUMPED, .status = SIGABRT};
	assert_verdict(judge_failed(&unit, &ending), GAVEA_CRITICAL,
		"failed: watchdog, SIGABRT; see systemctl status a.service");
	ending = (struct ending){.result = "resources"};
	assert_verdict(judge_failed(&unit, &ending), GAVEA_CRITICAL,
		"failed: resources; see systemctl status a.service");
	ending = (struct ending){.result = ""};
	assert_verdict(
		judge_failed(&unit, &ending), GAVEA_CRITICAL, "failed; see systemctl status a.service");
}

static void an_expected_unit_has_to_be_there_and_in_its_state(void **state)
{
	struct unit running = made("loaded", "active", "running"),
		    missing = made("not-found", "inactive", "dead");
	struct unit masked = made("masked", "inactive", "dead");

	(void)state;
	assert_verdict(judge_expected(&running, "active"), GAVEA_OK, "active (running)");
	assert_verdict(judge_expected(&running, "running"), GAVEA_OK, "active (running)");
	assert_verdict(judge_expected(&running, "exited"), GAVEA_CRITICAL,
		"is active (running), but should be exited");
	assert_verdict(judge_expected(&missing, "active"), GAVEA_CRITICAL,
		"there is no such unit, but it should be active");
	assert_verdict(judge_expected(&missing, "inactive"), GAVEA_CRITICAL,
		"there is no such unit, but it should be inactive");
	assert_verdict(judge_expected(NULL, "active"), GAVEA_CRITICAL,
		"there is no such unit, but it should be active");
	assert_verdict(judge_expected(&masked, "active"), GAVEA_CRITICAL, "is masked, but should be active");
}

static void restarts_have_two_limits_of_which_zero_is_none(void **state)
{
	(void)state;
	assert_verdict(judge_restarts(2, 3600 * SEC, 3, 10), GAVEA_OK, "restarted 2 times in 1h");
	assert_verdict(judge_restarts(3, 3600 * SEC, 3, 10), GAVEA_WARNING, "restarted 3 times in 1h");
	assert_verdict(judge_restarts(10, 3600 * SEC, 3, 10), GAVEA_CRITICAL, "restarted 10 times in 1h");
	assert_verdict(judge_restarts(10, 3600 * SEC, 0, 0), GAVEA_OK, "restarted 10 times in 1h");
	assert_verdict(judge_restarts(1, 3600 * SEC, 1, 0), GAVEA_WARNING, "restarted 1 time in 1h");
}

static const struct timer waiting = {.active = "active",
	.sub = "waiting",
	.next_realtime = 1000001 * HOUR,
	.next_monotonic = UINT64_MAX,
	.last = 999999 * HOUR,
	.service_active = "inactive",
	.service_result = "success"};

static void a_timer_that_waits_for_its_next_run_is_ok(void **state)
{
	struct timer timer = waiting;

	(void)state;
	assert_verdict(judge_timer(&timer, &now, 600 * SEC, 0), GAVEA_OK, "last ran 1h 0min ago");
	timer.last = 0;
	assert_verdict(judge_timer(&timer, &now, 600 * SEC, 0), GAVEA_OK, "has not run since boot");
}

static void a_timer_that_should_have_run_is_overdue_unless_its_service_runs(void **state)
{
	struct timer timer = waiting;

	(void)state;
	timer.next_realtime = now.realtime - 2 * HOUR;
	assert_verdict(judge_timer(&timer, &now, 600 * SEC, 0), GAVEA_CRITICAL,
		"is overdue: it should have run 2h 0min ago");
	timer.service_active = "activating";
	assert_int_equal(judge_timer(&timer, &now, 600 * SEC, 0).status, GAVEA_OK);
	timer.service_active = "inactive";
	timer.next_realtime = 0;
	timer.next_monotonic = now.monotonic - HOUR;
	assert_verdict(judge_timer(&timer, &now, 600 * SEC, 0), GAVEA_CRITICAL,
		"is overdue: it should have run 1h 0min ago");
	assert_int_equal(judge_timer(&timer, &now, 3601 * SEC, 0).status, GAVEA_OK);
}

static void a_timer_without_a_next_run_is_a_warning_unless_it_has_done_its_duty(void **state)
{
	struct timer timer = waiting;

	(void)state;
	timer.next_realtime = 0;
	assert_verdict(judge_timer(&timer, &now, 0, 0), GAVEA_WARNING, "waits, but has no next run");
	timer.sub = "elapsed";
	assert_int_equal(judge_timer(&timer, &now, 0, 0).status, GAVEA_OK);
}

static void a_timer_with_an_age_has_to_have_run_lately_and_well(void **state)
{
	struct timer timer = waiting;
	int64_t day = 24 * 3600 * SEC;

	(void)state;
	assert_verdict(judge_timer(&timer, &now, 0, day), GAVEA_OK, "last ran 1h 0min ago");
	timer.last = now.realtime - 30 * HOUR;
	assert_verdict(
		judge_timer(&timer, &now, 0, day), GAVEA_CRITICAL, "last ran 1d 6h ago; wanted within 1d");
	timer.last = 0;
	assert_verdict(judge_timer(&timer, &now, 0, day), GAVEA_CRITICAL,
		"has not run since boot, 2d 2h ago; wanted within 1d");
	assert_verdict(judge_timer(&timer, &now, 0, 3 * day), GAVEA_OK, "has not run since boot, 2d 2h ago");
	timer.last = now.realtime - HOUR;
	timer.service_result = "exit-code";
	assert_verdict(
		judge_timer(&timer, &now, 0, day), GAVEA_CRITICAL, "ran 1h 0min ago and failed: exit-code");
	timer.active = "inactive";
	assert_verdict(judge_timer(&timer, &now, 0, day), GAVEA_CRITICAL, "is inactive: it will not run");
	assert_verdict(judge_timer(&timer, &now, 0, 0), GAVEA_OK, "is inactive");
}

static void the_state_of_the_system_is_judged(void **state)
{
	(void)state;
	assert_verdict(judge_system("running"), GAVEA_OK, "running");
	assert_verdict(judge_system("degraded"), GAVEA_OK, "degraded");
	assert_verdict(judge_system("stopping"), GAVEA_WARNING, "is shutting down");
	assert_verdict(judge_system("maintenance"), GAVEA_CRITICAL, "is in rescue or emergency mode");
	assert_verdict(judge_system("odd"), GAVEA_UNKNOWN, "is in the state \"odd\"");
}

static void a_watchdog_that_is_about_to_fire_is_a_warning(void **state)
{
	(void)state;
	assert_int_equal(judge_watchdog(100 * US, 30 * US, 120 * US).status, GAVEA_OK);
	assert_int_equal(judge_watchdog(0, 30 * US, 120 * US).status, GAVEA_OK);
	assert_int_equal(judge_watchdog(100 * US, UINT64_MAX, 1200 * US).status, GAVEA_OK);
	assert_verdict(judge_watchdog(100 * US, 30 * US, 128 * US), GAVEA_WARNING,
		"its watchdog is about to fire: no sign of life for 28s of 30s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_unit_is_critical_with_its_cause),
		cmocka_unit_test(an_expected_unit_has_to_be_there_and_in_its_state),
		cmocka_unit_test(restarts_have_two_limits_of_which_zero_is_none),
		cmocka_unit_test(a_timer_that_waits_for_its_next_run_is_ok),
		cmocka_unit_test(a_timer_that_should_have_run_is_overdue_unless_its_service_runs),
		cmocka_unit_test(a_timer_without_a_next_run_is_a_warning_unless_it_has_done_its_duty),
		cmocka_unit_test(a_timer_with_an_age_has_to_have_run_lately_and_well),
		cmocka_unit_test(the_state_of_the_system_is_judged),
		cmocka_unit_test(a_watchdog_that_is_about_to_fire_is_a_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
