/* SPDX-License-Identifier: Apache-2.0 */
/* What a run found, before it is said: findings become the check's items. */
#ifndef DNS_FINDING_H
#define DNS_FINDING_H

#include "base/buf.h"
#include "base/util.h"

#include <gavea/plugin.h>

enum {
	FINDING_ATTRIBUTES_MAX = 16,
};

struct finding {
	char *name;
	enum gavea_status status;
	struct buf text;
	bool of_server; /* one of the M of "N of M" */
	struct {
		const char *name; /* a literal */
		char *value;
	} attributes[FINDING_ATTRIBUTES_MAX];
	size_t attribute_count;
};

struct findings {
	struct finding **list;
	size_t count;
	size_t room;
	bool no_memory; /* something is missing: the run must not count */
};

#define FINDINGS_INIT \
	{ \
		NULL, 0, 0, false \
	}

/* Adds a finding that is ok and says nothing yet. NULL: no memory, which is remembered; all calls take NULL. */
struct finding *findings_add(struct findings *findings, const char *format, ...) _printf_(2, 3);

/* Adds a sentence, and makes the finding at least as bad as status. */
void finding_say(struct finding *finding, enum gavea_status status, const char *format, ...) _printf_(3, 4);

/* name is a literal. */
void finding_attribute(struct finding *finding, const char *name, const char *format, ...) _printf_(3, 4);

/* Adds all of them to the run as items. */
void findings_report(const struct findings *findings, struct gavea_check *check);

void findings_done(struct findings *findings);

#endif
