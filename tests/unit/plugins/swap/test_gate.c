/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "plugins/swap/gate.h"
#include "plugins/swap/interval.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct gate parsed(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct gate gate;
	int r = gate_parse(text, &gate, &error);

	if (r < 0)
		fail_msg("%s: %s", text, error_text(&error, r));
	return gate;
}

static void refused(const char *text, const char *expected)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct gate gate;

	assert_int_equal(gate_parse(text, &gate, &error), -EINVAL);
	assert_string_equal(error_text(&error, -EINVAL), expected);
}

static struct gate_result judged(const char *text, uint64_t k, uint64_t n, uint64_t base_k, uint64_t base_n)
{
	struct gate gate = parsed(text);
	struct gate_result result;

	gate_judge(&gate, &(struct gate_counts){n, k}, &(struct gate_counts){base_n, base_k}, &result);
	gate_done(&gate);
	return result;
}

static void gates_are_read_as_people_write_them(void **state)
{
	struct gate gate = parsed("  error_rate < 1%  ");

	(void)state;
	assert_int_equal(gate.kind, GATE_ERROR_RATE);
	assert_true(gate.bound == 0.01 && !gate.no_increase);
	assert_string_equal(gate.text, "error_rate < 1%");
	gate_done(&gate);

	gate = parsed("error_rate no increase");
	assert_true(gate.kind == GATE_ERROR_RATE && gate.no_increase);
	gate_done(&gate);

	gate = parsed("p95<2s");
	assert_true(
		gate.kind == GATE_SLOW && gate.limit == 2 * NSEC_PER_SEC && fabs(gate.bound - 0.05) < 1e-12);
	gate_done(&gate);

	gate = parsed("p99.9 < 250ms no increase");
	assert_true(
		gate.limit == 250 * NSEC_PER_MSEC && gate.no_increase && fabs(gate.bound - 0.001) < 1e-12);
	gate_done(&gate);

	gate = parsed("csat >= 4.0");
	assert_int_equal(gate.kind, GATE_SAMPLE);
	assert_string_equal(gate.check, "*");
	assert_string_equal(gate.sample, "csat");
	assert_true(gate.compare == COMPARE_AT_LEAST && gate.bound == 4);
	gate_done(&gate);

	gate = parsed("exec/queue-*: queue_length{queue=\"a } b\",x=\"\\\"\"} < 1GiB");
	assert_string_equal(gate.check, "exec/queue-*");
	assert_string_equal(gate.sample, "queue_length{queue=\"a } b\",x=\"\\\"\"}");
	assert_true(gate.bound == 1024.0 * 1024 * 1024 && gate.unit == UNIT_SIZE);
	gate_done(&gate);

	gate = parsed("job:errors:rate5m != 0");
	assert_string_equal(gate.check, "*");
	assert_string_equal(gate.sample, "job:errors:rate5m");
	gate_done(&gate);

	gate = parsed("p95_seconds < 2s"); /* a sample: no quantile is named so */
	assert_int_equal(gate.kind, GATE_SAMPLE);
	gate_done(&gate);
}

static void what_is_wrong_with_a_gate_is_said_with_its_place(void **state)
{
	(void)state;
	refused("error_rate", "gate \"error_rate\", character 11: expected \"<\" or \"no increase\"");
	refused("error_rate > 1%",
		"gate \"error_rate > 1%\", character 12: expected \"<\" or \"no increase\"");
	refused("error_rate < 5",
		"gate \"error_rate < 5\", character 14: expected a percentage between 0% and 100%, such as "
		"\"1%\"");
	refused("error_rate < 0%",
		"gate \"error_rate < 0%\", character 14: expected a percentage between 0% and 100%, such as "
		"\"1%\"");
	refused("error_rate no increase please",
		"gate \"error_rate no increase please\", character 24: expected nothing more");
	refused("p95 < 3%", "gate \"p95 < 3%\", character 7: expected a time such as \"2s\"");
	refused("p95 > 2s", "gate \"p95 > 2s\", character 5: expected \"<\" and a time");
	refused("p95 < 0", "gate \"p95 < 0\", character 7: expected a time such as \"2s\"");
	refused("",
		"gate \"\", character 1: expected \"error_rate\", a quantile such as \"p95\", or the name of "
		"a sample");
	refused("a/b: 9",
		"gate \"a/b: 9\", character 6: expected \"error_rate\", a quantile such as \"p95\", or the "
		"name of a sample");
	refused("csat{a=\"b\" > 1",
		"gate \"csat{a=\"b\" > 1\", character 1: expected \"error_rate\", a quantile such as "
		"\"p95\", or the name of a sample");
	refused("csat", "gate \"csat\", character 5: expected a comparison: < <= > >= == !=");
	refused("csat > good",
		"gate \"csat > good\", character 8: expected a number, with a unit if it has one: \"4.0\" "
		"\"20%\" \"300ms\" \"1GiB\"");
	refused("csat > nan",
		"gate \"csat > nan\", character 8: expected a number, with a unit if it has one: \"4.0\" "
		"\"20%\" \"300ms\" \"1GiB\"");
}

