/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of the md driver, as /proc/mdstat shows them. */
#ifndef HOST_MDSTAT_H
#define HOST_MDSTAT_H

#include <stdbool.h>
#include <stddef.h>

enum md_state { MD_ACTIVE, MD_INACTIVE, MD_RECOVERING, MD_RESYNC, MD_CHECK, MD_STATES };

struct md_array {
	const char *name; /* borrowed from the text, name_size bytes */
	size_t name_size;
	enum md_state state;
	double blocks;
	double synced; /* blocks */
	double required; /* disks */
	double active;
	double failed;
	double spare;
	bool degraded; /* redundancy is missing */
};

/* The next array at or after a line of the text, which is advanced behind it. 1, 0 at the end, or -EBADMSG. */
int md_next(const char **line, struct md_array *ret_array);

#endif
