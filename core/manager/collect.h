/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers what one run says, and makes its result. Pure but for memory. */
#ifndef MANAGER_COLLECT_H
#define MANAGER_COLLECT_H

#include "proto/worker.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

struct collect {
	Gavea__V1__Item **items;
	size_t count;
	size_t room;
	uint32_t left_out;
	const char *complaint; /* what was wrong with the output; NULL: nothing */
};

void collect_reset(struct collect *collect);

/* Takes the items out of an output. */
void collect_items(struct collect *collect, Gavea__Worker__V1__Output *output);

/* Remembers the first thing that was wrong: the result will be unknown for it. text must stay. */
void collect_complain(struct collect *collect, const char *text);

/* Why a job failed: what the plugin said, or the name of its error. Borrowed from done, or constant. */
const char *collect_reason(const Gavea__Worker__V1__Done *done);

/* The result: the worst of its own status and its items', with a summary. Times and state are the caller's to
 * fill in. NULL: out of memory. Free with gavea__v1__result__free_unpacked(). */
Gavea__V1__Result *collect_result(struct collect *collect, Gavea__Worker__V1__Done *done);

/* An unknown result for which the agent gives the cause. */
Gavea__V1__Result *collect_cause(struct collect *collect, const char *cause);

#endif
