/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/backoff.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/util.h"

#define FIRST NSEC_PER_SEC
#define SHORTEST (100 * NSEC_PER_MSEC)
#define LONGEST (300 * NSEC_PER_SEC)

static int64_t next_ceiling(const struct backoff *backoff)
{
	return backoff->failures < 9 ? MIN(FIRST << backoff->failures, LONGEST) : LONGEST;
}

int64_t backoff_fail(struct backoff *backoff)
{
	int64_t ceiling = next_ceiling(backoff);

	backoff->failures++;
	return ceiling / 2 + (int64_t)random_below((uint64_t)(ceiling / 2));
}

int64_t backoff_spread(struct backoff *backoff)
{
	int64_t ceiling = next_ceiling(backoff);

	backoff->failures++;
	return SHORTEST + (int64_t)random_below((uint64_t)(ceiling - SHORTEST));
}

int64_t backoff_after(struct backoff *backoff, int64_t at_least)
{
	int64_t spread = backoff_spread(backoff);

	return at_least > 0 ? at_least + MIN(spread, at_least / 2) : spread;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->failures = 0;
}