/* Worked out by hand from the formula, and as R's prop.test and DescTools::BinomCI have it. */
static void intervals_are_those_of_the_books(void **state)
{
	double lower, upper;

	(void)state;
	wilson_interval(0, 0, Z_95, &lower, &upper);
	assert_true(lower == 0 && upper == 1);
	wilson_interval(81, 263, 1.959963984540054, &lower, &upper); /* Newcombe 1998, table I */
	assert_true(fabs(lower - 0.2553) < 5e-5 && fabs(upper - 0.3662) < 5e-5);
	wilson_interval(15, 148, 1.959963984540054, &lower, &upper);
	assert_true(fabs(lower - 0.0624) < 5e-5 && fabs(upper - 0.1605) < 5e-5);
	wilson_interval(0, 20, 1.959963984540054, &lower, &upper);
	assert_true(lower == 0 && fabs(upper - 0.1611) < 5e-5);
	wilson_interval(9, 3, 1.959963984540054, &lower, &upper);
	assert_true(upper == 1 && lower > 0.4 && lower < 0.5);
	newcombe_interval(
		56, 70, 48, 80, 1.959963984540054, &lower, &upper); /* Newcombe 1998, table II, method 10 */
	assert_true(fabs(lower - 0.0524) < 5e-5 && fabs(upper - 0.3339) < 5e-5);
	newcombe_interval(9, 10, 3, 10, 1.959963984540054, &lower, &upper);
	assert_true(fabs(lower - 0.1705) < 5e-5 && fabs(upper - 0.8090) < 5e-5);
	newcombe_interval(10, 10, 0, 20, 1.959963984540054, &lower, &upper);
	assert_true(fabs(lower - 0.6791) < 5e-5 && upper == 1);
}

/* How many requests it takes before anything may pass. */
static void the_least_evidence_is_that_of_the_formula(void **state)
{
	(void)state;
	assert_int_equal(wilson_needed(0, 0.01, Z_95), 268);
	assert_int_equal(wilson_needed(1, 0.01, Z_95), 446);
	assert_int_equal(wilson_needed(2, 0.01, Z_95), 602);
	assert_int_equal(wilson_needed(0, 0.05, Z_95), 52);
	assert_int_equal(wilson_needed(1, 0.05, Z_95), 87);
	assert_int_equal(wilson_needed(3, 0.05, Z_95), 147);
	assert_int_equal(wilson_needed(0, 0, Z_95), 0);
	assert_int_equal(wilson_needed(0, 1e-30, Z_95), 0);
	assert_int_equal(judged("error_rate < 1%", 0, 267, 0, 0).verdict, VERDICT_INCONCLUSIVE);
	assert_int_equal(judged("error_rate < 1%", 0, 268, 0, 0).verdict, VERDICT_PASS);
	assert_int_equal(judged("p95 < 2s", 3, 146, 0, 0).verdict, VERDICT_INCONCLUSIVE);
	assert_int_equal(judged("p95 < 2s", 3, 147, 0, 0).verdict, VERDICT_PASS);
}

static void no_traffic_is_neither_a_pass_nor_a_fail(void **state)
{
	struct gate_result result = judged("error_rate < 1%", 0, 0, 0, 1000);

	(void)state;
	assert_int_equal(result.verdict, VERDICT_INCONCLUSIVE);
	assert_string_equal(result.reason, "no requests yet: nothing can be said");
	result = judged("error_rate no increase", 0, 1000, 0, 0);
	assert_int_equal(result.verdict, VERDICT_INCONCLUSIVE);
	assert_string_equal(result.reason, "no requests of the old colour yet: nothing can be said");
	assert_int_equal(judged("error_rate no increase", 0, 0, 0, 0).verdict, VERDICT_INCONCLUSIVE);
}

