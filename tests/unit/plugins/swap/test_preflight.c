/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "plugins/swap/preflight.h"
#include "tests/support/fake_host.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW 1800000000.0
#define HOUR 3600.0

static const struct gavea_plugin plugin = {.name = "swap"};

static struct point parsed(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct point point;
	int r = point_parse(text, &point, &error);

	if (r < 0)
		fail_msg("%s: %s", text, error_text(&error, r));
	return point;
}

static void refused(const char *text, const char *expected)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct point point;

	assert_int_equal(point_parse(text, &point, &error), -EINVAL);
	assert_string_equal(error_text(&error, -EINVAL), expected);
}

/* One check with at most one sample, as each watch of the point sees it. */
static struct point_result judged(
	const char *text, const char *name, int status, int64_t age, const char *series, double value)
{
	struct fake_host *fake = calloc(1, sizeof *fake);
	struct point point = parsed(text);
	struct point_result result;

	fake_init(fake, &plugin);
	assert_int_equal(point_watch(&fake->check, &point, NULL), 0);
	for (size_t i = 0; name && i < fake->watch_count; i++) {
		struct gavea_evidence *evidence = &fake->evidence[fake->evidence_count++];

		*evidence = (struct gavea_evidence){.watch = (int)i,
			.check = name,
			.status = status,
			.summary = "as it says",
			.age = age,
			.interval = 60 * NSEC_PER_SEC};
		if (series && strchr(fake->watches[i], ' ')) {
			evidence->samples[0].series = series;
			evidence->samples[0].value = value;
			evidence->sample_count = 1;
		}
	}
	point_judge(&fake->check, &point, NOW, &result);
	point_done(&point);
	fake_done(fake);
	free(fake);
	return result;
}

static void conditions_are_read_as_people_write_them(void **state)
{
	struct point point = parsed("  backup/db age < 24h and status <= warning and fresh < 10min ");

	(void)state;
	assert_string_equal(point.checks, "backup/db");
	assert_int_equal(point.count, 3);
	assert_true(point.says_status && point.says_fresh);
	assert_int_equal(point.clauses[0].kind, CLAUSE_AGE);
	assert_string_equal(point.clauses[0].sample, "gavea_backup_newest_timestamp_seconds");
	assert_true(point.clauses[0].bound == 24 * HOUR);
	assert_int_equal(point.clauses[1].kind, CLAUSE_STATUS);
	assert_int_equal(point.clauses[2].kind, CLAUSE_FRESH);
	point_done(&point);

	point = parsed("cert/* days > 14");
	assert_true(point.clauses[0].kind == CLAUSE_UNTIL && point.clauses[0].bound == 14 * 24 * HOUR);
	assert_string_equal(point.clauses[0].text, "days > 14");
	point_done(&point);

	point = parsed("exec/x until(lease{who=\"a and b\"}) > 1h and load{cpu=\"all\"} <= 4");
	assert_string_equal(point.clauses[0].sample, "lease{who=\"a and b\"}");
	assert_string_equal(point.clauses[1].sample, "load{cpu=\"all\"}");
	point_done(&point);

	point = parsed("manual database-owner");
	assert_string_equal(point.manual, "database-owner");
	assert_null(point.checks);
	point_done(&point);
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
	(void)state;
	refused("",
		"preflight \"\", character 1: expected a check such as \"backup/db\", or \"manual NAME\"");
	refused("backup",
		"preflight \"backup\", character 1: expected a check such as \"backup/db\", or \"manual "
		"NAME\"");
	refused("manual Big Boss",
		"preflight \"manual Big Boss\", character 8: expected one name of small letters, digits and "
		"\"-\"");
	refused("a/b age", "preflight \"a/b age\", character 8: expected a comparison: < <= > >= == !=");
	refused("a/b age < 24", "preflight \"a/b age < 24\", character 11: expected a time such as \"24h\"");
	refused("a/b days > soon",
		"preflight \"a/b days > soon\", character 12: expected a number, with a unit if it has one: "
		"\"24h\" \"14\" \"20%\"");
	refused("a/b status == good",
		"preflight \"a/b status == good\", character 15: expected a status: ok, warning, unknown or "
		"critical");
	refused("a/b x > 1 and ",
		"preflight \"a/b x > 1 and\", character 9: expected a number, with a unit if it has one: "
		"\"24h\" \"14\" \"20%\"");
	refused("a/b min(x) > 1",
		"preflight \"a/b min(x) > 1\", character 5: expected status, fresh, age, verified, restored, "
		"days, age(SAMPLE), until(SAMPLE) or a sample");
}

