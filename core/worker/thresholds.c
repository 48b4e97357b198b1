/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/thresholds.h"
#include "base/buf.h"
#include "base/status.h"
#include "rule/limit.h"
#include "wire/convert.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct threshold {
	struct rule_selector *selector;
	struct rule_limit *warning; /* NULL: none */
	struct rule_limit *critical;
	char *warning_text;
	char *critical_text;
	enum gavea_status absent;
};

struct seen {
	const Gavea__V1__Series *series;
	double value;
};

enum interest {
	NOT_LOOKED_AT,
	NONE,
	WANTED,
};

struct thresholds {
	struct series_registry *registry;
	struct threshold *list;
	size_t count;
	uint8_t interest[SERIES_MAX + 1]; /* by the number of a series */
	struct seen *seen; /* samples of this run that somebody wants */
	size_t seen_count;
	size_t seen_room;
};

void thresholds_free(struct thresholds *thresholds)
{
	if (!thresholds)
		return;
	for (size_t i = 0; i < thresholds->count; i++) {
		struct threshold *threshold = &thresholds->list[i];

		rule_selector_free(threshold->selector);
		rule_limit_free(threshold->warning);
		rule_limit_free(threshold->critical);
		free(threshold->warning_text);
		free(threshold->critical_text);
	}
	free(thresholds->list);
	free(thresholds->seen);
	free(thresholds);
}

static int read_limit(const char *text, struct rule_limit **ret_limit, char **ret_text, struct error *error)
{
	if (str_empty(text))
		return 0;
	*ret_text = strdup(text);
	return *ret_text ? rule_limit_parse(text, ret_limit, error) : -ENOMEM;
}

static int read_threshold(
	const Gavea__Worker__V1__Threshold *message, struct threshold *threshold, struct error *error)
{
	int r = rule_selector_parse(message->sample, &threshold->selector, error);

	if (r == 0)
		r = read_limit(message->warning, &threshold->warning, &threshold->warning_text, error);
	if (r == 0)
		r = read_limit(message->critical, &threshold->critical, &threshold->critical_text, error);
	threshold->absent = status_from_wire(message->absent);
	return r;
}

int thresholds_new(const Gavea__Worker__V1__Open *open, struct series_registry *registry,
	struct thresholds **ret_thresholds, struct error *error)
{
	_cleanup_(thresholds_freep) struct thresholds *thresholds = NULL;

	if (open->n_thresholds > 0) {
		thresholds = calloc(1, sizeof *thresholds);
		if (thresholds)
			thresholds->list = calloc(open->n_thresholds, sizeof *thresholds->list);
		if (!thresholds || !thresholds->list)
			return -ENOMEM;
		thresholds->registry = registry;
	}
	for (size_t i = 0; i < open->n_thresholds; i++) {
		int r = read_threshold(open->thresholds[i], &thresholds->list[thresholds->count++], error);

		if (r < 0)
			return r;
	}
	*ret_thresholds = TAKE_PTR(thresholds);
	return 0;
}

void thresholds_begin(struct thresholds *thresholds)
{
	thresholds->seen_count = 0;
}

/* ---- Samples ---- */

static enum interest look_at(const struct thresholds *thresholds, const Gavea__V1__Series *series)
{
	for (size_t i = 0; i < thresholds->count; i++) {
		const struct threshold *threshold = &thresholds->list[i];

		if (streq(rule_selector_name(threshold->selector), series->name) ||
			rule_limit_uses(threshold->warning, series->name) ||
			rule_limit_uses(threshold->critical, series->name))
			return WANTED;
	}
	return NONE;
}

