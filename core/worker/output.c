/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/output.h"
#include "base/clock.h"
#include "base/random.h"
#include "core/worker/attributes.h"
#include "core/worker/journal.h"
#include "core/worker/text.h"
#include "wire/convert.h"

#include <errno.h>
#include <stdio.h>

#define ARENA_LIMIT (16u * 1024 * 1024)

struct gavea_item {
	Gavea__V1__Item message;
	struct output *output;
	struct attributes attributes;
	bool sent;
};

struct gavea_span {
	Gavea__V1__Span message;
	struct output *output;
	struct attributes attributes;
	int64_t began; /* CLOCK_MONOTONIC */
	bool ended;
	uint8_t id[8];
	uint8_t parent[8];
};

static int add_pointer(struct pointers *pointers, void *pointer)
{
	if (GROW(pointers->list, pointers->count, pointers->room) < 0)
		return -ENOMEM;
	pointers->list[pointers->count++] = pointer;
	return 0;
}

void held_done(struct held *held)
{
	for (size_t i = 0; i < held->count; i++)
		buf_done(&held->frames[i]);
	free(held->frames);
	*held = (struct held){.frames = NULL};
}

void output_init(struct output *output, struct channel *channel, struct series_registry *registry)
{
	*output = (struct output){.channel = channel, .registry = registry, .arena = {.limit = ARENA_LIMIT}};
}

void output_done(struct output *output)
{
	free(output->series.list);
	free(output->items.list);
	free(output->events.list);
	free(output->spans.list);
	free(output->histograms.list);
	free(output->deltas);
	free(output->values);
	arena_done(&output->arena);
}

static void forget_gathered(struct output *output)
{
	output->series.count = output->items.count = output->events.count = output->spans.count = 0;
	output->histograms.count = output->sample_count = 0;
	output->last_series = 0;
	output->pending = 0;
}

void output_begin(struct output *output, uint32_t check, uint64_t job, struct held *held)
{
	forget_gathered(output);
	arena_reset(&output->arena);
	output->check = check;
	output->job = job;
	output->held = held;
	output->traced = output->lost_events = output->late_attribute = false;
	output->items_seen = output->items_left_out = output->samples_seen = output->samples_left_out = 0;
	output->events_seen = output->spans_seen = 0;
}

void output_rest(struct output *output, Gavea__Worker__V1__Output *message)
{
	for (size_t i = 0; i < output->items.count; i++) {
		struct gavea_item *item = output->items.list[i];

		item->message.attributes = (Gavea__V1__Item__AttributesEntry **)item->attributes.list;
		item->message.n_attributes = item->attributes.count;
	}
	message->job = output->job;
	message->series = (Gavea__V1__Series **)output->series.list;
	message->n_series = output->series.count;
	message->items = (Gavea__V1__Item **)output->items.list;
	message->n_items = output->items.count;
	message->events = (Gavea__V1__Event **)output->events.list;
	message->n_events = output->events.count;
	message->spans = (Gavea__V1__Span **)output->spans.list;
	message->n_spans = output->spans.count;
	if (output->sample_count == 0 && output->histograms.count == 0)
		return;
	output->samples = (Gavea__V1__Samples)GAVEA__V1__SAMPLES__INIT;
	output->samples.check = output->check;
	output->samples.series = output->deltas;
	output->samples.n_series = output->sample_count;
	output->samples.values = output->values;
	output->samples.n_values = output->sample_count;
	output->samples.histograms = (Gavea__V1__Histogram **)output->histograms.list;
	output->samples.n_histograms = output->histograms.count;
	message->samples = &output->samples;
}

static int send_output(struct output *output, Gavea__Worker__V1__Output *part)
{
	Gavea__Worker__V1__FromWorker message = GAVEA__WORKER__V1__FROM_WORKER__INIT;
	int r;

	message.body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY_OUTPUT;
	message.output = part;
	r = channel_send(output->channel, &message);
	if (r == 0)
		for (size_t i = 0; i < part->n_series; i++)
			series_sent(output->registry, (int)part->series[i]->number);
	return r;
}

static int hold_output(struct held *held, const Gavea__Worker__V1__Output *part)
{
	size_t size = gavea__worker__v1__output__get_packed_size(part);
	struct buf frame = BUF_INIT;

	if (held->bytes + size > OUTPUT_HELD_MAX)
		return -ENOSPC;
	if (GROW(held->frames, held->count, held->room) < 0 || !buf_extend(&frame, size))
		return -ENOMEM;
	gavea__worker__v1__output__pack(part, (uint8_t *)frame.data);
	frame.size = size;
	held->frames[held->count++] = frame;
	held->bytes += size;
	return 0;
}

