/* SPDX-License-Identifier: Apache-2.0 */
/* 3-2-1: how many copies there are that do not get lost together, on which media, and whether one is elsewhere. */
#ifndef BACKUP_COPIES_H
#define BACKUP_COPIES_H

#include "context.h"
#include "place.h"

struct copy {
	const char *name; /* as the options give it */
	struct place place;
	bool in_time; /* it holds a backup that is not too old */
};

struct copies_wanted {
	int64_t copies; /* in places of their own */
	int64_t media; /* kinds of media among them */
	bool offsite; /* one on another machine */
};

/* Adds the findings copies, media and offsite. Pure. */
void copies_judge(const struct copy *copies, size_t count, const struct copies_wanted *wanted,
	struct findings *findings);

/* Looks at the other places that the options name, and judges all. Blocks. */
void copies_look(struct context *context);

#endif
