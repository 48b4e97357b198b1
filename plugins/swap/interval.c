/* SPDX-License-Identifier: Apache-2.0 */
#include "interval.h"

#include <math.h>

#define NEEDED_MAX (UINT64_C(1) << 40)

void wilson_interval(uint64_t k, uint64_t n, double z, double *ret_lower, double *ret_upper)
{
	double count = (double)n, share, center, half, scale;

	if (n == 0) {
		*ret_lower = 0;
		*ret_upper = 1;
		return;
	}
	share = k < n ? (double)k / count : 1;
	scale = 1 + z * z / count;
	center = share + z * z / (2 * count);
	half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count));
	*ret_lower = fmax(0, (center - half) / scale);
	*ret_upper = fmin(1, (center + half) / scale);
}

void newcombe_interval(
	uint64_t k1, uint64_t n1, uint64_t k2, uint64_t n2, double z, double *ret_lower, double *ret_upper)
{
	double p1 = n1 ? fmin(1, (double)k1 / (double)n1) : 0.5,
	       p2 = n2 ? fmin(1, (double)k2 / (double)n2) : 0.5;
	double lower1, upper1, lower2, upper2;

	wilson_interval(k1, n1, z, &lower1, &upper1);
	wilson_interval(k2, n2, z, &lower2, &upper2);
	*ret_lower = p1 - p2 - hypot(p1 - lower1, upper2 - p2);
	*ret_upper = p1 - p2 + hypot(upper1 - p1, p2 - lower2);
}

static double upper_of(uint64_t k, uint64_t n, double z)
{
	double lower, upper;

	wilson_interval(k, n, z, &lower, &upper);
	return upper;
}

/* The upper bound is bound where (bound - k/n)^2 = z^2 bound (1 - bound) / n: a quadratic equation for the root of n. */
uint64_t wilson_needed(uint64_t k, double bound, double z)
{
	double spread, root;
	uint64_t n;

	if (!(bound > 0 && bound < 1))
		return 0;
	spread = z * sqrt(bound * (1 - bound));
	root = (spread + sqrt(spread * spread + 4 * bound * (double)k)) / (2 * bound);
	if (!(root * root < (double)NEEDED_MAX))
		return 0;
	n = (uint64_t)(root * root);
	while (upper_of(k, n, z) >= bound)
		n++;
	return n;
}
