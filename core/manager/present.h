/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How everything is now, for an output that has a long way to go through what happened while its receiver was away:
 * the last result of every check, the worst first, as a batch of its own under a spool id of its own. To a receiver it
 * is one more spool of this agent. Nothing of it is kept, and it has no events: history comes by itself.
 */
#ifndef MANAGER_PRESENT_H
#define MANAGER_PRESENT_H

#include "core/manager/check.h"

struct present {
	uint8_t id[16]; /* made at the first use */
	uint64_t stream;
	uint64_t next_seq;
};

/* A batch in memory; the caller closes its descriptor. Its length is 0 when no check has run. 0 or -errno. */
int present_make(
	struct present *present, struct check *const *checks, size_t count, struct spool_batch *ret_batch);

#endif
