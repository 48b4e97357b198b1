/* SPDX-License-Identifier: Apache-2.0 */
/* How long something long may take. */
#ifndef SWAP_PATIENCE_H
#define SWAP_PATIENCE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>

struct patience {
	int64_t deadline; /* CLOCK_MONOTONIC, nanoseconds */
	bool (*cancelled)(void *userdata); /* NULL: never */
	void *userdata;
};

/* Whether it is time to stop. */
static inline bool patience_over(const struct patience *patience)
{
	return clock_ns(CLOCK_MONOTONIC) >= patience->deadline ||
		(patience->cancelled && patience->cancelled(patience->userdata));
}

#endif
