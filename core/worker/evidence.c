/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/evidence.h"
#include "base/clock.h"
#include "base/util.h"
#include "rule/selector.h"
#include "wire/convert.h"

#include <errno.h>

#define PATTERN_MAX_BYTES 255

typedef Gavea__Worker__V1__Evidence evidence_t;

static void free_watch(Gavea__Worker__V1__Watch *watch)
{
	if (watch)
		gavea__worker__v1__watch__free_unpacked(watch, NULL);
}

void watches_done(struct watches *watches)
{
	for (size_t i = 0; i < watches->count; i++)
		free_watch(watches->list[i]);
	watches->count = 0;
}

static int judge_samples(const char *samples)
{
	struct rule_selector *selector;
	int r = str_empty(samples) ? 0 : rule_selector_parse(samples, &selector, NULL);

	if (r == 0 && !str_empty(samples))
		rule_selector_free(selector);
	return r;
}

int watches_add(struct watches *watches, const char *checks, const char *samples)
{
	Gavea__Worker__V1__Watch *watch;
	int r;

	if (str_empty(checks) || strlen(checks) > PATTERN_MAX_BYTES)
		return -EINVAL;
	r = judge_samples(samples);
	if (r < 0)
		return r;
	if (watches->count == WATCHES_MAX)
		return -ENOSPC;
	watch = malloc(sizeof *watch);
	if (!watch)
		return -ENOMEM;
	gavea__worker__v1__watch__init(watch);
	watch->checks = strdup(checks);
	watch->samples = strdup(samples ? samples : "");
	if (!watch->checks || !watch->samples) {
		free_watch(watch);
		return -ENOMEM;
	}
	watches->list[watches->count++] = watch;
	return (int)watches->count - 1;
}

/* ---- What came with a job ---- */

static const evidence_t *message_of(const struct gavea_evidence *evidence)
{
	return (const evidence_t *)(const void *)evidence;
}

const struct gavea_evidence *evidence_find(
	evidence_t *const *list, size_t count, int watch, const struct gavea_evidence *after)
{
	bool passed = !after;

	for (size_t i = 0; i < count; i++) {
		if (passed && watch >= 0 && list[i]->watch == (uint32_t)watch)
			return (const struct gavea_evidence *)(const void *)list[i];
		passed = passed || list[i] == message_of(after);
	}
	return NULL;
}

const char *evidence_check(const struct gavea_evidence *evidence)
{
	return message_of(evidence)->check;
}

int evidence_status(const struct gavea_evidence *evidence, const char **ret_summary)
{
	if (ret_summary)
		*ret_summary = message_of(evidence)->summary;
	return (int)status_from_wire(message_of(evidence)->status);
}

int64_t evidence_age(const struct gavea_evidence *evidence, int64_t *ret_interval)
{
	const evidence_t *message = message_of(evidence);

	if (ret_interval)
		*ret_interval = message->every_ms < INT64_MAX / NSEC_PER_MSEC
			? (int64_t)message->every_ms * NSEC_PER_MSEC
			: INT64_MAX;
	if (message->age_ms < 0 || message->age_ms > INT64_MAX / NSEC_PER_MSEC)
		return INT64_MAX;
	return message->age_ms * NSEC_PER_MSEC;
}

int evidence_sample(
	const struct gavea_evidence *evidence, size_t index, const char **ret_series, double *ret_value)
{
	const evidence_t *message = message_of(evidence);

	if (index >= message->n_samples)
		return 0;
	*ret_series = message->samples[index]->series;
	*ret_value = message->samples[index]->value;
	return 1;
}
