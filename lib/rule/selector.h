/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names series by name and labels, as Prometheus does: node_load1, node_filesystem_avail_bytes{mountpoint="/"},
 * with the matchers = != =~ !~. Expressions match the whole value; they are POSIX extended ones.
 */
#ifndef RULE_SELECTOR_H
#define RULE_SELECTOR_H

#include "base/error.h"

#include <gavea/plugin.h>

#define RULE_MATCHERS_MAX 16

struct rule_selector;

/* Reads a selector at *text and moves *text behind it. 0; -ENOMEM; -EINVAL with error, *text untouched. */
int rule_selector_read(const char **text, struct rule_selector **ret_selector, struct error *error);

/* The same for a text that has nothing else in it. */
int rule_selector_parse(const char *text, struct rule_selector **ret_selector, struct error *error);

void rule_selector_free(struct rule_selector *selector);
DEFINE_CLEANUP(struct rule_selector *, rule_selector_free);

/* Borrowed. */
const char *rule_selector_name(const struct rule_selector *selector);

/* Whether it says something about labels. */
bool rule_selector_has_matchers(const struct rule_selector *selector);

/* A label that is missing counts as empty. */
bool rule_selector_matches(const struct rule_selector *selector, const char *name,
	const struct gavea_pair *labels, size_t label_count);

#endif
