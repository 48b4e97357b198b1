/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/recorder.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "core/manager/recent.h"
#include "wire/convert.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

struct recorder {
	struct spool *spool;
	struct catalog catalog;
	struct recent recent;
	struct buf scratch;
	void (*urgent)(void *userdata);
	void *userdata;
	void (*listener)(const struct recent_event *, void *);
	void *listener_userdata;
};

int recorder_new(
	struct spool *spool, void (*urgent)(void *userdata), void *userdata, struct recorder **ret_recorder)
{
	struct recorder *recorder = calloc(1, sizeof *recorder);

	if (!recorder)
		return -ENOMEM;
	recorder->spool = spool;
	recorder->urgent = urgent;
	recorder->userdata = userdata;
	recent_load(&recorder->recent, spool);
	*ret_recorder = recorder;
	return 0;
}

void recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return;
	spool_close(recorder->spool);
	catalog_done(&recorder->catalog);
	recent_done(&recorder->recent);
	buf_done(&recorder->scratch);
	free(recorder);
}

struct spool *recorder_spool(struct recorder *recorder)
{
	return recorder->spool;
}

struct catalog *recorder_catalog(struct recorder *recorder)
{
	return &recorder->catalog;
}

int recorder_encode(const Gavea__V1__Record *record, struct buf *out)
{
	char *at = buf_extend(out, gavea__v1__record__get_packed_size(record));

	if (!at)
		return -ENOMEM;
	out->size += gavea__v1__record__pack(record, (uint8_t *)at);
	return 0;
}

/* Appends what stands in scratch; returns the seq or -errno, which was logged. */
static int64_t append_scratch(struct recorder *recorder)
{
	size_t size = recorder->scratch.size;
	int64_t seq = spool_append(recorder->spool, recorder->scratch.data, size);

	if (seq < 0)
		log_error("record of %zu bytes lost: %s", size, strerror((int)-seq));
	return seq;
}

/* Encodes and appends; returns the seq or -errno, which was logged. */
static int64_t append(struct recorder *recorder, const Gavea__V1__Record *record)
{
	buf_reset(&recorder->scratch);
	if (recorder_encode(record, &recorder->scratch) < 0) {
		log_error("record lost: out of memory");
		spool_count_lost(recorder->spool, (int)record->body_case, DROP_MEMORY);
		return -ENOMEM;
	}
	return append_scratch(recorder);
}

static Gavea__V1__Record record_at(int64_t time_ms)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;

	record.time_ms = time_ms;
	return record;
}

int recorder_encode_check(const struct subject *subject, struct buf *out)
{
	Gavea__V1__Record record = record_at(clock_unix_ms());
	Gavea__V1__Check check = GAVEA__V1__CHECK__INIT;
	_cleanup_free_ Gavea__V1__Check__LabelsEntry *entries = NULL;
	_cleanup_free_ Gavea__V1__Check__LabelsEntry **labels = NULL;

	entries = calloc(subject->label_count + 1, sizeof *entries);
	labels = calloc(subject->label_count + 1, sizeof *labels);
	if (!entries || !labels)
		return -ENOMEM;
	for (size_t i = 0; i < subject->label_count; i++) {
		gavea__v1__check__labels_entry__init(&entries[i]);
		entries[i].key = (char *)subject->labels[i].name;
		entries[i].value = (char *)subject->labels[i].value;
		labels[i] = &entries[i];
	}
	check.number = subject->number;
	check.name = (char *)subject->name;
	check.every_ms = subject->every_ms;
	check.timeout_ms = subject->timeout_ms;
	check.labels = labels;
	check.n_labels = subject->label_count;
	record.body_case = GAVEA__V1__RECORD__BODY_CHECK;
	record.check = &check;
	return recorder_encode(&record, out);
}

