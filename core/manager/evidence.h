/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last results of checks for other checks that asked for them when they were opened. What a worker asks for is
 * judged like all that comes from one; what is gathered is bounded, and says so when it was too much.
 */
#ifndef MANAGER_EVIDENCE_H
#define MANAGER_EVIDENCE_H

#include "core/manager/check.h"

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

/* What is wanted of one check, if anything. 0 or -ENOMEM. */
int evidence_add(struct evidence *evidence, const struct wants *wants, struct check *check,
	const struct catalog *catalog);

/* By watch, then by name. */
void evidence_sort(struct evidence *evidence);
void evidence_done(struct evidence *evidence);

#endif
