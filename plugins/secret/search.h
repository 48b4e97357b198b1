/* SPDX-License-Identifier: Apache-2.0 */
/* Searches all that the options of a check name. */
#ifndef SECRET_SEARCH_H
#define SECRET_SEARCH_H

#include "report.h"

/* Whether they name anything: the rules take memory and are only loaded then. */
bool search_is_wanted(struct gavea_check *check);

/*
 * Initialises the scan, which must be done in any case, and searches. Targets that cannot be looked at become items at
 * once; findings are collected. Blocks, until shortly before the deadline at most. 0 or -ENOMEM.
 */
int search_run(struct gavea_check *check, const struct engine *engine, const struct fingerprint_key *key,
	struct scan *scan, struct findings *findings, struct report_counts *counts);

#endif