static void send_or_hold(struct output *output, Gavea__Worker__V1__Output *part)
{
	int r = output->held ? hold_output(output->held, part) : send_output(output, part);

	if (r < 0 && r != -EPIPE)
		channel_log(output->channel, output->check, GAVEA_LOG_ERROR,
			"some of what the plugin said is lost: %s", strerror(-r));
}

void output_flush(struct output *output)
{
	Gavea__Worker__V1__Output part = GAVEA__WORKER__V1__OUTPUT__INIT;
	struct gavea_item *newest = NULL;

	if (output->pending == 0)
		return;
	output_rest(output, &part);
	if (part.n_items > 0)
		newest = output->items.list[--part.n_items];
	for (size_t i = 0; i < part.n_items; i++)
		((struct gavea_item *)output->items.list[i])->sent = true;
	send_or_hold(output, &part);
	forget_gathered(output);
	if (newest) {
		output->items.list[output->items.count++] = newest;
		output->pending = strlen(newest->message.name) + strlen(newest->message.summary) + 32 +
			newest->attributes.bytes;
	}
}

static void grow_pending(struct output *output, size_t size)
{
	output->pending += size;
	if (output->pending >= OUTPUT_FLUSH_SIZE)
		output_flush(output);
}

void output_end(struct output *output, bool sent)
{
	if (sent)
		for (size_t i = 0; i < output->series.count; i++)
			series_sent(
				output->registry, (int)((Gavea__V1__Series *)output->series.list[i])->number);
	if (output->samples_left_out > 0)
		channel_log(output->channel, output->check, GAVEA_LOG_WARNING,
			"%zu samples beyond the %d that one run may have were left out",
			output->samples_left_out, OUTPUT_SAMPLES_MAX);
	if (output->lost_events)
		channel_log(output->channel, output->check, GAVEA_LOG_WARNING,
			"events beyond the %d that one run may have were left out", OUTPUT_EVENTS_MAX);
	if (output->late_attribute)
		channel_log(output->channel, output->check, GAVEA_LOG_WARNING,
			"the plugin added attributes to items that had been sent: "
			"add them before the next call of gavea_item()");
	forget_gathered(output);
	arena_reset(&output->arena);
}

void output_send_held(struct output *output, struct held *held)
{
	for (size_t i = 0; i < held->count; i++) {
		const struct buf *frame = &held->frames[i];
		Gavea__Worker__V1__Output *part =
			gavea__worker__v1__output__unpack(NULL, frame->size, (const uint8_t *)frame->data);

		if (!part)
			continue;
		part->job = output->job;
		send_or_hold(output, part);
		gavea__worker__v1__output__free_unpacked(part, NULL);
	}
	held_done(held);
}

struct gavea_item *output_item(
	struct output *output, const char *name, int status, const char *format, va_list args)
{
	struct gavea_item *item = NULL;

	/* What is sent is settled before the new item begins: it may still get attributes. */
	if (output->pending >= OUTPUT_FLUSH_SIZE)
		output_flush(output);
	if (output->items_seen < OUTPUT_ITEMS_MAX)
		item = arena_alloc(&output->arena, sizeof *item);
	if (item) {
		*item = (struct gavea_item){.message = GAVEA__V1__ITEM__INIT, .output = output};
		item->message.name = text_copy(&output->arena, name, TEXT_NAME_MAX, true);
		item->message.summary = text_format_copy(&output->arena, TEXT_SUMMARY_MAX, format, args);
		item->message.status = status_to_wire(status);
	}
	if (!item || !item->message.name || !item->message.summary || add_pointer(&output->items, item) < 0) {
		output->items_left_out++;
		return NULL;
	}
	output->items_seen++;
	output->pending += strlen(item->message.name) + strlen(item->message.summary) + 32;
	return item;
}

void output_item_attribute(struct gavea_item *item, const char *name, const char *value)
{
	long grown;

	if (!item)
		return;
	if (item->sent) {
		item->output->late_attribute = true;
		return;
	}
	grown = attributes_set(&item->attributes, &item->output->arena,
		&gavea__v1__item__attributes_entry__descriptor, name, value);
	if (grown > 0)
		item->output->pending += (size_t)grown;
}

int output_series(struct output *output, const char *name, int type, const char *unit, const char *help,
	const struct gavea_pair *labels, size_t label_count)
{
	bool to_send = false;
	int number;

	number = series_declare(
		output->registry, output->check, name, type, unit, help, labels, label_count, &to_send);
	if (number > 0 && to_send) {
		Gavea__V1__Series *message = series_get(output->registry, number);

		if (add_pointer(&output->series, message) < 0)
			return -ENOMEM;
		grow_pending(output, gavea__v1__series__get_packed_size(message) + 4);
	}
	return number;
}

