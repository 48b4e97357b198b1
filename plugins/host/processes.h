/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that use most of the CPUs and the memory. They are looked at only when they are asked for or when something
 * is wrong that they may have caused, and then at most once a minute: a look costs by their number.
 */
#ifndef HOST_PROCESSES_H
#define HOST_PROCESSES_H

#include "collector.h"

struct processes;

/* Reads the options. 0, or a negative errno after gavea_fail(). */
int processes_new(struct collection *collection, struct processes **ret_processes);
void processes_free(struct processes *processes);

/* Says the item "processes", and tells of them in the items that are in trouble, if it is time to. Blocks for a quarter of a
 * second the first time. */
void processes_tell(struct processes *processes, struct collection *collection);

#endif
