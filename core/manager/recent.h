/* SPDX-License-Identifier: Apache-2.0 */
/* The newest events, in memory. */
#ifndef MANAGER_RECENT_H
#define MANAGER_RECENT_H

#include "core/manager/recorder.h"

#define RECENT_MAX 500

struct recent {
	struct recent_event *events; /* oldest first */
	size_t count;
	size_t room;
};

/* Fills the list from what the spool still has. Blocks. */
void recent_load(struct recent *recent, struct spool *spool);

/* Adds a copy; NULL when memory ran out (the event is in the spool all the same). */
const struct recent_event *recent_add(struct recent *recent, uint64_t seq, int64_t time_ms, const char *check,
	const Gavea__V1__Event *event);

void recent_done(struct recent *recent);

#endif
