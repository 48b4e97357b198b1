/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found about one target: each finding has a status, a text (what is wrong, where, how much) and a remedy.
 * A list that ran out of memory is at least unknown: nothing turns green for lack of room.
 */
#ifndef CERT_FINDING_H
#define CERT_FINDING_H

#include "base/buf.h"

#include <gavea/plugin.h>
#include <stdbool.h>

struct finding {
	enum gavea_status status;
	bool breaks; /* clients that verify are turned away by it */
	char *text; /* owned */
	char *remedy; /* owned; NULL: none is known */
};

struct findings {
	struct finding *list;
	size_t count;
	size_t room;
	bool lost; /* one did not fit into memory */
};

enum {
	FINDING_BREAKS = 1,
};

/* flags: 0 or FINDING_BREAKS. remedy may be NULL and is copied. */
void findings_add(struct findings *findings, enum gavea_status status, unsigned flags, const char *remedy,
	const char *format, ...) _printf_(5, 6);

enum gavea_status findings_status(const struct findings *findings);

/* Whether a client that verifies would be turned away. */
bool findings_break(const struct findings *findings);

/* Appends "text: remedy" of the worst finding, the first of equals; nothing when there is none. */
void findings_worst(const struct findings *findings, struct buf *out);

/* Appends all, the worst first, separated by "; ", without their remedies. */
void findings_all(const struct findings *findings, struct buf *out);

/* The remedy of the worst finding that has one; NULL: none. Borrowed. */
const char *findings_remedy(const struct findings *findings);

void findings_done(struct findings *findings);

#endif