static void few_bad_requests_prove_nothing(void **state)
{
	(void)state;
	assert_int_equal(judged("error_rate < 1%", 4, 4, 0, 0).verdict, VERDICT_INCONCLUSIVE);
	assert_int_equal(judged("error_rate < 1%", 5, 5, 0, 0).verdict, VERDICT_FAIL);
	assert_int_equal(judged("error_rate no increase", 4, 4, 0, 1000).verdict, VERDICT_INCONCLUSIVE);
	assert_int_equal(judged("error_rate no increase", 5, 5, 0, 1000).verdict, VERDICT_FAIL);
}

static void errors_that_the_old_colour_has_too_are_not_the_new_ones(void **state)
{
	(void)state;
	assert_int_equal(judged("error_rate no increase", 300, 10000, 3000, 100000).verdict, VERDICT_PASS);
	assert_int_equal(judged("error_rate no increase", 500, 10000, 3000, 100000).verdict, VERDICT_FAIL);
	assert_int_equal(judged("error_rate < 1%", 300, 10000, 3000, 100000).verdict, VERDICT_FAIL);
}

static void every_verdict_bears_its_numbers(void **state)
{
	struct gate_result result = judged("error_rate < 1%", 2, 5000, 0, 0);

	(void)state;
	assert_string_equal(result.reason, "2 of 5000 failed (0.04 %), surely below 1 % (0.121 %)");
	assert_true(result.threshold == 0.01 && result.now.k == 2 && result.now.n == 5000);
	result = judged("error_rate < 1%", 30, 600, 0, 0);
	assert_string_equal(result.reason, "30 of 600 failed (5 %), surely above 1 % (2.89 %)");
	result = judged("error_rate < 1%", 1, 100, 0, 0);
	assert_string_equal(result.reason, "1 of 100 failed; at least 446 requests are needed");
	assert_int_equal(result.needed, 446);
	result = judged("p95 < 2s", 0, 60, 0, 0);
	assert_string_equal(result.reason, "0 of 60 too slow (0 %), surely below 5 % (4.31 %)");
	result = judged("error_rate no increase", 3, 1000, 30, 10000);
	assert_string_equal(result.reason,
		"3 of 1000 failed against 30 of 10000: -0.327 to +0.455 points, no increase of note");
	assert_int_equal(result.base.n, 10000);
}

static void a_sample_holds_or_not_and_its_absence_is_no_pass(void **state)
{
	struct gate gate = parsed("csat >= 4.0");
	struct gate_result result;
	double value = 4;

	(void)state;
	gate_judge_sample(&gate, &value, NULL, &result);
	assert_int_equal(result.verdict, VERDICT_PASS);
	assert_string_equal(result.reason, "it is 4, which has to be >= 4");
	value = 3.9;
	gate_judge_sample(&gate, &value, NULL, &result);
	assert_int_equal(result.verdict, VERDICT_FAIL);
	value = NAN;
	gate_judge_sample(&gate, &value, NULL, &result);
	assert_int_equal(result.verdict, VERDICT_INCONCLUSIVE);
	gate_judge_sample(&gate, NULL, "no check has such a sample", &result);
	assert_int_equal(result.verdict, VERDICT_INCONCLUSIVE);
	assert_string_equal(result.reason, "no check has such a sample");
	gate_done(&gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates_are_read_as_people_write_them),
		cmocka_unit_test(what_is_wrong_with_a_gate_is_said_with_its_place),
		cmocka_unit_test(intervals_are_those_of_the_books),
		cmocka_unit_test(the_least_evidence_is_that_of_the_formula),
		cmocka_unit_test(no_traffic_is_neither_a_pass_nor_a_fail),
		cmocka_unit_test(few_bad_requests_prove_nothing),
		cmocka_unit_test(errors_that_the_old_colour_has_too_are_not_the_new_ones),
		cmocka_unit_test(every_verdict_bears_its_numbers),
		cmocka_unit_test(a_sample_holds_or_not_and_its_absence_is_no_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
