/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/buckets.h"

#include "base/util.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <stdint.h>

#include <cmocka.h>

/* The cumulative count up to a bound, which must be there. */
static uint64_t up_to(const struct buckets *buckets, double bound)
{
	for (size_t i = 0; i < buckets->size; i++)
		if (buckets_bound(buckets, i) == bound)
			return buckets->below[i];
	fail();
	return 0;
}

static void nothing_is_guessed_at_a_bound(void **state)
{
	/* Bucket 0 ends at 1, bucket 32 at 2; number 1 and 33 begin behind them. */
	uint64_t counts[34] = {[0] = 5, [1] = 7, [32] = 11, [33] = 13};
	struct buckets buckets;

	(void)state;
	buckets_fill(&buckets, "seconds", 40.5, 2, 0, counts, ARRAY_SIZE(counts));
	assert_int_equal(up_to(&buckets, 0.5), 2);
	assert_int_equal(up_to(&buckets, 1), 7);
	assert_int_equal(up_to(&buckets, 2), 25);
	assert_int_equal(up_to(&buckets, 4), 38);
	assert_int_equal(buckets.count, 38);
	assert_true(buckets.sum == 40.5);
}

static void what_lies_beyond_the_bounds_is_counted(void **state)
{
	uint64_t one = 1;
	struct buckets buckets;

	(void)state;
	buckets_fill(&buckets, "seconds", 1e9, 0, INT32_MAX, &one, 1);
	assert_int_equal(buckets.below[buckets.size - 1], 0);
	assert_int_equal(buckets.count, 1);
	buckets_fill(&buckets, "bytes", 1e-9, 0, INT32_MIN, &one, 1);
	assert_int_equal(buckets.below[0], 1);
	assert_int_equal(buckets.count, 1);
}

static void the_bounds_are_those_of_the_unit(void **state)
{
	struct buckets buckets;

	(void)state;
	buckets_fill(&buckets, "seconds", 0, 0, 0, NULL, 0);
	assert_true(buckets_bound(&buckets, 0) == 0.0001220703125);
	assert_true(buckets_bound(&buckets, buckets.size - 1) == 256);
	buckets_fill(&buckets, "bytes", 0, 0, 0, NULL, 0);
	assert_true(buckets_bound(&buckets, 0) == 64);
	assert_true(buckets_bound(&buckets, buckets.size - 1) == 17179869184.0);
	buckets_fill(&buckets, "", 0, 0, 0, NULL, 0);
	assert_true(buckets_bound(&buckets, 0) == 0.0009765625);
	assert_in_range(buckets.size, 1, BUCKETS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_guessed_at_a_bound),
		cmocka_unit_test(what_lies_beyond_the_bounds_is_counted),
		cmocka_unit_test(the_bounds_are_those_of_the_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
