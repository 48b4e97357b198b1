/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gates do to thousands of made-up canaries: how often a good one is rolled back or passes, and how soon a bad
 * one is found, in a hold of an hour that is looked at each five seconds. The numbers come from a generator with a
 * fixed seed, so the test always sees the same ones.
 */
#include "plugins/swap/gate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TRIALS 1000
#define MINUTES 60
#define LOOKS 12 /* a minute */
#define CANARY 0.05
#define USUAL 0.003 /* of requests fail, of either colour */

struct outcome {
	unsigned passed;
	unsigned failed;
	unsigned found_after[MINUTES + 1]; /* minutes, of those that failed */
};

/* xorshift64* (Marsaglia 2003, Vigna 2016). */
static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

static double uniform(uint64_t *seed)
{
	return ((double)(next(seed) >> 11) + 0.5) / 9007199254740992.0;
}

/* How many of n requests fail: the gaps between failures are geometric. */
static uint64_t failures(uint64_t *seed, uint64_t n, double rate)
{
	double at = 0, scale = log1p(-rate);
	uint64_t k = 0;

	for (;;) {
		at += floor(log(uniform(seed)) / scale) + 1;
		if (at > (double)n)
			return k;
		k++;
	}
}

/* Up to so many requests in all. */
static void grow(struct gate_counts *counts, double to, double rate, uint64_t *seed)
{
	uint64_t more = (uint64_t)to - counts->n;

	counts->n += more;
	counts->k += failures(seed, more, rate);
}

static bool any_fails(
	const struct gate *gates, size_t count, const struct gate_counts *now, const struct gate_counts *base)
{
	for (size_t i = 0; i < count; i++) {
		struct gate_result result;

		gate_judge(&gates[i], now, base, &result);
		if (result.verdict == VERDICT_FAIL)
			return true;
	}
	return false;
}

static bool all_pass(
	const struct gate *gates, size_t count, const struct gate_counts *now, const struct gate_counts *base)
{
	for (size_t i = 0; i < count; i++) {
		struct gate_result result;

		gate_judge(&gates[i], now, base, &result);
		if (result.verdict != VERDICT_PASS)
			return false;
	}
	return true;
}

static void one_hold(const struct gate *gates, size_t count, unsigned a_minute, double rate, uint64_t *seed,
	struct outcome *outcome)
{
	struct gate_counts now = {0}, base = {0};
	double canary = a_minute * CANARY / LOOKS, rest = (double)a_minute / LOOKS - canary;

	for (unsigned look = 1; look <= MINUTES * LOOKS; look++) {
		grow(&now, canary * look, rate, seed);
		grow(&base, rest * look, USUAL, seed);
		if (any_fails(gates, count, &now, &base)) {
			outcome->failed++;
			outcome->found_after[(look + LOOKS - 1) / LOOKS]++;
			return;
		}
	}
	outcome->passed += all_pass(gates, count, &now, &base);
}

static struct outcome simulate(const char *const *texts, size_t count, unsigned a_minute, double rate)
{
	struct outcome outcome = {0};
	struct gate gates[4];
	uint64_t seed = 20261125;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(gate_parse(texts[i], &gates[i], NULL), 0);
	for (unsigned i = 0; i < TRIALS; i++)
		one_hold(gates, count, a_minute, rate, &seed, &outcome);
	for (size_t i = 0; i < count; i++)
		gate_done(&gates[i]);
	printf("%6u/min, %.1f %% fail: %.2f %% rolled back, %.2f %% passed\n", a_minute, 100 * rate,
		100.0 * outcome.failed / TRIALS, 100.0 * outcome.passed / TRIALS);
	return outcome;
}

static unsigned median_minute(const struct outcome *outcome)
{
	unsigned seen = 0;

	for (unsigned minute = 1; minute <= MINUTES; minute++) {
		seen += outcome->found_after[minute];
		if (seen >= TRIALS / 2)
			return minute;
	}
	return MINUTES + 1;
}

static const char *const below[] = {"error_rate < 1%"};
static const char *const both[] = {"error_rate < 1%", "error_rate no increase"};

static void a_good_canary_is_hardly_ever_rolled_back(void **state)
{
	static const unsigned rates[] = {120, 1200, 12000};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(simulate(below, 1, rates[i], USUAL).failed <= TRIALS * 5 / 1000);
		assert_true(simulate(both, 2, rates[i], USUAL).failed <= TRIALS * 5 / 1000);
	}
}

static void a_good_canary_with_enough_traffic_passes(void **state)
{
	(void)state;
	assert_true(simulate(below, 1, 1200, USUAL).passed >= TRIALS * 99 / 100);
	assert_true(simulate(below, 1, 12000, USUAL).passed >= TRIALS * 99 / 100);
	assert_true(simulate(both, 2, 12000, USUAL).passed >= TRIALS * 99 / 100);
}

static void with_little_traffic_many_remain_inconclusive_and_none_of_them_passes(void **state)
{
	struct outcome outcome = simulate(below, 1, 120, USUAL);

	(void)state;
	assert_in_range(outcome.passed, TRIALS / 4, TRIALS / 2);
	outcome = simulate(below, 1, 120, 0.05);
	assert_true(outcome.passed <= TRIALS / 1000);
}

static void a_bad_canary_is_found_within_minutes_and_never_passes(void **state)
{
	struct outcome outcome = simulate(below, 1, 1200, 0.05);

	(void)state;
	assert_true(median_minute(&outcome) <= 3);
	assert_int_equal(outcome.failed, TRIALS);
	outcome = simulate(both, 2, 1200, 0.05);
	assert_true(median_minute(&outcome) <= 3);
	outcome = simulate(below, 1, 12000, 0.05);
	assert_true(median_minute(&outcome) <= 1);
	outcome = simulate(below, 1, 120, 0.05);
	assert_true(median_minute(&outcome) <= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_canary_is_hardly_ever_rolled_back),
		cmocka_unit_test(a_good_canary_with_enough_traffic_passes),
		cmocka_unit_test(with_little_traffic_many_remain_inconclusive_and_none_of_them_passes),
		cmocka_unit_test(a_bad_canary_is_found_within_minutes_and_never_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
