/* SPDX-License-Identifier: Apache-2.0 */
#include "compare.h"
#include "base/clock.h"
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>

/* Longer ones first: "<" begins "<=". */
static const struct {
	const char *text;
	enum compare compare;
} operators[] = {
	{"<=", COMPARE_AT_MOST},
	{">=", COMPARE_AT_LEAST},
	{"==", COMPARE_EQUAL},
	{"!=", COMPARE_UNEQUAL},
	{"<", COMPARE_LESS},
	{">", COMPARE_GREATER},
};

bool compare_read(const char **text, enum compare *ret_compare)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		const char *rest = startswith(*text, operators[i].text);

		if (!rest)
			continue;
		*text = rest;
		*ret_compare = operators[i].compare;
		return true;
	}
	return false;
}

const char *compare_name(enum compare compare)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (operators[i].compare == compare)
			return operators[i].text;
	return "?";
}

int quantity_parse(const char *text, double *ret_value, enum unit *ret_unit)
{
	uint64_t bytes;
	double number;
	int64_t ns;

	if (parse_double(text, &number) == 0) {
		*ret_value = number;
		*ret_unit = UNIT_NONE;
	} else if (parse_percent(text, &number) == 0) {
		*ret_value = number / 100;
		*ret_unit = UNIT_SHARE;
	} else if (parse_duration(text, &ns) == 0) {
		*ret_value = (double)ns / (double)NSEC_PER_SEC;
		*ret_unit = UNIT_TIME;
	} else if (parse_size(text, &bytes) == 0) {
		*ret_value = (double)bytes;
		*ret_unit = UNIT_SIZE;
	} else {
		return -EINVAL;
	}
	return 0;
}

bool compare_holds(enum compare compare, double value, double bound)
{
	if (isnan(value) || isnan(bound))
		return false;
	switch (compare) {
	case COMPARE_LESS:
		return value < bound;
	case COMPARE_AT_MOST:
		return value <= bound;
	case COMPARE_GREATER:
		return value > bound;
	case COMPARE_AT_LEAST:
		return value >= bound;
	case COMPARE_EQUAL:
		return value == bound;
	case COMPARE_UNEQUAL:
		return value != bound;
	}
	return false;
}
