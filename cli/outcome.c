/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"
#include "cli/session_internal.h"
#include "wire/convert.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define OUTPUT_MAX_BYTES ((size_t)64 << 20) /* of one run: more is no result any more */

void outcome_done(struct outcome *outcome)
{
	if (outcome->result) {
		/* The items lie in the outputs. */
		free(outcome->result->items);
		outcome->result->items = NULL;
		outcome->result->n_items = 0;
	}
	gavea__v1__result__free_unpacked(outcome->result, NULL);
	free(outcome->samples);
	for (size_t i = 0; i < outcome->output_count; i++)
		gavea__worker__v1__output__free_unpacked(outcome->outputs[i], NULL);
	free(outcome->outputs);
	*outcome = (struct outcome){.result = NULL};
}

/* ---- What comes ---- */

static const Gavea__V1__Series *find_series(const struct session *session, int64_t number)
{
	/* Numbers rise from 1, mostly without gaps. */
	if (number > 0 && (size_t)number <= session->series_count &&
		session->series[number - 1]->number == number)
		return session->series[number - 1];
	for (size_t i = 0; i < session->series_count; i++)
		if (session->series[i]->number == number)
			return session->series[i];
	return NULL;
}

static int add_sample(struct session *session, struct outcome *outcome, int64_t number, double value,
	const Gavea__V1__Histogram *histogram)
{
	const Gavea__V1__Series *series = find_series(session, number);

	if (!series)
		return 0;
	if (GROW(outcome->samples, outcome->sample_count, outcome->sample_room) < 0)
		return -ENOMEM;
	outcome->samples[outcome->sample_count++] =
		(struct result_sample){.series = series, .value = value, .histogram = histogram};
	return 0;
}

static int take_samples(struct session *session, struct outcome *outcome, const Gavea__V1__Samples *samples)
{
	int64_t number = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < MIN(samples->n_series, samples->n_values); i++) {
		number += samples->series[i];
		r = add_sample(session, outcome, number, samples->values[i], NULL);
	}
	for (size_t i = 0; r == 0 && i < samples->n_histograms; i++)
		r = add_sample(session, outcome, samples->histograms[i]->series, samples->histograms[i]->sum,
			samples->histograms[i]);
	return r;
}

int outcome_take_output(struct session *session, struct outcome *outcome, Gavea__Worker__V1__Output **output)
{
	Gavea__Worker__V1__Output *own = *output;

	outcome->output_bytes += gavea__worker__v1__output__get_packed_size(own);
	if (outcome->output_bytes > OUTPUT_MAX_BYTES)
		return -E2BIG;
	if (GROW(outcome->outputs, outcome->output_count, outcome->output_room) < 0)
		return -ENOMEM;
	outcome->outputs[outcome->output_count++] = TAKE_PTR(*output);
	for (size_t i = 0; i < own->n_series; i++) {
		if (GROW(session->series, session->series_count, session->series_room) < 0)
			return -ENOMEM;
		session->series[session->series_count++] = TAKE_PTR(own->series[i]);
	}
	own->n_series = 0;
	outcome->events += own->n_events;
	return own->samples ? take_samples(session, outcome, own->samples) : 0;
}

/* ---- The result ---- */

static size_t count_items(const struct outcome *outcome)
{
	size_t count = 0;

	for (size_t i = 0; i < outcome->output_count; i++)
		count += outcome->outputs[i]->n_items;
	return count;
}

/* All items in one list, which the result borrows from the outputs. Returns the worst status. */
static enum gavea_status list_items(struct outcome *outcome, enum gavea_status worst)
{
	Gavea__V1__Result *result = outcome->result;

	result->items = calloc(count_items(outcome) + 1, sizeof *result->items);
	for (size_t i = 0; result->items && i < outcome->output_count; i++)
		for (size_t j = 0; j < outcome->outputs[i]->n_items; j++) {
			Gavea__V1__Item *item = outcome->outputs[i]->items[j];

			worst = status_worst(worst, status_from_wire(item->status));
			result->items[result->n_items++] = item;
		}
	return worst;
}

/* For a run that gave items but no summary. */
static char *summarize(const Gavea__V1__Result *result, enum gavea_status worst)
{
	size_t bad = 0, first = result->n_items;
	char *text = NULL;

	for (size_t i = 0; i < result->n_items; i++) {
		enum gavea_status status = status_from_wire(result->items[i]->status);

		bad += status != GAVEA_OK;
		if (first == result->n_items && status == worst)
			first = i;
	}
	if (result->n_items == 0)
		return strdup("the plugin gave no result");
	if (bad == 0 || first == result->n_items)
		return asprintf(&text, "%zu items, all ok", result->n_items) < 0 ? NULL : text;
	return asprintf(&text, "%zu of %zu items not ok; %s: %s", bad, result->n_items,
		       result->items[first]->name, result->items[first]->summary) < 0
		? NULL
		: text;
}

static void set_summary(Gavea__V1__Result *result, enum gavea_status status, char *summary)
{
	result->status = result->state = status_to_wire((int)status);
	if (summary)
		result->summary = summary;
}

void outcome_take_done(struct outcome *outcome, const Gavea__Worker__V1__Done *done)
{
	bool gave = done->status != GAVEA__V1__STATUS__STATUS_UNSPECIFIED;
	enum gavea_status worst = gave ? status_from_wire(done->status) : GAVEA_OK;

	outcome->open_files = done->open_files;
	outcome->error = done->error;
	if (done->error) {
		outcome->end = OUTCOME_FAILED;
		set_summary(outcome->result, GAVEA_UNKNOWN,
			strdup(str_empty(done->message) ? strerror(-done->error) : done->message));
		return;
	}
	worst = list_items(outcome, worst);
	if (!gave && outcome->result->n_items == 0)
		worst = GAVEA_UNKNOWN;
	outcome->result->items_left_out = done->items_left_out;
	set_summary(outcome->result, worst,
		str_empty(done->summary) ? summarize(outcome->result, worst) : strdup(done->summary));
}

void outcome_fail(struct outcome *outcome, enum outcome_end end, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	outcome->end = end;
	set_summary(outcome->result, GAVEA_UNKNOWN, text);
}

void outcome_discard(struct outcome *outcome)
{
	Gavea__V1__Result *result = outcome->result;

	free(result->items);
	result->items = NULL;
	result->n_items = 0;
	if (result->summary != protobuf_c_empty_string)
		free(result->summary);
	result->summary = (char *)protobuf_c_empty_string;
	outcome->sample_count = 0;
}
