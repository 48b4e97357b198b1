/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"
#include "perfdata.h"

#include "base/parse.h"
#include "base/range.h"
#include "base/status.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define MALFORMED_MAX 512 /* bytes of them that are shown */
#define REASON_MAX 512

struct threshold {
	char *label;
	enum gavea_status status;
	struct range range;
	unsigned run; /* in which it was judged last */
};

struct known {
	int series;
	unsigned run; /* of the last sample */
};

struct family {
	const char *name;
	const char *unit;
	enum gavea_sample_type type;
};

static const struct family families[PERFDATA_UNITS] = {
	[PERFDATA_PLAIN] = {"gavea_exec_perfdata", "", GAVEA_GAUGE},
	[PERFDATA_SECONDS] = {"gavea_exec_perfdata_seconds", "seconds", GAVEA_GAUGE},
	[PERFDATA_BYTES] = {"gavea_exec_perfdata_bytes", "bytes", GAVEA_GAUGE},
	[PERFDATA_PERCENT] = {"gavea_exec_perfdata_ratio", "ratio", GAVEA_GAUGE},
	[PERFDATA_COUNTER] = {"gavea_exec_perfdata_total", "", GAVEA_COUNTER},
};

/* ---- Thresholds of the configuration ---- */

static int threshold_add(struct metrics *metrics, const char *text, enum gavea_status status)
{
	const char *key = status_name(status), *equals = strchr(text, '=');
	_cleanup_error_ struct error error = ERROR_INIT;
	struct threshold threshold = {.status = status};

	if (!equals || equals == text)
		return gavea_fail(
			metrics->check, -EINVAL, "%s: \"%s\" is not of the form LABEL=RANGE", key, text);
	if (range_parse(equals + 1, RANGE_ANY, &threshold.range, &error) < 0)
		return gavea_fail(metrics->check, -EINVAL, "%s: %s", key, error_text(&error, -EINVAL));
	if (GROW(metrics->thresholds, metrics->threshold_count, metrics->threshold_room) < 0)
		return gavea_fail(metrics->check, -ENOMEM, "out of memory");
	threshold.label = strndup(text, (size_t)(equals - text));
	if (!threshold.label)
		return gavea_fail(metrics->check, -ENOMEM, "out of memory");
	metrics->thresholds[metrics->threshold_count++] = threshold;
	return 0;
}

int metrics_open(struct metrics *metrics, struct gavea_check *check)
{
	static const enum gavea_status statuses[] = {GAVEA_CRITICAL, GAVEA_WARNING};
	int r = 0;

	metrics->check = check;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(statuses); i++) {
		size_t count;
		const char *const *texts = gavea_option_strings(check, status_name(statuses[i]), &count);

		for (size_t j = 0; r == 0 && j < count; j++)
			r = threshold_add(metrics, texts[j], statuses[i]);
	}
	return r;
}

void metrics_done(struct metrics *metrics)
{
	for (size_t i = 0; i < metrics->threshold_count; i++)
		free(metrics->thresholds[i].label);
	free(metrics->thresholds);
	strmap_done(&metrics->known, free);
}

/* ---- Samples ---- */

static struct known *declare(struct metrics *metrics, const struct perfdata *perfdata, const char *key)
{
	const struct family *family = &families[perfdata->unit];
	struct gavea_pair label = {"label", perfdata->label};
	struct known *known = calloc(1, sizeof *known);

	if (!known)
		return NULL;
	known->series = gavea_series(metrics->check, family->name, family->type, family->unit,
		"Perfdata of a program, in base units", &label, 1);
	if (strmap_set(&metrics->known, key, known, NULL) < 0) {
		free(known);
		return NULL;
	}
	return known;
}

static void sample(struct metrics *metrics, const struct perfdata *perfdata)
{
	char key[PERFDATA_LABEL_MAX + 4];
	struct known *known;

	snprintf(key, sizeof key, "%c%s", (char)('0' + perfdata->unit), perfdata->label);
	known = strmap_get(&metrics->known, key);
	if (!known && metrics->known.count < METRICS_LABELS_MAX)
		known = declare(metrics, perfdata, key);
	else if (!known && !metrics->full) {
		metrics->full = true;
		gavea_log(metrics->check, GAVEA_LOG_WARNING,
			"more than %d labels of perfdata: samples of further ones are left out",
			METRICS_LABELS_MAX);
	}
	/* A label that comes twice in one run keeps its first value. */
	if (!known || known->series <= 0 || known->run == metrics->run || isnan(perfdata->value))
		return;
	known->run = metrics->run;
	gavea_sample(metrics->check, known->series, perfdata->value * perfdata->factor);
}

/* ---- Judging ---- */

/* The value in the unit of the range; -EINVAL: they do not go together. */
static int convert(const struct perfdata *perfdata, enum range_kind kind, double *ret_value)
{
	static const enum perfdata_unit wanted[] = {[RANGE_DURATION] = PERFDATA_SECONDS,
		[RANGE_SIZE] = PERFDATA_BYTES,
		[RANGE_PERCENT] = PERFDATA_PERCENT};

	*ret_value = perfdata->value;
	if (kind == RANGE_NUMBER)
		return 0;
	if (wanted[kind] != perfdata->unit)
		return -EINVAL;
	if (kind != RANGE_PERCENT)
		*ret_value *= perfdata->factor;
	return 0;
}

