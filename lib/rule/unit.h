/* SPDX-License-Identifier: Apache-2.0 */
/* What values are measured in, as far as rules tell units apart. */
#ifndef RULE_UNIT_H
#define RULE_UNIT_H

enum rule_unit {
	RULE_PLAIN, /* none, or one that has no literals: goes with all others */
	RULE_RATIO, /* 0.05, written 5% */
	RULE_SECONDS,
	RULE_BYTES,
};

struct rule_value {
	double number; /* in the base unit */
	enum rule_unit unit;
};

/* "", "a ratio", "seconds", "bytes". */
const char *rule_unit_name(enum rule_unit unit);

/* A sample as a value. unit is the series' own ("seconds", "bytes", "ratio", "percent"); when it is empty, the end of
 * the series' name tells. */
struct rule_value rule_value_of(const char *name, const char *unit, double number);

/* "3.2", "12.5 %", "1.5 s", "64 MiB". Returns buffer. */
char *rule_value_text(char buffer[static 32], const struct rule_value *value);

#endif
