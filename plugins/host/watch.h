/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of file systems, over changes of the mount table and restarts of the worker: whether one could be
 * written to, and how it fills. By mount point and device.
 */
#ifndef HOST_WATCH_H
#define HOST_WATCH_H

#include "collector.h"
#include "trend.h"

struct watch {
	char *mount_point;
	char *device;
	bool was_writable; /* since the host booted */
	struct trend fast; /* the last quarter of an hour */
	struct trend slow; /* the window that is configured */
	bool mounted; /* in the mount table as it is now */
};

struct watches {
	struct watch *list;
	size_t count;
	size_t room;
	int64_t window; /* nanoseconds */
};

void watches_done(struct watches *watches);

/* Before the mount table is read: nothing is mounted; and after it: what is not is forgotten. */
void watches_begin(struct watches *watches);
void watches_end(struct watches *watches, struct collection *collection);

/* The watch of a mount; made, with what was saved of it, when there is none. Its number, which is valid until the next
 * watches_begin(), or -ENOMEM. */
int watches_get(
	struct watches *watches, struct collection *collection, const char *mount_point, const char *device);

/* Saves all of them in the key-value state, without committing it. */
void watches_save(const struct watches *watches, struct collection *collection);

#endif
