/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/parse.h"
#include "base/status.h"
#include "base/util.h"
#include "preflight.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define FRESH_INTERVALS 3
#define FRESH_LEAST (60 * NSEC_PER_SEC)

#define CLOCK_SLACK 60.0 /* seconds that the clocks of two hosts may differ */

/* What is being looked at: one check for one point. */
struct look {
	struct gavea_check *check;
	const struct point *point;
	const struct gavea_evidence *evidence;
	const char *name;
	double now;
	struct point_result *result;
};

static bool _printf_(2, 3) fails(const struct look *look, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(look->result->evidence, sizeof look->result->evidence, format, args);
	va_end(args);
	look->result->holds = false;
	return false;
}

static void _printf_(2, 3) remedy(const struct look *look, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(look->result->remedy, sizeof look->result->remedy, format, args);
	va_end(args);
}

static const char *age_text(char buffer[static 32], int64_t age)
{
	return age == INT64_MAX ? "never" : format_duration_rough(buffer, age);
}

static bool is_fresh(const struct look *look, int64_t age, int64_t interval)
{
	int64_t most = interval < INT64_MAX / FRESH_INTERVALS ? interval * FRESH_INTERVALS : INT64_MAX - 1;
	char text[32], limit[32];

	most = MAX(most, FRESH_LEAST);
	if (age <= most)
		return true;
	remedy(look, "gavea run %s", look->name);
	if (age == INT64_MAX)
		return fails(look, "%s has no result yet", look->name);
	return fails(look, "%s: its result is stale: %s old, at most %s are good", look->name,
		age_text(text, age), format_duration_rough(limit, most));
}

static bool is_ok(const struct look *look)
{
	const char *summary;
	enum gavea_status status = gavea_evidence_status(look->check, look->evidence, &summary);

	if (status == GAVEA_OK)
		return true;
	remedy(look, "gavea status %s", look->name);
	return fails(look, "%s is %s: %s", look->name, status_name(status), summary);
}

static bool status_holds(const struct look *look, const struct clause *clause)
{
	const char *summary;
	enum gavea_status status = gavea_evidence_status(look->check, look->evidence, &summary);

	if (compare_holds(clause->compare, status_severity((int)status), clause->bound))
		return true;
	remedy(look, "gavea status %s", look->name);
	return fails(look, "%s is %s, not %s: %s", look->name, status_name(status), clause->text, summary);
}

static bool age_holds(const struct look *look, const struct clause *clause, int64_t age)
{
	char text[32];

	if (age != INT64_MAX &&
		compare_holds(clause->compare, (double)age / (double)NSEC_PER_SEC, clause->bound))
		return true;
	remedy(look, "gavea run %s", look->name);
	return fails(look, "%s last ran %s%s, not %s", look->name, age_text(text, age),
		age == INT64_MAX ? "" : " ago", clause->text);
}

/* ---- Samples ---- */

static const char *value_text(char buffer[static 48], const struct clause *clause, double value)
{
	char text[32];

	if (clause->kind == CLAUSE_VALUE || fabs(value) > 1e9)
		snprintf(buffer, 48, "%.6g", value);
	else
		snprintf(buffer, 48, "%s%s", value < 0 ? "-" : "",
			format_duration_rough(text, (int64_t)(fabs(value) * (double)NSEC_PER_SEC)));
	return buffer;
}

static bool value_holds(
	const struct look *look, const struct clause *clause, const char *series, double value)
{
	char text[48];

	if (clause->kind == CLAUSE_AGE)
		value = look->now - value;
	else if (clause->kind == CLAUSE_UNTIL)
		value = value - look->now;
	if (clause->kind == CLAUSE_AGE && value < -CLOCK_SLACK)
		return fails(look, "%s: %s tells a time that has not come yet", look->name, series);
	if (compare_holds(clause->compare, value, clause->bound))
		return true;
	remedy(look, "gavea status %s", look->name);
	return fails(
		look, "%s: %s (%s) is %s", look->name, clause->text, series, value_text(text, clause, value));
}

/* The evidence of a clause's watch about the check that is looked at. */
static const struct gavea_evidence *evidence_of(const struct look *look, const struct clause *clause)
{
	const struct gavea_evidence *evidence = NULL;

	while ((evidence = gavea_evidence_next(look->check, clause->watch, evidence)))
		if (streq(gavea_evidence_check(look->check, evidence), look->name))
			return evidence;
	return NULL;
}

static bool samples_hold(const struct look *look, const struct clause *clause)
{
	const struct gavea_evidence *evidence = evidence_of(look, clause);
	const char *series;
	double value;
	size_t n = 0;

	for (; evidence && gavea_evidence_sample(look->check, evidence, n, &series, &value); n++)
		if (!value_holds(look, clause, series, value))
			return false;
	if (n > 0)
		return true;
	remedy(look, "gavea status %s shows what samples it gives", look->name);
	return fails(look, "%s: its last run gave no %s", look->name, clause->sample);
}

/* ---- Points ---- */

static bool clause_holds(const struct look *look, const struct clause *clause, int64_t age)
{
	switch (clause->kind) {
	case CLAUSE_STATUS:
		return status_holds(look, clause);
	case CLAUSE_FRESH:
		return age_holds(look, clause, age);
	case CLAUSE_VALUE:
	case CLAUSE_AGE:
	case CLAUSE_UNTIL:
		return samples_hold(look, clause);
	}
	return false;
}

static bool check_holds(const struct look *look)
{
	int64_t interval, age = gavea_evidence_age(look->check, look->evidence, &interval);

	look->result->age = MAX(look->result->age, age);
	if (!look->point->says_fresh && !is_fresh(look, age, interval))
		return false;
	if (!look->point->says_status && !is_ok(look))
		return false;
	for (size_t i = 0; i < look->point->count; i++)
		if (!clause_holds(look, &look->point->clauses[i], age))
			return false;
	return true;
}

static void sum_up(const struct look *look, size_t count)
{
	const char *summary;
	char text[32];

	if (count > 1)
		snprintf(look->result->evidence, sizeof look->result->evidence,
			"%zu checks, all hold; oldest result %s old", count,
			age_text(text, look->result->age));
	else if (gavea_evidence_status(look->check, look->evidence, &summary) >= 0)
		snprintf(
			look->result->evidence, sizeof look->result->evidence, "%s: %s", look->name, summary);
}

void point_judge(
	struct gavea_check *check, const struct point *point, double now, struct point_result *ret_result)
{
	struct look look = {.check = check, .point = point, .now = now, .result = ret_result}, last = look;
	size_t count = 0;

	*ret_result = (struct point_result){.holds = true, .age = -1};
	while ((look.evidence = gavea_evidence_next(check, point->watch, look.evidence))) {
		look.name = gavea_evidence_check(check, look.evidence);
		last = look;
		count++;
		if (!check_holds(&look))
			return;
	}
	if (count > 0) {
		sum_up(&last, count);
		return;
	}
	remedy(&look, "configure the check, or correct the condition; gavea status lists what there is");
	fails(&look, "there is no check %s", point->checks);
}