static int sample_room(struct output *output)
{
	size_t room = output->sample_room ? output->sample_room * 2 : 256;
	int32_t *deltas;
	double *values;

	if (output->sample_count < output->sample_room)
		return 0;
	deltas = reallocarray(output->deltas, room, sizeof *deltas);
	if (!deltas)
		return -ENOMEM;
	output->deltas = deltas;
	values = reallocarray(output->values, room, sizeof *values);
	if (!values)
		return -ENOMEM;
	output->values = values;
	output->sample_room = room;
	return 0;
}

/* Whether a sample of this series may be added; counts it. */
static bool sample_allowed(struct output *output, int series)
{
	if (series <= 0 || series > series_count(output->registry))
		return false;
	if (output->samples_seen >= OUTPUT_SAMPLES_MAX) {
		output->samples_left_out++;
		return false;
	}
	output->samples_seen++;
	return true;
}

void output_sample(struct output *output, int series, double value)
{
	if (!sample_allowed(output, series) || sample_room(output) < 0)
		return;
	output->deltas[output->sample_count] = series - output->last_series;
	output->values[output->sample_count++] = value;
	output->last_series = series;
	grow_pending(output, sizeof value + 3);
}

void output_histogram(struct output *output, int series, double sum, uint64_t zero_count, int32_t first,
	const uint64_t *buckets, size_t bucket_count)
{
	Gavea__V1__Histogram *histogram;

	if (bucket_count > OUTPUT_BUCKETS_MAX || (bucket_count > 0 && !buckets) ||
		!sample_allowed(output, series))
		return;
	histogram = arena_alloc(&output->arena, sizeof *histogram + bucket_count * sizeof *buckets);
	if (!histogram)
		return;
	*histogram = (Gavea__V1__Histogram)GAVEA__V1__HISTOGRAM__INIT;
	histogram->series = (uint32_t)series;
	histogram->sum = sum;
	histogram->zero_count = zero_count;
	histogram->first = first;
	histogram->buckets = (uint64_t *)(histogram + 1);
	histogram->n_buckets = bucket_count;
	if (bucket_count)
		memcpy(histogram->buckets, buckets, bucket_count * sizeof *buckets);
	if (add_pointer(&output->histograms, histogram) == 0)
		grow_pending(output, gavea__v1__histogram__get_packed_size(histogram) + 4);
}

/* Sends an event by itself: it is told at once, and items that are gathered stay open for attributes. */
static void send_event(struct output *output, Gavea__V1__Event *event)
{
	Gavea__Worker__V1__Output part = GAVEA__WORKER__V1__OUTPUT__INIT;

	part.job = output->job;
	part.events = &event;
	part.n_events = 1;
	send_or_hold(output, &part);
}

void output_event(struct output *output, const char *kind, int status, const char *summary,
	const struct gavea_pair *attributes, size_t attribute_count)
{
	Gavea__V1__Event *event = arena_alloc(&output->arena, sizeof *event);
	struct attributes set = {.list = NULL};

	if (!event || output->events_seen >= OUTPUT_EVENTS_MAX) {
		output->lost_events = true;
		return;
	}
	output->events_seen++;
	*event = (Gavea__V1__Event)GAVEA__V1__EVENT__INIT;
	event->kind = text_copy(&output->arena, kind, TEXT_NAME_MAX, true);
	event->summary = text_copy(&output->arena, summary, TEXT_SUMMARY_MAX, true);
	if (!event->kind || !event->summary) {
		output->lost_events = true;
		return;
	}
	event->check = output->check;
	event->status = status_to_wire(status);
	for (size_t i = 0; i < attribute_count; i++)
		if (attributes_set(&set, &output->arena, &gavea__v1__event__attributes_entry__descriptor,
			    attributes[i].name, attributes[i].value) == -E2BIG)
			break;
	event->attributes = (Gavea__V1__Event__AttributesEntry **)set.list;
	event->n_attributes = set.count;
	send_event(output, event);
}

struct gavea_span *output_span_begin(struct output *output, const struct gavea_span *parent, const char *name)
{
	struct gavea_span *span = NULL;

	if (output->spans_seen < OUTPUT_SPANS_MAX)
		span = arena_alloc(&output->arena, sizeof *span);
	if (!span)
		return NULL;
	*span = (struct gavea_span){.message = GAVEA__V1__SPAN__INIT, .output = output};
	span->message.name = text_copy(&output->arena, name, TEXT_NAME_MAX, true);
	if (!span->message.name)
		return NULL;
	if (!output->traced)
		random_bytes(output->trace_id, sizeof output->trace_id);
	output->traced = true;
	random_bytes(span->id, sizeof span->id);
	span->message.trace_id = (ProtobufCBinaryData){sizeof output->trace_id, output->trace_id};
	span->message.span_id = (ProtobufCBinaryData){sizeof span->id, span->id};
	if (parent) {
		memcpy(span->parent, parent->id, sizeof span->parent);
		span->message.parent_span_id = (ProtobufCBinaryData){sizeof span->parent, span->parent};
	}
	span->message.check = output->check;
	span->message.start_us = clock_ns(CLOCK_REALTIME) / NSEC_PER_USEC;
	span->began = clock_ns(CLOCK_MONOTONIC);
	output->spans_seen++;
	return span;
}

