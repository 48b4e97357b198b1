/* SPDX-License-Identifier: Apache-2.0 */
/* The gate through time, with a clock of our own. */
#include "plugins/dns/cutover.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECOND INT64_C(1000)
#define T0 INT64_C(1700000000000)

static const struct cutover_voice old_authority = {CUTOVER_OLD, true, 300 * SECOND};
static const struct cutover_voice new_authority = {CUTOVER_NEW, true, 60 * SECOND};
static const struct cutover_voice new_cache = {CUTOVER_NEW, false, 10 * SECOND};
static const struct cutover_voice silent_authority = {CUTOVER_SILENT, true, 0};
static const struct cutover_voice strange_cache = {CUTOVER_NEITHER, false, 0};

static struct cutover_verdict take(struct cutover_memory *memory, int64_t at, int64_t configured,
	const struct cutover_voice *a, const struct cutover_voice *b)
{
	struct cutover_voice voices[2] = {*a, *b};
	struct cutover_verdict verdict;

	cutover_take(memory, voices, 2, configured, T0 + at * SECOND, &verdict);
	return verdict;
}

static void the_gate_opens_when_the_old_ttl_has_run_out_since_the_last_authority_changed(void **state)
{
	struct cutover_memory memory = CUTOVER_MEMORY_INIT;
	struct cutover_verdict verdict;

	(void)state;
	assert_int_equal(take(&memory, 0, 0, &old_authority, &old_authority).state, CUTOVER_BEHIND);
	verdict = take(&memory, 10, 0, &new_authority, &old_authority);
	assert_int_equal(verdict.state, CUTOVER_BEHIND);
	assert_int_equal(verdict.authorities_new, 1);
	verdict = take(&memory, 20, 0, &new_authority, &new_authority);
	assert_int_equal(verdict.state, CUTOVER_WAITING);
	assert_true(verdict.opens == T0 + 320 * SECOND);
	assert_int_equal(take(&memory, 319, 0, &new_authority, &new_authority).state, CUTOVER_WAITING);
	assert_int_equal(take(&memory, 320, 0, &new_authority, &new_authority).state, CUTOVER_OPEN);
}

static void an_authority_that_falls_back_begins_the_wait_anew(void **state)
{
	struct cutover_memory memory = CUTOVER_MEMORY_INIT;

	(void)state;
	take(&memory, 0, 0, &old_authority, &old_authority);
	take(&memory, 10, 0, &new_authority, &new_authority);
	assert_int_equal(take(&memory, 300, 0, &new_authority, &old_authority).state, CUTOVER_BEHIND);
	assert_true(take(&memory, 311, 0, &new_authority, &new_authority).opens == T0 + 611 * SECOND);
}

static void an_authority_that_is_silent_begins_the_wait_anew(void **state)
{
	struct cutover_memory memory = CUTOVER_MEMORY_INIT;

	(void)state;
	take(&memory, 0, 0, &old_authority, &old_authority);
	take(&memory, 10, 0, &new_authority, &new_authority);
	assert_int_equal(take(&memory, 400, 0, &new_authority, &silent_authority).state, CUTOVER_UNSURE);
	assert_int_equal(take(&memory, 401, 0, &new_authority, &new_authority).state, CUTOVER_WAITING);
}

static void a_cache_that_keeps_the_old_answer_for_longer_holds_the_gate(void **state)
{
	struct cutover_voice stubborn = {CUTOVER_OLD, false, 3600 * SECOND};
	struct cutover_memory memory = CUTOVER_MEMORY_INIT;

	(void)state;
	take(&memory, 0, 0, &old_authority, &new_cache);
	assert_int_equal(take(&memory, 10, 0, &new_authority, &stubborn).state, CUTOVER_BEHIND);
	assert_true(take(&memory, 20, 0, &new_authority, &new_cache).opens == T0 + 3610 * SECOND);
}

static void without_the_old_ttl_the_gate_stays_shut(void **state)
{
	struct cutover_memory memory = CUTOVER_MEMORY_INIT;

	(void)state;
	assert_int_equal(take(&memory, 0, 0, &new_authority, &new_cache).state, CUTOVER_UNTIMED);
	assert_int_equal(take(&memory, 1000000, 0, &new_authority, &new_cache).state, CUTOVER_UNTIMED);
	assert_true(take(&memory, 1000001, 60 * SECOND, &new_authority, &new_cache).state == CUTOVER_OPEN);
}

static void without_an_authority_the_gate_stays_shut(void **state)
{
	struct cutover_memory memory = CUTOVER_MEMORY_INIT;

	(void)state;
	assert_int_equal(take(&memory, 0, 60 * SECOND, &new_cache, &new_cache).state, CUTOVER_UNSURE);
	assert_int_equal(take(&memory, 100, 60 * SECOND, &new_cache, &new_cache).state, CUTOVER_UNSURE);
}

static void neither_answer_is_worse_than_the_old_one(void **state)
{
	struct cutover_memory memory = CUTOVER_MEMORY_INIT;

	(void)state;
	assert_int_equal(take(&memory, 0, 0, &old_authority, &strange_cache).state, CUTOVER_WRONG);
}

static void a_clock_that_went_back_begins_the_wait_anew(void **state)
{
	struct cutover_memory memory = CUTOVER_MEMORY_INIT;

	(void)state;
	take(&memory, 0, 0, &old_authority, &old_authority);
	take(&memory, 1000, 0, &new_authority, &new_authority);
	assert_true(take(&memory, 500, 0, &new_authority, &new_authority).opens == T0 + 800 * SECOND);
}

static void memory_outlives_a_restart_and_belongs_to_its_expectations(void **state)
{
	struct cutover_memory memory = {5, T0, T0 + 9}, back = CUTOVER_MEMORY_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)state;
	cutover_memory_format(&memory, 0xdeadbeef, &text);
	assert_int_equal(cutover_memory_parse(text.data, text.size, 0xdeadbeef, &back), 0);
	assert_memory_equal(&memory, &back, sizeof(memory));
	assert_int_equal(cutover_memory_parse(text.data, text.size, 1, &back), -ESTALE);
	assert_int_equal(cutover_memory_parse("deadbeef 1 2", 12, 0xdeadbeef, &back), -EINVAL);
	assert_int_equal(cutover_memory_parse("deadbeef 1 2 3 x", 16, 0xdeadbeef, &back), -EINVAL);
	assert_int_equal(cutover_memory_parse("deadbeef -2 2 3", 15, 0xdeadbeef, &back), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_gate_opens_when_the_old_ttl_has_run_out_since_the_last_authority_changed),
		cmocka_unit_test(an_authority_that_falls_back_begins_the_wait_anew),
		cmocka_unit_test(an_authority_that_is_silent_begins_the_wait_anew),
		cmocka_unit_test(a_cache_that_keeps_the_old_answer_for_longer_holds_the_gate),
		cmocka_unit_test(without_the_old_ttl_the_gate_stays_shut),
		cmocka_unit_test(without_an_authority_the_gate_stays_shut),
		cmocka_unit_test(neither_answer_is_worse_than_the_old_one),
		cmocka_unit_test(a_clock_that_went_back_begins_the_wait_anew),
		cmocka_unit_test(memory_outlives_a_restart_and_belongs_to_its_expectations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
