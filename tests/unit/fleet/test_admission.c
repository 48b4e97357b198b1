/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/admission.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* after those */
#include <cmocka.h>

#define A "00000000000000000000000000000001"
#define B "00000000000000000000000000000002"
#define START (100 * NSEC_PER_SEC)

static struct admission *make(unsigned reports, uint64_t bytes)
{
	struct admission *admission =
		admission_new(&(struct admission_settings){.reports_per_s = reports, .bytes_per_s = bytes});

	assert_non_null(admission);
	return admission;
}

static int one(struct admission *admission, const char *id, size_t bytes, int64_t now_ns, uint32_t *wait_ms)
{
	int r = admission_begin(admission, id, bytes, now_ns, wait_ms);

	if (r == 0)
		admission_end(admission, id);
	return r;
}

static void an_agent_may_use_its_burst_and_then_has_to_wait(void **state _unused_)
{
	struct admission *admission = make(10, 0);
	uint32_t wait_ms = 0;

	for (int i = 0; i < 10 * ADMISSION_BURST_S + 1; i++)
		assert_int_equal(one(admission, A, 1000, START, &wait_ms), 0);
	assert_int_equal(one(admission, A, 1000, START, &wait_ms), -EAGAIN);
	assert_in_range(wait_ms, 100, 101);
	assert_int_equal(one(admission, A, 1000, START + wait_ms * NSEC_PER_MSEC, &wait_ms), 0);
	assert_int_equal(one(admission, A, 1000, START + wait_ms * NSEC_PER_MSEC, &wait_ms), -EAGAIN);
	admission_free(admission);
}

static void bytes_count_as_well_as_reports(void **state _unused_)
{
	struct admission *admission = make(1000, 1000);
	uint32_t wait_ms = 0;

	assert_int_equal(one(admission, A, 25000, START, &wait_ms), 0);
	assert_int_equal(one(admission, A, 1, START, &wait_ms), -EAGAIN);
	assert_in_range(wait_ms, 5000, 5001);
	admission_free(admission);
}

static void an_agent_takes_nothing_from_another(void **state _unused_)
{
	struct admission *admission = make(1, 0);
	uint32_t wait_ms = 0;

	while (one(admission, A, 1, START, &wait_ms) == 0)
		;
	assert_int_equal(one(admission, B, 1, START, &wait_ms), 0);
	admission_free(admission);
}

static void only_some_reports_of_an_agent_wait_at_a_time(void **state _unused_)
{
	struct admission *admission = make(0, 0);
	uint32_t wait_ms = 0;

	for (int i = 0; i < ADMISSION_WAITING_MAX; i++)
		assert_int_equal(admission_begin(admission, A, 1, START, &wait_ms), 0);
	assert_int_equal(admission_begin(admission, A, 1, START, &wait_ms), -EBUSY);
	assert_int_equal(admission_begin(admission, B, 1, START, &wait_ms), 0);
	admission_end(admission, A);
	assert_int_equal(admission_begin(admission, A, 1, START, &wait_ms), 0);
	admission_free(admission);
}

static void zero_is_no_limit(void **state _unused_)
{
	struct admission *admission = make(0, 0);
	uint32_t wait_ms = 0;

	for (int i = 0; i < 100000; i++)
		assert_int_equal(one(admission, A, 1 << 20, START, &wait_ms), 0);
	admission_free(admission);
}

/* Ids are free to make up; memory is not. */
static void no_more_agents_are_remembered_than_the_bound_and_idle_ones_make_room(void **state _unused_)
{
	struct admission *admission = make(1, 0);
	uint32_t wait_ms = 0;
	char id[40];
	int r = 0;

	for (int i = 0; i < 20000; i++) {
		snprintf(id, sizeof id, "%032x", i);
		assert_int_equal(one(admission, id, 1, START, &wait_ms), 0);
	}
	assert_int_equal(one(admission, "f", 1, START, &wait_ms), -EBUSY);
	r = one(admission, "f", 1, START + 2 * NSEC_PER_SEC, &wait_ms);
	assert_int_equal(r, 0);
	admission_free(admission);
}

static void appointments_spread_a_storm_over_the_time_that_it_takes_to_serve(void **state _unused_)
{
	struct admission *admission = make(0, 0);
	uint32_t waits[1000], longest = 0;
	size_t early = 0;

	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		waits[i] = admission_appointment(admission, START);
		assert_in_range(waits[i], 500, ADMISSION_WAIT_MAX_MS);
		longest = MAX(longest, waits[i]);
		early += waits[i] < 1000;
	}
	/* 200 a second: five seconds' worth. */
	assert_in_range(longest, 4000, 10000);
	assert_in_range(early, 0, 300);
	admission_free(admission);
}

static void the_pace_follows_what_is_served(void **state _unused_)
{
	struct admission *admission = make(0, 0);
	uint32_t longest = 0;
	int64_t now = START;

	for (int i = 0; i < 20000; i++) { /* 2000 a second */
		now += NSEC_PER_SEC / 2000;
		admission_served(admission, now);
	}
	for (int i = 0; i < 1000; i++) {
		uint32_t wait_ms = admission_appointment(admission, now);

		longest = MAX(longest, wait_ms);
	}
	assert_in_range(longest, 500, 2600);
	admission_free(admission);
}

static void a_line_moves_on_when_the_pace_rises(void **state _unused_)
{
	struct admission *admission = make(0, 0);
	int64_t now = START;

	admission_served(admission, now);
	for (int i = 0; i < 4000; i++) /* 20 s at 200 a second */
		(void)admission_appointment(admission, now);
	for (int i = 0; i < 8000; i++) { /* two seconds at 4000 */
		now += NSEC_PER_SEC / 4000;
		admission_served(admission, now);
	}
	for (int i = 0; i < 20; i++)
		assert_in_range(admission_appointment(admission, now), 500, 3000);
	admission_free(admission);
}

static void nobody_waits_for_longer_than_the_bound(void **state _unused_)
{
	struct admission *admission = make(0, 0);
	uint32_t shortest = UINT32_MAX;

	for (int i = 0; i < 100000; i++) {
		uint32_t wait_ms = admission_appointment(admission, START);

		assert_in_range(wait_ms, 500, ADMISSION_WAIT_MAX_MS);
		if (i > 50000)
			shortest = MIN(shortest, wait_ms);
	}
	assert_in_range(shortest, 15000, 20000);
	admission_free(admission);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_agent_may_use_its_burst_and_then_has_to_wait),
		cmocka_unit_test(bytes_count_as_well_as_reports),
		cmocka_unit_test(an_agent_takes_nothing_from_another),
		cmocka_unit_test(only_some_reports_of_an_agent_wait_at_a_time),
		cmocka_unit_test(zero_is_no_limit),
		cmocka_unit_test(no_more_agents_are_remembered_than_the_bound_and_idle_ones_make_room),
		cmocka_unit_test(appointments_spread_a_storm_over_the_time_that_it_takes_to_serve),
		cmocka_unit_test(the_pace_follows_what_is_served),
		cmocka_unit_test(a_line_moves_on_when_the_pace_rises),
		cmocka_unit_test(nobody_waits_for_longer_than_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
