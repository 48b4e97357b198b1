/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker wants to know of checks, as it said when it opened its own, and what was gathered of that. */
#ifndef MANAGER_WANTS_H
#define MANAGER_WANTS_H

#include "base/util.h"
#include "proto/worker.pb-c.h"

#include <stdint.h>

struct rule_selector;

struct wanted {
	char *checks; /* plugin/name, with * and ? */
	struct rule_selector *samples; /* NULL: none */
};

struct wants {
	struct wanted *list;
	size_t count;
};

/* Takes over what a worker said; what was there before is forgotten. 0; -EINVAL: it is not such a list; -ENOMEM. */
int wants_read(struct wants *wants, const Gavea__Worker__V1__Opened *opened);
void wants_done(struct wants *wants);

/* To be sent; it borrows from checks and catalog where it can, until either changes. */
struct evidence {
	Gavea__Worker__V1__Evidence **list;
	size_t count;
	size_t room;
	size_t bytes;
	uint64_t cut; /* a bit for each watch that has been told so */
};

#define EVIDENCE_INIT \
	{ \
		.list = NULL \
	}

/* By watch, then by name. */
void evidence_sort(struct evidence *evidence);
void evidence_done(struct evidence *evidence);

#endif
