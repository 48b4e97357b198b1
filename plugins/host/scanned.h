/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector of a tree in sysfs: what is there is found by a scan once a minute, its values are read each run. Begins
 * the state of such a collector.
 */
#ifndef HOST_SCANNED_H
#define HOST_SCANNED_H

#include "attrs.h"

struct scanned {
	struct attrs attrs;
	int *infos; /* series that are always 1 */
	size_t info_count;
	size_t info_room;
	int64_t next_scan;
	struct collection *collection; /* while it scans */
};

void scanned_done(struct scanned *scanned);

/* Adds a series that is always 1. Returns 0 or -ENOMEM. */
int scanned_info(
	struct scanned *scanned, const struct metric *metric, const struct gavea_pair *labels, size_t count);

/* Declares a metric with these labels as the value of folder/name, when that file is there. */
void scanned_add(struct scanned *scanned, const struct metric *metric, const struct gavea_pair *labels,
	size_t count, const char *folder, const char *name, double factor, double divisor,
	enum attr_pace pace);

/* Scans sysfs/folder when it is time, with take() for each entry that begins with prefix, and collects. 0 or a negative
 * errno. */
int scanned_collect(struct scanned *scanned, struct collection *collection, const char *folder,
	const char *prefix, int (*take)(void *context, const char *folder, const char *name));

/* folder/name, or folder/name/below with below; owned. NULL: no memory. */
char *path_join(const char *folder, const char *name, const char *below);

#endif
