/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/backoff.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/util.h"

#define FIRST NSEC_PER_SEC
#define LONGEST (300 * NSEC_PER_SEC)

int64_t backoff_fail(struct backoff *backoff)
{
	int64_t ceiling = LONGEST;

	if (backoff->failures < 9)
		ceiling = MIN(FIRST << backoff->failures, LONGEST);
	backoff->failures++;
	return ceiling / 2 + (int64_t)random_below((uint64_t)(ceiling / 2));
}

void backoff_reset(struct backoff *backoff)
{
	backoff->failures = 0;
}
