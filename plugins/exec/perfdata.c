/* SPDX-License-Identifier: Apache-2.0 */
#include "perfdata.h"

#include "base/parse.h"

#include <errno.h>
#include <math.h>

#define NUMBER_MAX 63 /* bytes */

struct unit {
	const char *name;
	enum perfdata_unit unit;
	double factor;
};

#define KIB 1024.0

static const struct unit units[] = {
	{"", PERFDATA_PLAIN, 1},
	{"s", PERFDATA_SECONDS, 1},
	{"ms", PERFDATA_SECONDS, 1e-3},
	{"us", PERFDATA_SECONDS, 1e-6},
	{"ns", PERFDATA_SECONDS, 1e-9},
	{"%", PERFDATA_PERCENT, 1e-2},
	{"c", PERFDATA_COUNTER, 1},
	{"B", PERFDATA_BYTES, 1},
	{"KB", PERFDATA_BYTES, KIB},
	{"kB", PERFDATA_BYTES, KIB},
	{"KiB", PERFDATA_BYTES, KIB},
	{"MB", PERFDATA_BYTES, KIB *KIB},
	{"MiB", PERFDATA_BYTES, KIB *KIB},
	{"GB", PERFDATA_BYTES, KIB *KIB *KIB},
	{"GiB", PERFDATA_BYTES, KIB *KIB *KIB},
	{"TB", PERFDATA_BYTES, KIB *KIB *KIB *KIB},
	{"TiB", PERFDATA_BYTES, KIB *KIB *KIB *KIB},
	{"PB", PERFDATA_BYTES, KIB *KIB *KIB *KIB *KIB},
	{"PiB", PERFDATA_BYTES, KIB *KIB *KIB *KIB *KIB},
};

/* Ends the word at the next blank and returns what follows it. */
static char *end_word(char *word)
{
	char *end = word + strcspn(word, " ");

	if (*end)
		*end++ = '\0';
	return end;
}

/* A label in quotes, in which a quote is written twice: unquoted in place. Returns what follows, or NULL. */
static char *unquote(char *text)
{
	char *to = text, *from = text + 1;

	while (*from && (*from != '\'' || from[1] == '\'')) {
		from += *from == '\'';
		*to++ = *from++;
	}
	if (*from != '\'')
		return NULL;
	*to = '\0';
	return from + 1;
}

/* A number with its unit; a comma for a point, as some locales write it. */
static int parse_value(const char *text, struct perfdata *perfdata)
{
	size_t digits = strspn(text, "+-.,0123456789eE");
	char number[NUMBER_MAX + 1];
	char *comma;

	if (strcmp(text, "U") == 0) {
		perfdata->value = NAN;
		return 0;
	}
	/* The "E" of a unit such as "EB" is not an exponent's. */
	while (digits && strchr("eE", text[digits - 1]))
		digits--;
	if (digits == 0 || digits > NUMBER_MAX || strlen(text + digits) > PERFDATA_UNIT_MAX ||
		strpbrk(text + digits, "0123456789"))
		return -EINVAL;
	memcpy(number, text, digits);
	number[digits] = '\0';
	comma = strchr(number, ',');
	if (comma)
		*comma = '.';
	if (parse_double(number, &perfdata->value) < 0)
		return -EINVAL;
	memcpy(perfdata->unit_text, text + digits, strlen(text + digits) + 1);
	return 0;
}

static void find_unit(struct perfdata *perfdata)
{
	perfdata->factor = 1;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (streq(units[i].name, perfdata->unit_text)) {
			perfdata->unit = units[i].unit;
			perfdata->factor = units[i].factor;
		}
}

static int parse_fields(char *text, struct perfdata *perfdata)
{
	const char **const fields[] = {
		&perfdata->warning, &perfdata->critical, &perfdata->minimum, &perfdata->maximum};
	char *value = strsep(&text, ";");
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *field = strsep(&text, ";");

		*fields[i] = field ? field : "";
	}
	r = parse_value(value, perfdata);
	if (r == 0)
		find_unit(perfdata);
	return r;
}

int perfdata_next(char **text, struct perfdata *ret_perfdata)
{
	char *start = *text + strspn(*text, " "), *equals;
	struct perfdata perfdata = {.label = start};
	int r = -EINVAL;

	if (!*start)
		return 0;
	if (*start == '\'') {
		equals = unquote(start);
		*text = equals ? end_word(equals) : start + strlen(start);
	} else {
		*text = end_word(start);
		equals = strchr(start, '=');
	}
	if (equals && *equals == '=') {
		*equals = '\0';
		r = parse_fields(equals + 1, &perfdata);
	}
	if (str_empty(perfdata.label) || strlen(perfdata.label) > PERFDATA_LABEL_MAX)
		r = -EINVAL;
	*ret_perfdata = perfdata;
	return r < 0 ? r : 1;
}
