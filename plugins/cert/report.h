/* SPDX-License-Identifier: Apache-2.0 */
/* Says what was found: items, samples, and one line for all of it. */
#ifndef CERT_REPORT_H
#define CERT_REPORT_H

#include "fileset.h"
#include "memory.h"
#include "sweep.h"

struct report {
	struct gavea_check *check;
	struct memory *memory; /* NULL: nothing is remembered */
	int64_t now; /* seconds since 1970 */
	/* kept while it is made */
	unsigned by_status[4]; /* of items */
	unsigned certificates;
	int64_t next_end; /* the earliest end of a leaf; 0: none */
	struct buf next_name;
	struct buf worst; /* the worst items, until there is no room */
	struct buf unknown;
	struct buf warning;
};

void report_target(struct report *report, const struct target *target);

/* All entries of one file stand beside each other. */
void report_files(struct report *report, const struct fileset *fileset);

/* The summary. Frees what the report kept. */
void report_end(struct report *report);

#endif
