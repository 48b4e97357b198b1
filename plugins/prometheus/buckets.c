/* SPDX-License-Identifier: Apache-2.0 */
#include "buckets.h"

#include "base/util.h"

#include <math.h>
#include <stdbool.h>

#define SUBDIVISION 32 /* buckets between a power of two and the next */

static const struct scale {
	const char *unit; /* NULL: any other */
	int first, step;
	size_t size;
} scales[] = {
	{"seconds", -13, 1, 22}, /* 122 µs to 256 s */
	{"bytes", 6, 2, 15}, /* 64 B to 16 GiB */
	{NULL, -10, 2, 20}, /* 0.001 to 268 million */
};

static const struct scale *scale_for(const char *unit)
{
	const struct scale *scale = scales;

	while (scale->unit && !streq(scale->unit, unit))
		scale++;
	return scale;
}

double buckets_bound(const struct buckets *buckets, size_t i)
{
	return ldexp(1, buckets->first + (int)i * buckets->step);
}

void buckets_fill(struct buckets *buckets, const char *unit, double sum, uint64_t zero_count, int32_t first,
	const uint64_t *counts, size_t count)
{
	const struct scale *scale = scale_for(unit);
	size_t at = 0;

	*buckets = (struct buckets){
		.sum = sum,
		.count = zero_count,
		.first = scale->first,
		.step = scale->step,
		.size = scale->size,
	};
	for (size_t i = 0; i < scale->size; i++) {
		int64_t last = (int64_t)(scale->first + (int)i * scale->step) * SUBDIVISION;

		for (; at < count && first + (int64_t)at <= last; at++)
			buckets->count += counts[at];
		buckets->below[i] = buckets->count;
	}
	for (; at < count; at++)
		buckets->count += counts[at];
}
