/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

int facts_add(struct facts *facts, const char *name, int64_t time, int64_t size)
{
	char *copy = strdup(name);

	if (!copy || GROW(facts->list, facts->count, facts->room) < 0) {
		free(copy);
		return -ENOMEM;
	}
	facts->list[facts->count++] = (struct backup){copy, time, size};
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct backup *x = a, *y = b;

	return x->time != y->time ? (x->time > y->time) - (x->time < y->time) : strcmp(x->name, y->name);
}

void facts_sort(struct facts *facts)
{
	if (facts->count)
		qsort(facts->list, facts->count, sizeof(facts->list[0]), by_time);
}

struct backup *facts_newest(const struct facts *facts)
{
	struct backup *newest = NULL;

	for (size_t i = 0; i < facts->count; i++)
		if (!newest || by_time(&facts->list[i], newest) > 0)
			newest = &facts->list[i];
	return newest;
}

void facts_done(struct facts *facts)
{
	for (size_t i = 0; i < facts->count; i++)
		free(facts->list[i].name);
	free(facts->list);
	*facts = (struct facts){0};
}

/* ---- Times as the tools write them ---- */

static bool read_number(const char **p, int digits, int low, int high, int *ret)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return false;
		value = value * 10 + (**p - '0');
	}
	*ret = value;
	return value >= low && value <= high;
}

static bool read_char(const char **p, const char *any)
{
	if (!**p || !strchr(any, **p))
		return false;
	(*p)++;
	return true;
}

/* "Z", "+01:00" or nothing. */
static bool read_zone(const char **p, int *ret_seconds)
{
	int hours, minutes, sign = **p == '-' ? -1 : 1;

	*ret_seconds = 0;
	if (!**p || (read_char(p, "Z") && !**p))
		return true;
	if (!read_char(p, "+-") || !read_number(p, 2, 0, 23, &hours))
		return false;
	(void)read_char(p, ":");
	if (!read_number(p, 2, 0, 59, &minutes) || **p)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

int time_parse(const char *text, int64_t *ret_time)
{
	struct tm tm = {0};
	const char *p = text;
	int year, month, zone;

	if (!read_number(&p, 4, 1970, 9999, &year) || !read_char(&p, "-") ||
		!read_number(&p, 2, 1, 12, &month) || !read_char(&p, "-") ||
		!read_number(&p, 2, 1, 31, &tm.tm_mday) || !read_char(&p, "T ") ||
		!read_number(&p, 2, 0, 23, &tm.tm_hour) || !read_char(&p, ":") ||
		!read_number(&p, 2, 0, 59, &tm.tm_min) || !read_char(&p, ":") ||
		!read_number(&p, 2, 0, 60, &tm.tm_sec))
		return -EINVAL;
	if (read_char(&p, "."))
		while (isdigit((unsigned char)*p))
			p++;
	if (!read_zone(&p, &zone))
		return -EINVAL;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*ret_time = (int64_t)timegm(&tm) - zone;
	return 0;
}