static void a_check_has_to_be_ok_and_fresh(void **state)
{
	struct point_result result = judged("a/b", "a/b", GAVEA_OK, NSEC_PER_SEC, NULL, 0);

	(void)state;
	assert_true(result.holds);
	assert_string_equal(result.evidence, "a/b: as it says");
	result = judged("a/b", "a/b", GAVEA_WARNING, NSEC_PER_SEC, NULL, 0);
	assert_false(result.holds);
	assert_string_equal(result.evidence, "a/b is warning: as it says");
	assert_string_equal(result.remedy, "gavea status a/b");
	result = judged("a/b", "a/b", GAVEA_OK, 181 * NSEC_PER_SEC, NULL, 0);
	assert_false(result.holds);
	assert_string_equal(
		result.evidence, "a/b: its result is stale: 3min 1s old, at most 3min 0s are good");
	assert_string_equal(result.remedy, "gavea run a/b");
	result = judged("a/b", "a/b", GAVEA_OK, INT64_MAX, NULL, 0);
	assert_false(result.holds);
	assert_string_equal(result.evidence, "a/b has no result yet");
}

static void what_is_not_there_does_not_hold(void **state)
{
	struct point_result result = judged("a/b", NULL, 0, 0, NULL, 0);

	(void)state;
	assert_false(result.holds);
	assert_string_equal(result.evidence, "there is no check a/b");
	result = judged("a/b load < 4", "a/b", GAVEA_OK, 0, NULL, 0);
	assert_false(result.holds);
	assert_string_equal(result.evidence, "a/b: its last run gave no load");
	assert_false(judged("a/b load < 4", "a/b", GAVEA_OK, 0, "load", NAN).holds);
}

static void a_condition_may_allow_more_or_ask_for_more(void **state)
{
	(void)state;
	assert_true(judged("a/b status <= warning", "a/b", GAVEA_WARNING, 0, NULL, 0).holds);
	assert_false(judged("a/b status <= warning", "a/b", GAVEA_UNKNOWN, 0, NULL, 0).holds);
	assert_true(judged("a/b fresh < 1h", "a/b", GAVEA_OK, 50 * 60 * NSEC_PER_SEC, NULL, 0).holds);
	assert_false(judged("a/b fresh < 1h", "a/b", GAVEA_OK, 61 * 60 * NSEC_PER_SEC, NULL, 0).holds);
	assert_false(judged("a/b fresh < 1h", "a/b", GAVEA_OK, INT64_MAX, NULL, 0).holds);
	assert_true(judged("a/b load < 4", "a/b", GAVEA_OK, 0, "load{}", 3).holds);
	assert_false(judged("a/b load < 4", "a/b", GAVEA_OK, 0, "load{}", 4).holds);
	assert_false(judged("a/b load < 4", "a/b", GAVEA_CRITICAL, 0, "load{}", 3).holds);
}

static void times_are_held_against_now(void **state)
{
	struct point_result result;

	(void)state;
	assert_true(judged("a/b age < 24h", "a/b", GAVEA_OK, 0, "t", NOW - 23 * HOUR).holds);
	result = judged("a/b age < 24h", "a/b", GAVEA_OK, 0, "t", NOW - 25 * HOUR);
	assert_false(result.holds);
	assert_string_equal(result.evidence, "a/b: age < 24h (t) is 1d 1h");
	assert_true(judged("a/b days > 14", "a/b", GAVEA_OK, 0, "t", NOW + 15 * 24 * HOUR).holds);
	assert_false(judged("a/b days > 14", "a/b", GAVEA_OK, 0, "t", NOW + 13 * 24 * HOUR).holds);
	result = judged("a/b age < 24h", "a/b", GAVEA_OK, 0, "t", NOW + HOUR);
	assert_false(result.holds);
	assert_string_equal(result.evidence, "a/b: t tells a time that has not come yet");
}

static void of_many_checks_all_have_to_hold(void **state)
{
	struct fake_host *fake = calloc(1, sizeof *fake);
	struct point point = parsed("a/*");
	struct point_result result;

	(void)state;
	fake_init(fake, &plugin);
	assert_int_equal(point_watch(&fake->check, &point, NULL), 0);
	fake->evidence[0] = (struct gavea_evidence){
		.check = "a/a", .summary = "well", .age = 5 * NSEC_PER_SEC, .interval = NSEC_PER_SEC};
	fake->evidence[1] = (struct gavea_evidence){
		.check = "a/b", .summary = "well", .age = 9 * NSEC_PER_SEC, .interval = NSEC_PER_SEC};
	fake->evidence_count = 2;
	point_judge(&fake->check, &point, NOW, &result);
	assert_true(result.holds);
	assert_string_equal(result.evidence, "2 checks, all hold; oldest result 9s old");
	fake->evidence[1].status = GAVEA_CRITICAL;
	point_judge(&fake->check, &point, NOW, &result);
	assert_false(result.holds);
	assert_string_equal(result.evidence, "a/b is critical: well");
	point_done(&point);
	fake_done(fake);
	free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_are_read_as_people_write_them),
		cmocka_unit_test(what_is_wrong_is_said_with_its_place),
		cmocka_unit_test(a_check_has_to_be_ok_and_fresh),
		cmocka_unit_test(what_is_not_there_does_not_hold),
		cmocka_unit_test(a_condition_may_allow_more_or_ask_for_more),
		cmocka_unit_test(times_are_held_against_now),
		cmocka_unit_test(of_many_checks_all_have_to_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
