/* SPDX-License-Identifier: Apache-2.0 */
/* Growing pauses between tries: 1 s doubling to 5 min, with full jitter in the upper half. Never gives up. */
#ifndef MANAGER_BACKOFF_H
#define MANAGER_BACKOFF_H

#include <stdint.h>

struct backoff {
	unsigned failures; /* in a row */
};

/* Counts a failure and returns the pause before the next try, nanoseconds: between half and all of
 * min(1 s * 2^(failures-1), 5 min). */
int64_t backoff_fail(struct backoff *backoff);

void backoff_reset(struct backoff *backoff);

#endif
