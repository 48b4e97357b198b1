/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/option_value.h"
#include "base/parse.h"
#include "base/util.h"

#include <errno.h>

static bool is_real(uint32_t type)
{
	return type == GAVEA_OPTION_FLOAT || type == GAVEA_OPTION_PERCENT;
}

bool option_type_numeric(uint32_t type)
{
	return type == GAVEA_OPTION_INT || type == GAVEA_OPTION_DURATION || type == GAVEA_OPTION_SIZE ||
		is_real(type);
}

static int parse_flag(const char *text, int64_t *ret_value)
{
	int value, r = parse_bool(text, &value);

	if (r == 0)
		*ret_value = value;
	return r;
}

static int parse_bytes(const char *text, int64_t *ret_value)
{
	uint64_t bytes;
	int r = parse_size(text, &bytes);

	if (r < 0)
		return r;
	if (bytes > INT64_MAX)
		return -ERANGE;
	*ret_value = (int64_t)bytes;
	return 0;
}

int option_value_parse(uint32_t type, const char *text, struct option_number *ret_number)
{
	*ret_number = (struct option_number){.integer = 0};
	switch (type) {
	case GAVEA_OPTION_BOOL:
		return parse_flag(text, &ret_number->integer);
	case GAVEA_OPTION_INT:
		return parse_int64(text, &ret_number->integer);
	case GAVEA_OPTION_FLOAT:
		return parse_double(text, &ret_number->real);
	case GAVEA_OPTION_DURATION:
		return parse_duration(text, &ret_number->integer);
	case GAVEA_OPTION_SIZE:
		return parse_bytes(text, &ret_number->integer);
	case GAVEA_OPTION_PERCENT:
		return parse_percent(text, &ret_number->real);
	default:
		return 0;
	}
}

int option_value_parse_canonical(uint32_t type, const char *text, struct option_number *ret_number)
{
	*ret_number = (struct option_number){.integer = 0};
	if (type == GAVEA_OPTION_BOOL)
		return parse_flag(text, &ret_number->integer);
	if (is_real(type))
		return parse_double(text, &ret_number->real);
	if (option_type_numeric(type))
		return parse_int64(text, &ret_number->integer);
	return 0;
}

static int compare(uint32_t type, const struct option_number *a, const struct option_number *b)
{
	if (is_real(type))
		return (a->real > b->real) - (a->real < b->real);
	return (a->integer > b->integer) - (a->integer < b->integer);
}

static int check_bounds(uint32_t type, const char *range, const struct option_number *number)
{
	const char *dots = strstr(range, "..");
	_cleanup_free_ char *low = dots ? strndup(range, (size_t)(dots - range)) : NULL;
	const char *high = dots ? dots + 2 : NULL;
	struct option_number min, max;

	if (!dots || (!*low && !*high))
		return -EINVAL;
	if ((*low && option_value_parse(type, low, &min) < 0) ||
		(*high && option_value_parse(type, high, &max) < 0) ||
		(*low && *high && compare(type, &min, &max) > 0))
		return -EINVAL;
	if (number &&
		((*low && compare(type, number, &min) < 0) || (*high && compare(type, number, &max) > 0)))
		return -ERANGE;
	return 0;
}

static int check_words(const char *words, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	bool found = !text;

	for (const char *word = words;;) {
		size_t size = strcspn(word, "|");

		if (size == 0)
			return -EINVAL;
		if (text && size == length && memcmp(word, text, size) == 0)
			found = true;
		if (!word[size])
			return found ? 0 : -ERANGE;
		word += size + 1;
	}
}

int option_range_check(uint32_t type, const char *range, const char *text, const struct option_number *number)
{
	if (option_type_numeric(type))
		return check_bounds(type, range, number);
	if (type == GAVEA_OPTION_CHOICE)
		return check_words(range, text);
	return -EINVAL;
}
