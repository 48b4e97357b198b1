/* SPDX-License-Identifier: Apache-2.0 */
/* Rules: what a leaked secret looks like. The form of their files is told in rules/provider.rules. */
#ifndef SECRET_RULE_H
#define SECRET_RULE_H

#include "base/error.h"

#include <gavea/plugin.h>

#include <stdbool.h>
#include <stddef.h>

#define RULES_MAX 2000

enum rule_check {
	RULE_CHECK_NONE,
	RULE_CHECK_CRC32_BASE62,
	RULE_CHECK_BECH32,
	RULE_CHECK_PRIVATE_KEY,
};

struct rule {
	char *id;
	char *description;
	char *remedy; /* NULL: the usual one */
	char *pattern;
	const char *alphabet; /* the characters that it may have; NULL: any */
	size_t length_min;
	size_t length_max;
	double entropy; /* bits a byte, at least */
	enum rule_check check;
	enum gavea_status status;
	bool generic;
	char *where; /* FILE:LINE */
};

struct ruleset {
	struct rule *list;
	size_t count;
	size_t room;
};

/* Adds the rules of a text, which came from this file; one with a known name replaces the earlier one. On failure the
 * error tells file and line, and the set must be freed. */
int ruleset_parse(struct ruleset *set, const char *text, const char *file, struct error *error);

/* The same for a file. Blocks. */
int ruleset_read(struct ruleset *set, const char *path, struct error *error);

/* Removes a rule; -ENOENT: there is none of that name, and the error suggests one. */
int ruleset_disable(struct ruleset *set, const char *id, struct error *error);

void ruleset_done(struct ruleset *set);

#endif
