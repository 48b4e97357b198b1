/* SPDX-License-Identifier: Apache-2.0 */
#include "base/range.h"
#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define END_MAX 48 /* bytes of one end */

/* Meets what the other end, or the caller, said about the kind. A number fits any. */
static int agree(enum range_kind *kind, enum range_kind found)
{
	if (found == RANGE_NUMBER)
		return 0;
	if (*kind != RANGE_ANY && *kind != found)
		return -EINVAL;
	*kind = found;
	return 0;
}

static int parse_unsigned(const char *text, double *ret_value, enum range_kind *kind)
{
	int64_t ns;
	uint64_t bytes;

	if (parse_double(text, ret_value) == 0)
		return 0;
	if (parse_percent(text, ret_value) == 0)
		return agree(kind, RANGE_PERCENT);
	if (parse_duration(text, &ns) == 0) {
		*ret_value = (double)ns / (double)NSEC_PER_SEC;
		return agree(kind, RANGE_DURATION);
	}
	if (parse_size(text, &bytes) == 0) {
		*ret_value = (double)bytes;
		return agree(kind, RANGE_SIZE);
	}
	return -EINVAL;
}

/* One end, of `size` bytes, with blanks around it. */
static int parse_end(const char *text, size_t size, double *ret_value, enum range_kind *kind)
{
	char copy[END_MAX];
	double value;
	bool negative;
	int r;

	while (size && *text == ' ') {
		text++;
		size--;
	}
	while (size && text[size - 1] == ' ')
		size--;
	if (size == 0 || size >= sizeof copy)
		return -EINVAL;
	memcpy(copy, text, size);
	copy[size] = 0;
	negative = copy[0] == '-';
	if (negative && (copy[1] == '-' || copy[1] == '+'))
		return -EINVAL;
	r = parse_unsigned(copy + negative, &value, kind);
	if (r == 0)
		*ret_value = negative ? -value : value;
	return r;
}

/* "> X": values above X alert, so what is good lies at or below it. */
static int parse_comparison(const char *text, struct range *range)
{
	bool less = *text == '<', equal = text[1] == '=';
	double value;
	int r;

	text += 1 + equal;
	r = parse_end(text, strlen(text), &value, &range->kind);
	if (r < 0)
		return r;
	range->low = less ? value : -INFINITY;
	range->high = less ? INFINITY : value;
	range->low_open = less && equal;
	range->high_open = !less && equal;
	return 0;
}

static int parse_nagios(const char *text, struct range *range)
{
	const char *colon;
	int r = 0;

	if (*text == '@') {
		range->inside = true;
		text++;
	}
	colon = strchr(text, ':');
	range->low = 0;
	if (colon) {
		if (colon == text + 1 && *text == '~')
			range->low = -INFINITY;
		else if (colon > text)
			r = parse_end(text, (size_t)(colon - text), &range->low, &range->kind);
		text = colon + 1;
	}
	range->high = INFINITY;
	if (r == 0 && (*text || !colon))
		r = parse_end(text, strlen(text), &range->high, &range->kind);
	return r;
}

int range_parse(const char *text, enum range_kind kind, struct range *ret_range, struct error *error)
{
	struct range range = {.kind = kind};
	int r;

	text += strspn(text, " ");
	r = *text == '>' || *text == '<' ? parse_comparison(text, &range) : parse_nagios(text, &range);
	if (r == 0 && range.low > range.high)
		return error_set(error, -EINVAL, "\"%s\": the first end is above the second", text);
	if (r < 0)
		return error_set(error, -EINVAL,
			"\"%s\" is no range: write \"10\", \"10:\", \"~:10\", \"10:20\", \"@10:20\" or \"> "
			"10\"%s",
			text,
			kind == RANGE_DURATION          ? ", with times such as 5s"
				: kind == RANGE_SIZE    ? ", with sizes such as 10MiB"
				: kind == RANGE_PERCENT ? ", with percentages such as 80%"
							: "");
	if (range.kind == RANGE_ANY)
		range.kind = RANGE_NUMBER;
	*ret_range = range;
	return 0;
}

bool range_alerts(const struct range *range, double value)
{
	bool low = range->low_open ? value > range->low : value >= range->low;
	bool high = range->high_open ? value < range->high : value <= range->high;

	return isnan(value) || (low && high) == range->inside;
}

static int print_end(char *text, size_t size, double value, enum range_kind kind)
{
	static const char *const units[] = {"", "s", "B", "%"};

	return snprintf(text, size, "%.10g%s", value, units[kind]);
}

char *range_text(char buffer[static 64], const struct range *range)
{
	char low[28] = "~", high[28] = "";

	if (isfinite(range->low))
		(void)print_end(low, sizeof low, range->low, range->kind);
	if (isfinite(range->high))
		(void)print_end(high, sizeof high, range->high, range->kind);
	snprintf(buffer, 64, "%s%s:%s", range->inside ? "@" : "", low, high);
	return buffer;
}
