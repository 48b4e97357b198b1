/* SPDX-License-Identifier: Apache-2.0 */
#include "preflight.h"
#include "base/status.h"
#include "base/util.h"
#include "selector.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define TEXT_MAX 512
#define DAY 86400.0
#define CHECK_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./*?"
#define SIGNER_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* Words for samples of the plugins that everybody has. */
static const struct {
	const char *word;
	enum clause_kind kind;
	const char *sample;
	double scale; /* of a number without a unit; 0: it needs one */
} words[] = {
	{"age", CLAUSE_AGE, "gavea_backup_newest_timestamp_seconds", 0},
	{"verified", CLAUSE_AGE, "gavea_backup_verified_timestamp_seconds", 0},
	{"restored", CLAUSE_AGE, "gavea_backup_restored_timestamp_seconds", 0},
	{"days", CLAUSE_UNTIL, "gavea_cert_not_after_timestamp_seconds", DAY},
	{"fresh", CLAUSE_FRESH, NULL, 0},
};

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

static int refuse(const struct point *point, const char *at, struct error *error, const char *expected)
{
	return error_set(error, -EINVAL, "preflight \"%s\", character %zu: expected %s", point->text,
		(size_t)(at - point->text) + 1, expected);
}

/* ---- Reading ---- */

/* The text up to the next " and " that stands by itself. */
static char *take_quantity(const char **at)
{
	const char *end = *at, *stop;
	char *text;

	while (*end && !(isblank((unsigned char)*end) && startswith(end + strspn(end, " \t"), "and ")))
		end++;
	stop = end;
	while (stop > *at && isblank((unsigned char)stop[-1]))
		stop--;
	text = strndup(*at, (size_t)(stop - *at));
	*at = end;
	return text;
}

static int read_bound(
	struct point *point, struct clause *clause, const char **at, double scale, struct error *error)
{
	const char *begin = *at;
	_cleanup_free_ char *text = take_quantity(at);
	bool is_time = clause->kind != CLAUSE_STATUS && clause->kind != CLAUSE_VALUE;
	enum unit unit;
	int status;

	if (!text)
		return -ENOMEM;
	if (clause->kind == CLAUSE_STATUS) {
		status = status_from_name(text);
		if (status < 0)
			return refuse(point, begin, error, "a status: ok, warning, unknown or critical");
		clause->bound = status_severity(status);
		return 0;
	}
	if (quantity_parse(text, &clause->bound, &unit) < 0)
		return refuse(
			point, begin, error, "a number, with a unit if it has one: \"24h\" \"14\" \"20%\"");
	if (is_time && unit == UNIT_NONE && scale > 0)
		clause->bound *= scale;
	else if (is_time && unit != UNIT_TIME)
		return refuse(point, begin, error, "a time such as \"24h\"");
	return 0;
}

static int read_comparison(
	struct point *point, struct clause *clause, const char **at, double scale, struct error *error)
{
	skip_blanks(at);
	if (!compare_read(at, &clause->compare))
		return refuse(point, *at, error, "a comparison: < <= > >= == !=");
	skip_blanks(at);
	return read_bound(point, clause, at, scale, error);
}

static size_t word_length(const char *at)
{
	size_t length = 0;

	while (isalnum((unsigned char)at[length]) || at[length] == '_' || at[length] == ':')
		length++;
	return length;
}

/* "age(SAMPLE)", "until(SAMPLE)": 1; 0: it is no call. */
static int take_call(struct clause *clause, const char **at)
{
	const char *inside = startswith(*at, "age("), *end;

	clause->kind = CLAUSE_AGE;
	if (!inside) {
		inside = startswith(*at, "until(");
		clause->kind = CLAUSE_UNTIL;
	}
	end = inside ? selector_end(inside) : NULL;
	if (!end || *end != ')')
		return 0;
	clause->sample = strndup(inside, (size_t)(end - inside));
	*at = end + 1;
	return clause->sample ? 1 : -ENOMEM;
}

static int take_sample(struct point *point, struct clause *clause, const char **at, struct error *error)
{
	const char *end = selector_end(*at);
	int r = take_call(clause, at);

	if (r != 0)
		return MIN(r, 0);
	if (!end || *end == '(')
		return refuse(point, *at, error,
			"status, fresh, age, verified, restored, days, age(SAMPLE), until(SAMPLE) or a "
			"sample");
	clause->kind = CLAUSE_VALUE;
	clause->sample = strndup(*at, (size_t)(end - *at));
	*at = end;
	return clause->sample ? 0 : -ENOMEM;
}

static int take_subject(
	struct point *point, struct clause *clause, const char **at, double *ret_scale, struct error *error)
{
	size_t length = word_length(*at);
	bool is_word = (*at)[length] != '{' && (*at)[length] != '(';