static void declare_check(struct recorder *recorder, struct subject *subject)
{
	if (subject->declared_in == spool_stream(recorder->spool))
		return;
	buf_reset(&recorder->scratch);
	if (recorder_encode_check(subject, &recorder->scratch) == 0 && append_scratch(recorder) > 0)
		subject->declared_in = spool_stream(recorder->spool);
}

static void declare_series(struct recorder *recorder, struct catalog_series *entry)
{
	Gavea__V1__Record record = record_at(clock_unix_ms());

	if (entry->declared_in == spool_stream(recorder->spool))
		return;
	record.body_case = GAVEA__V1__RECORD__BODY_SERIES;
	record.series = entry->series;
	if (append(recorder, &record) > 0)
		entry->declared_in = spool_stream(recorder->spool);
}

void recorder_result(
	struct recorder *recorder, struct subject *subject, Gavea__V1__Result *result, bool urgent)
{
	Gavea__V1__Record record = record_at(result->started_at_ms);

	spool_begin(recorder->spool);
	declare_check(recorder, subject);
	result->check = subject->number;
	record.body_case = GAVEA__V1__RECORD__BODY_RESULT;
	record.result = result;
	append(recorder, &record);
	if (urgent)
		recorder->urgent(recorder->userdata);
}

void recorder_samples(
	struct recorder *recorder, struct subject *subject, Gavea__V1__Samples *samples, int64_t time_ms)
{
	Gavea__V1__Record record = record_at(time_ms);
	int64_t number = 0;

	spool_begin(recorder->spool);
	if (subject)
		declare_check(recorder, subject);
	for (size_t i = 0; i < samples->n_series; i++) {
		struct catalog_series *entry;

		number += samples->series[i];
		entry = catalog_get(&recorder->catalog, (uint32_t)number);
		declare_series(recorder, entry);
		entry->value = samples->values[i];
		entry->has_value = true;
		entry->time_ms = time_ms;
	}
	for (size_t i = 0; i < samples->n_histograms; i++)
		declare_series(recorder, catalog_get(&recorder->catalog, samples->histograms[i]->series));
	samples->check = subject ? subject->number : 0;
	record.body_case = GAVEA__V1__RECORD__BODY_SAMPLES;
	record.samples = samples;
	append(recorder, &record);
}

void recorder_event(struct recorder *recorder, struct subject *subject, Gavea__V1__Event *event)
{
	Gavea__V1__Record record = record_at(clock_unix_ms());
	const struct recent_event *kept;
	int64_t seq;

	spool_begin(recorder->spool);
	if (subject)
		declare_check(recorder, subject);
	event->check = subject ? subject->number : 0;
	record.body_case = GAVEA__V1__RECORD__BODY_EVENT;
	record.event = event;
	seq = append(recorder, &record);
	kept = recent_add(&recorder->recent, seq > 0 ? (uint64_t)seq : 0, record.time_ms,
		subject ? subject->name : NULL, event);
	if (kept && recorder->listener)
		recorder->listener(kept, recorder->listener_userdata);
	recorder->urgent(recorder->userdata);
}

void recorder_note(struct recorder *recorder, struct subject *subject, const char *kind,
	enum gavea_status status, const struct gavea_pair *attributes, size_t attribute_count,
	const char *format, ...)
{
	Gavea__V1__Event event = GAVEA__V1__EVENT__INIT;
	Gavea__V1__Event__AttributesEntry entries[8], *list[8];
	_cleanup_free_ char *summary = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&summary, format, args) < 0)
		summary = NULL;
	va_end(args);
	if (!summary)
		return;
	attribute_count = MIN(attribute_count, ARRAY_SIZE(entries));
	for (size_t i = 0; i < attribute_count; i++) {
		gavea__v1__event__attributes_entry__init(&entries[i]);
		entries[i].key = (char *)attributes[i].name;
		entries[i].value = (char *)attributes[i].value;
		list[i] = &entries[i];
	}
	event.kind = (char *)kind;
	event.status = status_to_wire((int)status);
	event.summary = summary;
	event.attributes = list;
	event.n_attributes = attribute_count;
	recorder_event(recorder, subject, &event);
}

