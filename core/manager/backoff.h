/* SPDX-License-Identifier: Apache-2.0 */
/* Growing pauses between tries: 1 s doubling to 5 min, with jitter. Never gives up. */
#ifndef MANAGER_BACKOFF_H
#define MANAGER_BACKOFF_H

#include <stdint.h>

struct backoff {
	unsigned failures; /* in a row */
};

/* Counts a failure and returns the pause before the next try, nanoseconds: between half and all of
 * min(1 s * 2^(failures-1), 5 min). */
int64_t backoff_fail(struct backoff *backoff);

/* Counts a failure of something that many agents try at the same time, such as a server that was away: with full
 * jitter, between 100 ms and all of min(1 s * 2^failures, 5 min). */
int64_t backoff_spread(struct backoff *backoff);

/* The same for one who was told not to come back within at_least nanoseconds (0: was not): after that, and at most half
 * of it later, for others were told the same. */
int64_t backoff_after(struct backoff *backoff, int64_t at_least);

void backoff_reset(struct backoff *backoff);

#endif