void thresholds_take(struct thresholds *thresholds, int number, double value)
{
	const Gavea__V1__Series *series;

	if (number <= 0 || number > SERIES_MAX || thresholds->interest[number] == NONE)
		return;
	series = series_get(thresholds->registry, number);
	if (!series)
		return;
	if (thresholds->interest[number] == NOT_LOOKED_AT)
		thresholds->interest[number] = (uint8_t)look_at(thresholds, series);
	if (thresholds->interest[number] != WANTED)
		return;
	if (GROW(thresholds->seen, thresholds->seen_count, thresholds->seen_room) == 0)
		thresholds->seen[thresholds->seen_count++] = (struct seen){series, value};
}

/* ---- Finding what a limit refers to ---- */

static bool matches(const struct rule_selector *selector, const Gavea__V1__Series *series)
{
	struct gavea_pair labels[SERIES_LABELS_MAX];
	size_t count = MIN(series->n_labels, (size_t)SERIES_LABELS_MAX);

	for (size_t i = 0; i < count; i++)
		labels[i] = (struct gavea_pair){series->labels[i]->key, series->labels[i]->value};
	return rule_selector_matches(selector, series->name, labels, count);
}

static bool has_label(const Gavea__V1__Series *series, const char *key, const char *value)
{
	for (size_t i = 0; i < series->n_labels; i++)
		if (streq(series->labels[i]->key, key))
			return streq(series->labels[i]->value, value);
	return false;
}

static bool same_labels(const Gavea__V1__Series *a, const Gavea__V1__Series *b)
{
	bool same = a->n_labels == b->n_labels;

	for (size_t i = 0; same && i < a->n_labels; i++)
		same = has_label(b, a->labels[i]->key, a->labels[i]->value);
	return same;
}

static struct rule_value value_of(const struct seen *seen)
{
	return rule_value_of(seen->series->name, seen->series->unit, seen->value);
}

/* What every host knows, whatever the plugin samples. */
static int find_fact(const char *name, struct rule_value *ret_value)
{
	if (streq(name, "cpus"))
		*ret_value = (struct rule_value){(double)sysconf(_SC_NPROCESSORS_ONLN), RULE_PLAIN};
	else if (streq(name, "memory"))
		*ret_value = (struct rule_value){
			(double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE), RULE_BYTES};
	else
		return -ENOENT;
	return 0;
}

struct lookup {
	const struct thresholds *thresholds;
	const struct seen *judged;
};

/* The one sample that is meant: that with the labels of the one that is judged, or the only one. */
static int find_sample(const struct rule_selector *selector, void *userdata, struct rule_value *ret_value,
	struct error *error)
{
	const struct lookup *lookup = userdata;
	const char *name = rule_selector_name(selector);
	const struct seen *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < lookup->thresholds->seen_count; i++) {
		const struct seen *seen = &lookup->thresholds->seen[i];

		if (!matches(selector, seen->series))
			continue;
		found = seen;
		count++;
		if (same_labels(seen->series, lookup->judged->series)) {
			count = 1;
			break;
		}
	}
	if (count == 0 && !rule_selector_has_matchers(selector) && find_fact(name, ret_value) == 0)
		return 0;
	if (count == 0)
		return error_set(error, -ENOENT, "this run has no sample %s to compare with", name);
	if (count > 1)
		return error_set(
			error, -EINVAL, "%zu samples are named %s: tell them apart by labels", count, name);
	*ret_value = value_of(found);
	return 0;
}

/* ---- Verdicts ---- */

struct judgement {
	struct gavea_check *check;
	enum gavea_status worst;
	char *first; /* the worst one, in a line */
};

static void name_series(const Gavea__V1__Series *series, struct buf *name)
{
	buf_add_str(name, series->name);
	for (size_t i = 0; i < series->n_labels; i++)
		buf_printf(
			name, "%s%s=\"%s\"", i ? "," : "{", series->labels[i]->key, series->labels[i]->value);
	if (series->n_labels)
		buf_add_char(name, '}');
}

