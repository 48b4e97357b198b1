/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the callback of a check says on its way to the host: items, samples, series, events and spans,
 * gathered and sent in as few frames as will do. One output serves one thread, job after job, and keeps its
 * memory.
 */
#ifndef CORE_WORKER_OUTPUT_H
#define CORE_WORKER_OUTPUT_H

#include "core/worker/arena.h"
#include "core/worker/channel.h"
#include "core/worker/series.h"

#define TRACE_ID_BYTES 16
#define OUTPUT_ITEMS_MAX 10000
#define OUTPUT_SAMPLES_MAX 50000
#define OUTPUT_EVENTS_MAX 1000
#define OUTPUT_SPANS_MAX 1000
#define OUTPUT_BUCKETS_MAX 2048
#define OUTPUT_FLUSH_SIZE (48u * 1024) /* what is gathered before a frame is sent */
#define OUTPUT_HELD_MAX (4u * 1024 * 1024)

/* Frames that wait for a job in which they can be sent: what a check says in open(). */
struct held {
	struct buf *frames; /* encoded Output messages */
	size_t count;
	size_t room;
	size_t bytes;
};

void held_done(struct held *held);

struct pointers {
	void **list;
	size_t count;
	size_t room;
};

struct output {
	struct channel *channel;
	struct series_registry *registry;
	uint32_t check;
	uint64_t job;
	struct held *held; /* where frames go instead of to the host; NULL: to the host */
	struct arena arena;

	struct pointers series, items, events, spans, histograms;
	int32_t *deltas;
	double *values;
	size_t sample_count;
	size_t sample_room;
	int last_series;

	size_t pending; /* bytes, about, of what is gathered */
	Gavea__V1__Samples samples; /* for the message being made */
	uint8_t trace_id[TRACE_ID_BYTES];
	bool traced;

	size_t items_seen, items_left_out, samples_seen, samples_left_out, events_seen, spans_seen;
	bool lost_events; /* there was no room for one */
	bool late_attribute; /* an item had been sent when an attribute was added to it */
};

void output_init(struct output *output, struct channel *channel, struct series_registry *registry);
void output_done(struct output *output);

/* Begins a job, or the open() of a check (held is set). */
void output_begin(struct output *output, uint32_t check, uint64_t job, struct held *held);

/* Gives the rest of what was gathered to message, for as long as nothing else is called on output. */
void output_rest(struct output *output, Gavea__Worker__V1__Output *message);

/* What was lost to limits goes to the log, and everything is forgotten. sent: the rest has reached the host.
 */
void output_end(struct output *output, bool sent);

/* Sends what an earlier open() said. */
void output_send_held(struct output *output, struct held *held);

/* Sends or holds all that is gathered but the newest item, which may still get attributes. */
void output_flush(struct output *output);

/* The calls of the SDK; see plugin.h. */
struct gavea_item *output_item(
	struct output *output, const char *name, int status, const char *format, va_list args) _printf_(4, 0);
void output_item_attribute(struct gavea_item *item, const char *name, const char *value);
int output_series(struct output *output, const char *name, int type, const char *unit, const char *help,
	const struct gavea_pair *labels, size_t label_count);
void output_sample(struct output *output, int series, double value);
void output_histogram(struct output *output, int series, double sum, uint64_t zero_count, int32_t first,
	const uint64_t *buckets, size_t bucket_count);
void output_event(struct output *output, const char *kind, int status, const char *summary,
	const struct gavea_pair *attributes, size_t attribute_count);
struct gavea_span *output_span_begin(
	struct output *output, const struct gavea_span *parent, const char *name);
/* One whose identity and beginning were kept elsewhere, since it outlasts this job. trace has TRACE_ID_BYTES, id and
 * parent (NULL: none) eight. */
struct gavea_span *output_span_at(struct output *output, const uint8_t *trace, const uint8_t *id,
	const uint8_t *parent, const char *name, int64_t start_ns);
void output_span_attribute(struct gavea_span *span, const char *name, const char *value);
void output_span_end(struct gavea_span *span, int error);

/* Adds a span that was measured elsewhere; its contents are copied. Nothing happens when there is no room. */
struct journal_span;
void output_span_whole(struct output *output, const struct journal_span *span);

#endif
