/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From exponential buckets of base 2^(1/32) to the few classic ones that are shown. Their bounds are powers of two, which
 * are bounds of the former as well: nothing is guessed. Which ones depends on the unit alone, so they never change.
 */
#ifndef PROMETHEUS_BUCKETS_H
#define PROMETHEUS_BUCKETS_H

#include <stddef.h>
#include <stdint.h>

#define BUCKETS_MAX 24

struct buckets {
	double sum;
	uint64_t count;
	int first, step; /* exponents: bound i is 2^(first + i * step) */
	size_t size;
	uint64_t below[BUCKETS_MAX]; /* cumulative: observations up to bound i */
};

/* Fills buckets from counts of a histogram, counts[0] being bucket number first. */
void buckets_fill(struct buckets *buckets, const char *unit, double sum, uint64_t zero_count, int32_t first,
	const uint64_t *counts, size_t count);

double buckets_bound(const struct buckets *buckets, size_t i);

#endif