static void add_reason(struct buf *reason, const char *format, ...) _printf_(2, 3);
static void add_reason(struct buf *reason, const char *format, ...)
{
	va_list args;

	if (reason->size >= REASON_MAX)
		return;
	if (reason->size)
		buf_add_str(reason, ", ");
	va_start(args, format);
	buf_vprintf(reason, format, args);
	va_end(args);
}

static enum gavea_status judge_one(
	struct threshold *threshold, const struct perfdata *perfdata, struct buf *reason)
{
	char range[64];
	double value;

	if (isnan(perfdata->value)) {
		add_reason(reason, "%s is not known", perfdata->label);
		return GAVEA_UNKNOWN;
	}
	if (convert(perfdata, threshold->range.kind, &value) < 0) {
		add_reason(reason, "%s is in \"%s\", which the threshold %s does not fit", perfdata->label,
			perfdata->unit_text, range_text(range, &threshold->range));
		return GAVEA_UNKNOWN;
	}
	if (!range_alerts(&threshold->range, value))
		return GAVEA_OK;
	add_reason(reason, "%s is %.15g%s, %s for %s", perfdata->label, perfdata->value, perfdata->unit_text,
		status_name(threshold->status), range_text(range, &threshold->range));
	return threshold->status;
}

static enum gavea_status judge_ours(
	struct metrics *metrics, const struct perfdata *perfdata, struct buf *reason)
{
	enum gavea_status worst = GAVEA_OK;

	for (size_t i = 0; i < metrics->threshold_count; i++) {
		struct threshold *threshold = &metrics->thresholds[i];

		if (!streq(threshold->label, perfdata->label))
			continue;
		threshold->run = metrics->run;
		/* The critical ones come first: what is critical is not told as a warning too. */
		if (worst != GAVEA_CRITICAL)
			worst = status_worst(worst, judge_one(threshold, perfdata, reason));
	}
	return worst;
}

/* By the thresholds that the program wrote beside the value: they show which value is at fault, and change nothing. */
static enum gavea_status judge_theirs(const struct perfdata *perfdata, enum gavea_status status)
{
	const char *const texts[] = {perfdata->critical, perfdata->warning};
	static const enum gavea_status statuses[] = {GAVEA_CRITICAL, GAVEA_WARNING};
	struct range range;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (status_severity(status) >= status_severity((int)statuses[i]) && *texts[i] &&
			!isnan(perfdata->value) && range_parse(texts[i], RANGE_NUMBER, &range, NULL) == 0 &&
			range_alerts(&range, perfdata->value))
			return statuses[i];
	return GAVEA_OK;
}

static void show(struct gavea_check *check, const struct perfdata *perfdata, enum gavea_status status)
{
	const struct gavea_pair fields[] = {{"warning", perfdata->warning}, {"critical", perfdata->critical},
		{"minimum", perfdata->minimum}, {"maximum", perfdata->maximum}};
	struct gavea_item *item;

	if (isnan(perfdata->value))
		item = gavea_item(check, perfdata->label, status, "not known");
	else
		item = gavea_item(
			check, perfdata->label, status, "%.15g%s", perfdata->value, perfdata->unit_text);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (*fields[i].value)
			gavea_item_attribute(check, item, fields[i].name, fields[i].value);
}

static enum gavea_status judge_missing(struct metrics *metrics, struct buf *reason)
{
	enum gavea_status worst = GAVEA_OK;

	for (size_t i = 0; i < metrics->threshold_count; i++) {
		struct threshold *threshold = &metrics->thresholds[i];

		if (threshold->run == metrics->run)
			continue;
		threshold->run = metrics->run;
		add_reason(reason, "no perfdata \"%s\", which has a threshold", threshold->label);
		gavea_item(metrics->check, threshold->label, GAVEA_UNKNOWN,
			"the program did not write this perfdata");
		worst = GAVEA_UNKNOWN;
	}
	return worst;
}

void metrics_take(struct metrics *metrics, char *text, enum gavea_status status,
	enum gavea_status *ret_status, struct buf *reason, struct buf *malformed)
{
	enum gavea_status worst = GAVEA_OK, one;
	struct perfdata perfdata;
	int r;

	metrics->run++;
	for (size_t n = 0; n < METRICS_ITEMS_MAX && (r = perfdata_next(&text, &perfdata)) != 0; n++) {
		if (r < 0) {
			if (malformed->size < MALFORMED_MAX)
				buf_printf(malformed, "%s%.64s", malformed->size ? " " : "", perfdata.label);
			continue;
		}
		sample(metrics, &perfdata);
		one = judge_ours(metrics, &perfdata, reason);
		show(metrics->check, &perfdata, status_worst(one, judge_theirs(&perfdata, status)));
		worst = status_worst(worst, one);
	}
	*ret_status = status_worst(worst, judge_missing(metrics, reason));
}
