/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_ratio.h"

#include "base/util.h"
#include "traffic.h"

#include <errno.h>

uint32_t ratio_share(const struct ratio *ratio)
{
	unsigned sum = ratio->green + ratio->blue;

	return sum ? (ratio->green * SHARE_ALL + sum / 2) / sum : SHARE_UNKNOWN;
}

static uint32_t distance(const struct ratio *ratio, uint32_t share)
{
	uint32_t is = ratio_share(ratio);

	return is > share ? is - share : share - is;
}

/* The best blue weight for this green one. */
static struct ratio partner(unsigned green, uint32_t share)
{
	uint64_t blue = ((uint64_t)green * (SHARE_ALL - share) + share / 2) / share;

	return (struct ratio){green, (unsigned)MIN(MAX(blue, 1u), (uint64_t)HAPROXY_WEIGHT_MAX)};
}

int ratio_find(uint32_t share, struct ratio *ret_ratio)
{
	struct ratio best = {0, 1};

	if (share == 0 || share == SHARE_ALL) {
		*ret_ratio = share ? (struct ratio){1, 0} : best;
		return 0;
	}
	for (unsigned green = 1; green <= HAPROXY_WEIGHT_MAX; green++) {
		struct ratio try = partner(green, share);

		if (green == 1 || distance(&try, share) < distance(&best, share))
			best = try;
	}
	*ret_ratio = best;
	return distance(&best, share) ? -ERANGE : 0;
}