void recorder_span(struct recorder *recorder, struct subject *subject, Gavea__V1__Span *span)
{
	Gavea__V1__Record record = record_at(span->end_us / 1000);

	spool_begin(recorder->spool);
	if (subject)
		declare_check(recorder, subject);
	span->check = subject ? subject->number : 0;
	record.body_case = GAVEA__V1__RECORD__BODY_SPAN;
	record.span = span;
	append(recorder, &record);
}

/* So that a trace leads to the lines around it, and back. */
static void log_trace(const Gavea__V1__Span *span)
{
	const char *plugin = "";
	char trace[33];
	double seconds = (double)(span->end_us - span->start_us) / 1e6;

	for (size_t i = 0; i < 16; i++)
		snprintf(trace + 2 * i, 3, "%02x", span->trace_id.data[i]);
	for (size_t i = 0; i < span->n_attributes; i++)
		if (streq(span->attributes[i]->key, "plugin"))
			plugin = span->attributes[i]->value;
	const struct log_field fields[] = {{"TRACE_ID", trace}, {"GAVEA_PLUGIN", plugin}};

	log_line_with(LOG_LEVEL_INFO, fields, ARRAY_SIZE(fields), "%s%s%s: %.3f s%s%s", *plugin ? plugin : "",
		*plugin ? ": " : "", span->name, seconds, *span->error ? ", failed: " : "", span->error);
}

void recorder_trace(struct recorder *recorder, const char *name, int64_t began_ns, const char *error,
	const struct gavea_pair *attributes, size_t attribute_count)
{
	Gavea__V1__Span span = GAVEA__V1__SPAN__INIT;
	Gavea__V1__Span__AttributesEntry entries[8], *list[8];
	uint8_t trace_id[16], span_id[8];

	random_bytes(trace_id, sizeof trace_id);
	random_bytes(span_id, sizeof span_id);
	attribute_count = MIN(attribute_count, ARRAY_SIZE(entries));
	for (size_t i = 0; i < attribute_count; i++) {
		gavea__v1__span__attributes_entry__init(&entries[i]);
		entries[i].key = (char *)attributes[i].name;
		entries[i].value = (char *)attributes[i].value;
		list[i] = &entries[i];
	}
	span.trace_id = (ProtobufCBinaryData){sizeof trace_id, trace_id};
	span.span_id = (ProtobufCBinaryData){sizeof span_id, span_id};
	span.name = (char *)name;
	span.end_us = clock_ns(CLOCK_REALTIME) / NSEC_PER_USEC;
	span.start_us = span.end_us - (clock_ns(CLOCK_MONOTONIC) - began_ns) / NSEC_PER_USEC;
	if (error)
		span.error = (char *)error;
	span.attributes = list;
	span.n_attributes = attribute_count;
	recorder_span(recorder, NULL, &span);
	log_trace(&span);
}

void recorder_check_gone(struct recorder *recorder, struct subject *subject)
{
	Gavea__V1__Record record = record_at(clock_unix_ms());
	Gavea__V1__CheckGone gone = GAVEA__V1__CHECK_GONE__INIT;

	spool_begin(recorder->spool);
	declare_check(recorder, subject);
	gone.check = subject->number;
	record.body_case = GAVEA__V1__RECORD__BODY_CHECK_GONE;
	record.check_gone = &gone;
	append(recorder, &record);
	catalog_remove_check(&recorder->catalog, subject->number);
}

const struct recent_event *recorder_events(const struct recorder *recorder, size_t *ret_count)
{
	*ret_count = recorder->recent.count;
	return recorder->recent.events;
}

void recorder_listen(
	struct recorder *recorder, void (*fn)(const struct recent_event *, void *), void *userdata)
{
	recorder->listener = fn;
	recorder->listener_userdata = userdata;
}
