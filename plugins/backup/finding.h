/* SPDX-License-Identifier: Apache-2.0 */
/* What a run has to say: one finding for each thing that was judged. They become the items of the result. */
#ifndef BACKUP_FINDING_H
#define BACKUP_FINDING_H

#include "base/util.h"

#include <gavea/plugin.h>

struct finding {
	char *name;
	enum gavea_status status;
	char *text; /* what is wrong, and the remedy */
};

struct findings {
	struct finding *list;
	size_t count;
	size_t room;
	int error; /* 0, or -ENOMEM: something is missing in the list */
};

/* Adds one; credentials in addresses ("://user:password@") are taken out of the text. */
void finding_add(struct findings *findings, const char *name, enum gavea_status status, const char *format,
	...) _printf_(4, 5);

/* The first of the worst; NULL: there is none. */
const struct finding *findings_worst(const struct findings *findings);

/* How many are not ok. */
size_t findings_bad(const struct findings *findings);

void findings_done(struct findings *findings);
#define _cleanup_findings_ _cleanup_(findings_done)

/* Takes credentials out of addresses in place. */
void redact(char *text);

#endif
