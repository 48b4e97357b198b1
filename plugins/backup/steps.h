/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verification that takes one backup after the other, the newest first. What was done is kept after each of them, so
 * that it goes on there when time ran out or the agent was restarted.
 */
#ifndef BACKUP_STEPS_H
#define BACKUP_STEPS_H

#include "context.h"

/* How far it has got. */
struct steps {
	bool begun;
	int64_t time; /* of the backup that was verified last; all that are not older are done */
	char *name; /* of that, owned */
	int64_t done;
	int64_t bad; /* of those: damaged */
	int64_t unknown; /* could not be judged */
	char text[300]; /* what is wrong with the first of these, damage before the rest */
};

/* "1 TIME DONE BAD UNKNOWN SIZE\n", the name of that many bytes, the text. Pure. */
int steps_write(const struct steps *steps, struct buf *out);
/* 0 (free it with steps_done()), -EINVAL: not of the form, or -ENOMEM. Pure. */
int steps_read(const char *text, struct steps *ret_steps);
/* Whether this backup comes before those that are done. Pure. */
bool steps_wants(const struct steps *steps, const struct backup *backup);
void steps_done(struct steps *steps);
#define _cleanup_steps_ _cleanup_(steps_done)

/*
 * Verifies all facts of the context (sorted), one by one: verify_one() fills in status and text, or returns -EAGAIN when
 * time ran out. Before the first of a round, prepare() likewise (NULL: nothing); a structure that is damaged ends it.
 * Returns 0 with the record of the whole round, or -EAGAIN: then status and text, if any, say how it stands.
 */
struct steps_work {
	int (*prepare)(struct context *context, struct record *record);
	int (*verify_one)(struct context *context, const struct backup *backup, struct record *record);
	const char *what; /* "archives" */
};
int steps_verify(struct context *context, const struct steps_work *work, struct record *record);

#endif
