/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of the tools: whose they are, how old, and what they keep from being done. They are read, never taken or removed. */
#ifndef BACKUP_LOCKS_H
#define BACKUP_LOCKS_H

#include "context.h"

#include "base/buf.h"

#include <sys/types.h>

struct locks {
	size_t count;
	size_t stale; /* older than lock_age */
	bool exclusive; /* one of the stale ones lets nobody else in */
	int64_t oldest; /* seconds since 1970 */
	char owner[256]; /* of the oldest */
};

/* owner: "root on web1 (process 12)". */
void locks_add(
	struct locks *locks, int64_t lock_age, int64_t now, const char *owner, int64_t time, bool exclusive);

/* Adds the finding "lock" if there is any. hinders: what cannot be done meanwhile. */
void locks_judge(const struct locks *locks, const char *hinders, const char *remedy, int64_t now,
	struct findings *findings);

/* Reads restic's "cat lock". 0 with *ret_time, or -EBADMSG. Pure. */
int lock_read_restic(const struct buf *text, char owner[static 256], int64_t *ret_time, bool *ret_exclusive);

/* The first owner in borg's lock.roster; false: there is none. Pure. */
bool lock_read_borg(const struct buf *text, char owner[static 256], bool *ret_exclusive);

/* The process that holds a lock on this file, as locks in proc(5) says; 0: none. Pure. */
pid_t lock_find_holder(const char *locks, unsigned major, unsigned minor, uint64_t inode);

/* Adds the lock on a file if somebody holds it; a file alone is none. */
void locks_look_at_file(struct locks *locks, const struct context *context, const char *path);

#endif