	if (is_word && length == strlen("status") && startswith(*at, "status")) {
		clause->kind = CLAUSE_STATUS;
		point->says_status = true;
		*at += length;
		return 0;
	}
	for (size_t i = 0; is_word && i < ARRAY_SIZE(words); i++) {
		if (length != strlen(words[i].word) || !startswith(*at, words[i].word))
			continue;
		clause->kind = words[i].kind;
		clause->sample = words[i].sample ? strdup(words[i].sample) : NULL;
		point->says_fresh = point->says_fresh || clause->kind == CLAUSE_FRESH;
		*ret_scale = words[i].scale;
		*at += length;
		return words[i].sample && !clause->sample ? -ENOMEM : 0;
	}
	return take_sample(point, clause, at, error);
}

static int read_clause(struct point *point, const char **at, struct error *error)
{
	struct clause *clause = &point->clauses[point->count];
	const char *begin = *at;
	double scale = 0;
	int r;

	if (point->count == CLAUSES_MAX)
		return refuse(point, begin, error, "no more than 8 conditions");
	point->count++;
	r = take_subject(point, clause, at, &scale, error);
	if (r == 0)
		r = read_comparison(point, clause, at, scale, error);
	if (r < 0)
		return r;
	clause->text = strndup(begin, (size_t)(*at - begin));
	return clause->text ? 0 : -ENOMEM;
}

static int read_manual(struct point *point, const char *at, struct error *error)
{
	size_t length;

	skip_blanks(&at);
	length = strspn(at, SIGNER_CHARACTERS);
	if (length == 0 || at[length] || length > 63)
		return refuse(point, at, error, "one name of small letters, digits and \"-\"");
	point->manual = strdup(at);
	return point->manual ? 0 : -ENOMEM;
}

static int read_checks(struct point *point, const char *at, struct error *error)
{
	size_t length = strspn(at, CHECK_CHARACTERS);
	int r = 0;

	if (length == 0 || !memchr(at, '/', length) || (at[length] && !isblank((unsigned char)at[length])))
		return refuse(point, at, error, "a check such as \"backup/db\", or \"manual NAME\"");
	point->checks = strndup(at, length);
	if (!point->checks)
		return -ENOMEM;
	at += length;
	skip_blanks(&at);
	while (r == 0 && *at) {
		r = read_clause(point, &at, error);
		skip_blanks(&at);
		if (r == 0 && *at) {
			at += strlen("and "); /* take_quantity() stops at nothing else */
			skip_blanks(&at);
			if (!*at)
				return refuse(point, at, error, "a condition after \"and\"");
		}
	}
	return r;
}

static int parse(struct point *point, struct error *error)
{
	const char *manual = startswith(point->text, "manual ");

	if (strlen(point->text) > TEXT_MAX)
		return error_set(
			error, -EINVAL, "a preflight condition has more than %d characters", TEXT_MAX);
	return manual ? read_manual(point, manual, error) : read_checks(point, point->text, error);
}

int point_parse(const char *text, struct point *ret_point, struct error *error)
{
	struct point point = {.watch = -1};
	size_t size;
	int r;

	skip_blanks(&text);
	size = strlen(text);
	while (size && isblank((unsigned char)text[size - 1]))
		size--;
	point.text = strndup(text, size);
	r = point.text ? parse(&point, error) : -ENOMEM;
	if (r < 0)
		point_done(&point);
	else
		*ret_point = point;
	return r;
}

void point_done(struct point *point)
{
	for (size_t i = 0; i < point->count; i++) {
		free(point->clauses[i].sample);
		free(point->clauses[i].text);
	}
	free(point->text);
	free(point->checks);
	free(point->manual);
	*point = (struct point){.watch = -1};
}

/* ---- What it is judged by ---- */

static int watch(struct gavea_check *check, struct point *point, const char *sample, int *ret_watch,
	struct error *error)
{
	*ret_watch = gavea_watch(check, point->checks, sample);
	if (*ret_watch >= 0)
		return 0;
	return error_set(error, *ret_watch, "preflight \"%s\": %s", point->text,
		*ret_watch == -ENOSPC ? "too many conditions and gates in all"
			: sample      ? "not a sample that can be selected"
				      : "not a pattern of checks");
}

int point_watch(struct gavea_check *check, struct point *point, struct error *error)
{
	int r;

	if (!point->checks)
		return 0;
	r = watch(check, point, NULL, &point->watch, error);
	for (size_t i = 0; r == 0 && i < point->count; i++)
		if (point->clauses[i].sample)
			r = watch(check, point, point->clauses[i].sample, &point->clauses[i].watch, error);
	return r;
}
