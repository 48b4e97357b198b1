/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/evidence.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"
#include "rule/selector.h"
#include "wire/convert.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#define EVIDENCE_MAX_BYTES ((size_t)64 << 10) /* in one job, which has to fit into a frame with all else */
#define LABELS_MAX 64
#define CLOCK_SLACK_MS 1000 /* a clock that is being slewed is not one that was set back */

typedef Gavea__Worker__V1__Evidence evidence_t;
typedef Gavea__Worker__V1__EvidenceSample sample_t;

/* ---- What is known ---- */

static void free_evidence(evidence_t *evidence)
{
	if (evidence)
		gavea__worker__v1__evidence__free_unpacked(evidence, NULL);
}
DEFINE_CLEANUP(evidence_t *, free_evidence);

static int64_t age_ms(const Gavea__V1__Result *result)
{
	int64_t age = clock_unix_ms() - result->started_at_ms - (int64_t)(result->duration_us / 1000);

	return age < 0 && age >= -CLOCK_SLACK_MS ? 0 : age;
}

static evidence_t *new_evidence(size_t watch, const char *check, const char *summary)
{
	_cleanup_(free_evidencep) evidence_t *evidence = malloc(sizeof *evidence);

	if (!evidence)
		return NULL;
	gavea__worker__v1__evidence__init(evidence);
	evidence->watch = (uint32_t)watch;
	evidence->check = strdup(check);
	evidence->summary = strdup(summary);
	evidence->status = status_to_wire(GAVEA_UNKNOWN);
	evidence->age_ms = -1;
	return evidence->check && evidence->summary ? TAKE_PTR(evidence) : NULL;
}

static void add_label_value(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			buf_add_char(out, '\\');
		if (*value == '\n')
			buf_add_str(out, "\\n");
		else
			buf_add_char(out, *value);
	}
}

static char *series_text(const Gavea__V1__Series *series)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	buf_add_str(&out, series->name);
	for (size_t i = 0; i < series->n_labels; i++) {
		buf_add_char(&out, i == 0 ? '{' : ',');
		buf_add_str(&out, series->labels[i]->key);
		buf_add_str(&out, "=\"");
		add_label_value(&out, series->labels[i]->value);
		buf_add_char(&out, '"');
	}
	if (series->n_labels)
		buf_add_char(&out, '}');
	return buf_error(&out) ? NULL : strdup(buf_str(&out));
}

static bool selects(const struct rule_selector *selector, const Gavea__V1__Series *series)
{
	struct gavea_pair labels[LABELS_MAX];
	size_t count = MIN(series->n_labels, (size_t)LABELS_MAX);

	if (!streq(rule_selector_name(selector), series->name))
		return false;
	for (size_t i = 0; i < count; i++)
		labels[i] = (struct gavea_pair){series->labels[i]->key, series->labels[i]->value};
	return rule_selector_matches(selector, series->name, labels, count);
}

static int add_sample(evidence_t *evidence, const struct catalog_series *entry, size_t room)
{
	sample_t *sample = malloc(sizeof *sample);

	if (!sample)
		return -ENOMEM;
	gavea__worker__v1__evidence_sample__init(sample);
	sample->series = series_text(entry->series);
	sample->value = entry->value;
	if (!sample->series || evidence->n_samples == room) {
		gavea__worker__v1__evidence_sample__free_unpacked(sample, NULL);
		return -ENOMEM;
	}
	evidence->samples[evidence->n_samples++] = sample;
	return 0;
}

/* What the last run did not give is not there any more. */
static bool is_of(const struct catalog_series *entry, const struct check *check, int64_t since)
{
	return entry->series && entry->series->check == check_number(check) && entry->has_value &&
		entry->time_ms >= since;
}

static int add_samples(evidence_t *evidence, const struct rule_selector *selector, const struct check *check,
	const struct catalog *catalog)
{
	int64_t since = check_result(check)->started_at_ms;
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < catalog->count; i++)
		count += is_of(&catalog->series[i], check, since) &&
			selects(selector, catalog->series[i].series);
	evidence->samples = count ? calloc(count, sizeof(sample_t *)) : NULL;
	if (count && !evidence->samples)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < catalog->count; i++)
		if (is_of(&catalog->series[i], check, since) && selects(selector, catalog->series[i].series))
			r = add_sample(evidence, &catalog->series[i], count);
	return r;
}

static int look_at(const struct wanted *wanted, size_t watch, const struct check *check,
	const struct catalog *catalog, evidence_t **ret_evidence)
{
	const Gavea__V1__Result *result = check_result(check);
	_cleanup_(free_evidencep) evidence_t *evidence =
		new_evidence(watch, check_name(check), result ? result->summary : "it has not run yet");
	int r = 0;

	if (!evidence)
		return -ENOMEM;
	evidence->every_ms = (uint64_t)(check_config(check)->every / NSEC_PER_MSEC);
	if (result) {
		evidence->status = status_to_wire(
			(int)status_worst(status_from_wire(result->status), status_from_wire(result->state)));
		evidence->age_ms = age_ms(result);
	}
	if (result && wanted->samples)
		r = add_samples(evidence, wanted->samples, check, catalog);
	if (r == 0)
		*ret_evidence = TAKE_PTR(evidence);
	return r;
}

/* Never less than there is without a word: what did not fit is unknown. */
static int say_cut(size_t watch, const struct check *check, evidence_t **ret_evidence)
{
	*ret_evidence = new_evidence(
		watch, check_name(check), "too many checks or samples are asked for; name fewer of them");
	return *ret_evidence ? 0 : -ENOMEM;
}

static int add_for(struct evidence *evidence, const struct wants *wants, size_t watch, struct check *check,
	const struct catalog *catalog)
{
	const struct wanted *wanted = &wants->list[watch];
	_cleanup_(free_evidencep) evidence_t *one = NULL;
	size_t size;
	int r;

	if (fnmatch(wanted->checks, check_name(check), 0) != 0)
		return 0;
	r = look_at(wanted, watch, check, catalog, &one);
	if (r < 0)
		return r;
	size = gavea__worker__v1__evidence__get_packed_size(one) + 8;
	if (evidence->bytes + size > EVIDENCE_MAX_BYTES) {
		if (evidence->cut & UINT64_C(1) << watch)
			return 0;
		evidence->cut |= UINT64_C(1) << watch;
		free_evidence(TAKE_PTR(one));
		r = say_cut(watch, check, &one);
		if (r < 0)
			return r;
	}
	if (GROW(evidence->list, evidence->count, evidence->room) < 0)
		return -ENOMEM;
	evidence->bytes += size;
	evidence->list[evidence->count++] = TAKE_PTR(one);
	return 0;
}

int evidence_add(struct evidence *evidence, const struct wants *wants, struct check *check,
	const struct catalog *catalog)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < wants->count; i++)
		r = add_for(evidence, wants, i, check, catalog);
	return r;
}
