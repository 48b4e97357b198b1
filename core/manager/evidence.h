/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last results of checks for other checks that asked for them when they were opened. What is gathered is bounded, and
 * says so when it was too much.
 */
#ifndef MANAGER_EVIDENCE_H
#define MANAGER_EVIDENCE_H

#include "core/manager/check.h"
#include "core/manager/wants.h"

/* Adds what is wanted of one check, if anything. 0 or -ENOMEM. */
int evidence_add(struct evidence *evidence, const struct wants *wants, struct check *check,
	const struct catalog *catalog);

#endif
