/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit duration_units[] = {
	{"ns", 1},
	{"us", NSEC_PER_USEC},
	{"ms", NSEC_PER_MSEC},
	{"s", NSEC_PER_SEC},
	{"sec", NSEC_PER_SEC},
	{"min", 60 * NSEC_PER_SEC},
	{"m", 60 * NSEC_PER_SEC},
	{"h", 3600 * NSEC_PER_SEC},
	{"d", 86400 * NSEC_PER_SEC},
	{"w", 7 * 86400 * NSEC_PER_SEC},
};

static const struct unit size_units[] = {
	{"", 1},
	{"B", 1},
	{"KiB", INT64_C(1) << 10},
	{"K", INT64_C(1) << 10},
	{"MiB", INT64_C(1) << 20},
	{"M", INT64_C(1) << 20},
	{"GiB", INT64_C(1) << 30},
	{"G", INT64_C(1) << 30},
	{"TiB", INT64_C(1) << 40},
	{"T", INT64_C(1) << 40},
};

int parse_int64(const char *text, int64_t *ret_value)
{
	char *end;
	long long value;

	if (!isdigit((unsigned char)text[*text == '-' || *text == '+']))
		return -EINVAL;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno == ERANGE)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int parse_uint64(const char *text, uint64_t *ret_value)
{
	char *end;
	unsigned long long value;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno == ERANGE)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

/* Digits with an optional fraction and exponent. Only what a person would write: no hexadecimal, "inf" or
 * "nan". The programs never call setlocale() for numbers, so strtod reads a point. */
static int scan_number(const char *text, const char **ret_end, double *ret_value)
{
	const char *digits = text + (*text == '-' || *text == '+');
	char *end;
	double value;

	if (!isdigit((unsigned char)*digits) && *digits != '.')
		return -EINVAL;
	if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
		return -EINVAL;
	errno = 0;
	value = strtod(text, &end);
	if (end == text)
		return -EINVAL;
	if (!isfinite(value))
		return -ERANGE;
	*ret_end = end;
	*ret_value = value;
	return 0;
}

int parse_double(const char *text, double *ret_value)
{
	const char *end;
	double value;
	int r = scan_number(text, &end, &value);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int parse_bool(const char *text, int *ret_value)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(text, words[i])) {
			*ret_value = (int)(i & 1);
			return 0;
		}
	return -EINVAL;
}

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0)
			return &units[i];
	return NULL;
}

/* One number and its unit, with blanks allowed between them. */
static int scan_quantity(const char **text, const struct unit *units, size_t unit_count, int64_t *ret_value)
{
	const char *p = *text, *name;
	const struct unit *unit;
	double number, product;
	int r = scan_number(p, &p, &number);

	if (r < 0)
		return r;
	if (number < 0)
		return -EINVAL;
	while (*p == ' ')
		p++;
	name = p;
	while (isalpha((unsigned char)*p))
		p++;
	unit = find_unit(units, unit_count, name, (size_t)(p - name));
	if (!unit)
		return -EINVAL;
	product = number * (double)unit->factor;
	if (product >= 9.2e18)
		return -ERANGE;
	*text = p;
	*ret_value = (int64_t)llround(product);
	return 0;
}

int parse_duration(const char *text, int64_t *ret_ns)
{
	int64_t total = 0, part;

	if (streq(text, "0")) {
		*ret_ns = 0;
		return 0;
	}
	do {
		int r = scan_quantity(&text, duration_units, ARRAY_SIZE(duration_units), &part);

		if (r < 0)
			return r;
		if (__builtin_add_overflow(total, part, &total))
			return -ERANGE;
		while (*text == ' ')
			text++;
	} while (*text);
	*ret_ns = total;
	return 0;
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
	int64_t value;
	int r = scan_quantity(&text, size_units, ARRAY_SIZE(size_units), &value);

	if (r < 0)
		return r;
	if (*text)
		return -EINVAL;
	*ret_bytes = (uint64_t)value;
	return 0;
}

int parse_percent(const char *text, double *ret_percent)
{
	const char *end;
	double value;
	int r = scan_number(text, &end, &value);

	if (r < 0)
		return r;
	if (!streq(end, "%"))
		return -EINVAL;
	*ret_percent = value;
	return 0;
}

char *format_duration(char buffer[static 32], int64_t ns)
{
	static const struct unit units[] = {
		{"d", 86400 * NSEC_PER_SEC},
		{"h", 3600 * NSEC_PER_SEC},
		{"min", 60 * NSEC_PER_SEC},
		{"s", NSEC_PER_SEC},
		{"ms", NSEC_PER_MSEC},
		{"us", NSEC_PER_USEC},
		{"ns", 1},
	};

	snprintf(buffer, 32, "0");
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (ns && ns % units[i].factor == 0) {
			snprintf(buffer, 32, "%" PRId64 "%s", ns / units[i].factor, units[i].name);
			break;
		}
	return buffer;
}

char *format_duration_rough(char buffer[static 32], int64_t ns)
{
	int64_t s = ns / NSEC_PER_SEC;

	if (ns < NSEC_PER_MSEC)
		snprintf(buffer, 32, "%" PRId64 " us", ns / NSEC_PER_USEC);
	else if (ns < NSEC_PER_SEC)
		snprintf(buffer, 32, "%" PRId64 " ms", ns / NSEC_PER_MSEC);
	else if (s < 60)
		snprintf(buffer, 32, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(buffer, 32, "%" PRId64 "min %" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buffer, 32, "%" PRId64 "h %" PRId64 "min", s / 3600, s % 3600 / 60);
	else
		snprintf(buffer, 32, "%" PRId64 "d %" PRId64 "h", s / 86400, s % 86400 / 3600);
	return buffer;
}

char *format_size(char buffer[static 32], uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1024 && i + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		i++;
	}
	snprintf(buffer, 32, value >= 100 || value == floor(value) ? "%.0f %s" : "%.1f %s", value, units[i]);
	return buffer;
}
