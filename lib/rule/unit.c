/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/unit.h"
#include "base/parse.h"

#include <stdio.h>

static const char *const names[] = {
	[RULE_PLAIN] = "",
	[RULE_RATIO] = "a ratio",
	[RULE_SECONDS] = "seconds",
	[RULE_BYTES] = "bytes",
};

const char *rule_unit_name(enum rule_unit unit)
{
	return names[unit];
}

/* The word behind the last "_" of a name, "_total" aside. */
static void unit_in_name(const char *name, char word[static 16])
{
	size_t size = strlen(name), start;

	if (size > 6 && streq(name + size - 6, "_total"))
		size -= 6;
	start = size;
	while (start > 0 && name[start - 1] != '_')
		start--;
	snprintf(word, 16, "%.*s", (int)MIN(size - start, (size_t)15), name + start);
}

struct rule_value rule_value_of(const char *name, const char *unit, double number)
{
	char word[16];

	if (str_empty(unit)) {
		unit_in_name(name, word);
		unit = word;
	}
	if (streq(unit, "seconds"))
		return (struct rule_value){number, RULE_SECONDS};
	if (streq(unit, "bytes"))
		return (struct rule_value){number, RULE_BYTES};
	if (streq(unit, "ratio"))
		return (struct rule_value){number, RULE_RATIO};
	if (streq(unit, "percent"))
		return (struct rule_value){number / 100, RULE_RATIO};
	return (struct rule_value){number, RULE_PLAIN};
}

char *rule_value_text(char buffer[static 32], const struct rule_value *value)
{
	if (value->unit == RULE_RATIO)
		snprintf(buffer, 32, "%.4g %%", value->number * 100);
	else if (value->unit == RULE_SECONDS)
		snprintf(buffer, 32, "%.4g s", value->number);
	else if (value->unit == RULE_BYTES && value->number >= 0 && value->number < 1e18)
		format_size(buffer, (uint64_t)value->number);
	else
		snprintf(buffer, 32, "%.6g", value->number);
	return buffer;
}