static void tell(struct judgement *judgement, const char *name, enum gavea_status status, const char *text)
{
	gavea_item(judgement->check, name, status, "%s", text);
	if (status_severity(status) <= status_severity(judgement->worst))
		return;
	judgement->worst = status;
	snprintf(judgement->first, TEXT_SUMMARY_MAX, "%s: %s", name, text);
}

/* 1: beyond it, and text says so; 0: not; or a negative errno with error. */
static int beyond(const struct rule_limit *limit, const char *limit_text, const struct lookup *lookup,
	struct buf *text, struct error *error)
{
	struct rule_value value = value_of(lookup->judged), bound = {.unit = RULE_PLAIN};
	char number[32], bound_number[32];
	bool calculated;
	int r = limit ? rule_limit_beyond(limit, &value, find_sample, (void *)lookup, &bound, error) : 0;

	if (r <= 0)
		return r;
	/* "> 2 * cpus" is worth a word about what that is here; "> 4" is not. */
	calculated =
		strpbrk(limit_text, "*+/_") || strstr(limit_text, "cpus") || strstr(limit_text, "memory");
	if (value.unit == RULE_PLAIN)
		value.unit = bound.unit;
	buf_printf(text, "%s, beyond the limit %s", rule_value_text(number, &value), limit_text);
	if (calculated)
		buf_printf(text, " (%s)", rule_value_text(bound_number, &bound));
	return 1;
}

/* The status of one sample; text says why it is not ok. */
static enum gavea_status judge_sample(
	const struct threshold *threshold, const struct lookup *lookup, struct buf *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = beyond(threshold->critical, threshold->critical_text, lookup, text, &error);

	if (r == 1)
		return GAVEA_CRITICAL;
	if (r == 0)
		r = beyond(threshold->warning, threshold->warning_text, lookup, text, &error);
	if (r == 1)
		return GAVEA_WARNING;
	if (r == 0)
		return GAVEA_OK;
	buf_printf(text, "its threshold can't be judged: %s", error_text(&error, r));
	return GAVEA_UNKNOWN;
}

/* One that is well while others are not needs no line of its own. */
static void tell_well(
	struct judgement *judgement, const char *name, size_t well, size_t all, const struct seen *only)
{
	struct rule_value value;
	char text[64], number[32];

	if (all == 1) {
		value = value_of(only);
		tell(judgement, name, GAVEA_OK, rule_value_text(number, &value));
	} else if (well == all) {
		snprintf(text, sizeof text, "%zu samples within their limits", all);
		tell(judgement, name, GAVEA_OK, text);
	}
}

static void judge_threshold(
	const struct thresholds *thresholds, const struct threshold *threshold, struct judgement *judgement)
{
	const char *name = rule_selector_name(threshold->selector);
	const struct seen *last = NULL;
	size_t well = 0, all = 0;

	for (size_t i = 0; i < thresholds->seen_count; i++) {
		struct lookup lookup = {thresholds, &thresholds->seen[i]};
		_cleanup_buf_ struct buf text = BUF_INIT, full = BUF_INIT;
		enum gavea_status status;

		if (!matches(threshold->selector, lookup.judged->series))
			continue;
		all++;
		last = lookup.judged;
		status = judge_sample(threshold, &lookup, &text);
		well += status == GAVEA_OK;
		if (status == GAVEA_OK)
			continue;
		name_series(last->series, &full);
		tell(judgement, buf_str(&full), status, buf_str(&text));
	}
	if (all == 0)
		tell(judgement, name, threshold->absent, "this run has no such sample");
	else if (well > 0)
		tell_well(judgement, name, well, all, last);
}

bool thresholds_judge(struct thresholds *thresholds, struct gavea_check *check,
	char first[static TEXT_ROOM(TEXT_SUMMARY_MAX)])
{
	struct judgement judgement = {.check = check, .worst = GAVEA_OK, .first = first};

	for (size_t i = 0; i < thresholds->count; i++)
		judge_threshold(thresholds, &thresholds->list[i], &judgement);
	return judgement.worst != GAVEA_OK;
}
