/* SPDX-License-Identifier: Apache-2.0 */
/* A comparison as people write it, "< 24h", ">= 4.0": an operator and a quantity with its unit. */
#ifndef SWAP_COMPARE_H
#define SWAP_COMPARE_H

#include <stdbool.h>

enum compare {
	COMPARE_LESS,
	COMPARE_AT_MOST,
	COMPARE_GREATER,
	COMPARE_AT_LEAST,
	COMPARE_EQUAL,
	COMPARE_UNEQUAL,
};

enum unit {
	UNIT_NONE, /* a number as it stands */
	UNIT_SHARE, /* "%": 0.01 */
	UNIT_TIME, /* "2s", "14d": seconds */
	UNIT_SIZE, /* "10MiB": bytes */
};

/* Reads an operator at *text and moves behind it. false: there is none. */
bool compare_read(const char **text, enum compare *ret_compare);

/* The whole of text is a quantity. 0 or -EINVAL. */
int quantity_parse(const char *text, double *ret_value, enum unit *ret_unit);

/* Whether "value COMPARE bound" holds. Nothing holds for what is not a number. */
bool compare_holds(enum compare compare, double value, double bound);

/* "<", "<=", … */
const char *compare_name(enum compare compare);

#endif
