/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/clockwatch.h"
#include "base/clock.h"

#include <stdlib.h>

static int64_t if_large(int64_t ns)
{
	return llabs(ns) >= NSEC_PER_SEC ? ns : 0;
}

void clockwatch_look(struct clockwatch *watch, const struct clock_reading *now, int64_t *ret_suspended,
	int64_t *ret_stepped)
{
	int64_t asleep = now->boottime - now->monotonic + 1, wall = now->realtime - now->boottime;

	*ret_suspended = *ret_stepped = 0;
	if (watch->asleep) {
		*ret_suspended = if_large(asleep - watch->asleep);
		*ret_stepped = if_large(wall - watch->wall);
	}
	watch->asleep = asleep;
	watch->wall = wall;
}