struct gavea_span *output_span_at(struct output *output, const uint8_t *trace, const uint8_t *id,
	const uint8_t *parent, const char *name, int64_t start_ns)
{
	struct gavea_span *span = output_span_begin(output, NULL, name);
	uint8_t *own_trace = span ? arena_alloc(&output->arena, TRACE_ID_BYTES) : NULL;

	if (!own_trace)
		return NULL;
	memcpy(own_trace, trace, TRACE_ID_BYTES);
	span->message.trace_id.data = own_trace;
	memcpy(span->id, id, sizeof span->id);
	if (parent) {
		memcpy(span->parent, parent, sizeof span->parent);
		span->message.parent_span_id = (ProtobufCBinaryData){sizeof span->parent, span->parent};
	}
	span->message.start_us = start_ns / NSEC_PER_USEC;
	span->began = 0;
	return span;
}

/* The end is the beginning and what the monotonic clock measured: a step of the wall clock between them would make a span
 * that lies. One that outlived the process has only the wall clock. */
static int64_t end_of(const struct gavea_span *span)
{
	if (span->began)
		return span->message.start_us + (clock_ns(CLOCK_MONOTONIC) - span->began) / NSEC_PER_USEC;
	return MAX(span->message.start_us, clock_ns(CLOCK_REALTIME) / NSEC_PER_USEC);
}

void output_span_attribute(struct gavea_span *span, const char *name, const char *value)
{
	if (span && !span->ended)
		attributes_set(&span->attributes, &span->output->arena,
			&gavea__v1__span__attributes_entry__descriptor, name, value);
}

static ProtobufCBinaryData copy_id(struct output *output, const uint8_t *id, size_t size)
{
	uint8_t *copy = id ? arena_alloc(&output->arena, size) : NULL;

	if (copy)
		memcpy(copy, id, size);
	return (ProtobufCBinaryData){copy ? size : 0, copy};
}

void output_span_whole(struct output *output, const struct journal_span *from)
{
	struct gavea_span *span = NULL;

	if (output->spans_seen < OUTPUT_SPANS_MAX)
		span = arena_alloc(&output->arena, sizeof *span);
	if (!span)
		return;
	*span = (struct gavea_span){.message = GAVEA__V1__SPAN__INIT, .output = output, .ended = true};
	span->message.name = text_copy(&output->arena, from->name, TEXT_NAME_MAX, true);
	span->message.trace_id = copy_id(output, from->trace_id, 16);
	span->message.span_id = copy_id(output, from->span_id, 8);
	span->message.parent_span_id = copy_id(output, from->parent_id, 8);
	span->message.start_us = from->start_us;
	span->message.end_us = from->start_us + from->duration_us;
	span->message.check = output->check;
	if (from->error)
		span->message.error = text_copy(&output->arena, from->error, TEXT_SUMMARY_MAX, true);
	if (from->resumed)
		attributes_set(&span->attributes, &output->arena,
			&gavea__v1__span__attributes_entry__descriptor, "resumed", "true");
	span->message.attributes = (Gavea__V1__Span__AttributesEntry **)span->attributes.list;
	span->message.n_attributes = span->attributes.count;
	if (!span->message.name || !span->message.error || span->message.trace_id.len == 0 ||
		span->message.span_id.len == 0)
		return;
	output->spans_seen++;
	if (add_pointer(&output->spans, span) == 0)
		grow_pending(output, gavea__v1__span__get_packed_size(&span->message) + 4);
}

void output_span_end(struct gavea_span *span, int error)
{
	struct output *output;

	if (!span || span->ended)
		return;
	output = span->output;
	span->ended = true;
	span->message.end_us = end_of(span);
	if (error != 0)
		span->message.error = text_copy(&output->arena, strerror(abs(error)), TEXT_SUMMARY_MAX, true);
	if (!span->message.error)
		span->message.error = (char *)"failed";
	span->message.attributes = (Gavea__V1__Span__AttributesEntry **)span->attributes.list;
	span->message.n_attributes = span->attributes.count;
	if (add_pointer(&output->spans, span) == 0)
		grow_pending(output, gavea__v1__span__get_packed_size(&span->message) + 4);
}
