/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thresholds: the ranges of Nagios ("10", "10:", "~:10", "10:20", "@10:20") and comparisons ("> 80%", "<= 5s"). Ends may
 * bear a unit: a duration becomes seconds, a size bytes; a percentage stays what it is.
 */
#ifndef BASE_RANGE_H
#define BASE_RANGE_H

#include "base/error.h"

#include <stdbool.h>

enum range_kind {
	RANGE_NUMBER, /* no unit */
	RANGE_DURATION, /* in seconds */
	RANGE_SIZE, /* in bytes */
	RANGE_PERCENT,
	RANGE_ANY, /* of range_parse(): the unit that is written decides */
};

struct range {
	double low; /* -INFINITY: none */
	double high; /* INFINITY: none */
	bool low_open; /* low itself is outside */
	bool high_open;
	bool inside; /* alerts for values inside, not outside */
	enum range_kind kind; /* never RANGE_ANY */
};

/* Reads all of text. A plain number is taken for any kind, in its base unit. 0, or -EINVAL with an error that quotes
 * the text. */
int range_parse(const char *text, enum range_kind kind, struct range *ret_range, struct error *error);

/* Whether the value is one to alert for. What is not a number always is. */
bool range_alerts(const struct range *range, double value);

/* "10:20", "@~:5", with the unit of its kind; a comparison as its range, "> 80%" as "~:80%". Returns buffer. */
char *range_text(char buffer[static 64], const struct range *range);

#endif
