/* SPDX-License-Identifier: Apache-2.0 */
#include "records.h"

#include "base/clock.h"
#include "numbers.h"
#include "proto/report.pb-c.h"
#include "text.h"

#include <errno.h>

#define KEPT_STREAM UINT64_MAX
#define LABELS_MAX 64u
#define BUCKETS_IN_MAX 65536u

struct records {
	struct picture *picture;
	uint64_t stream;
	struct numbers series, checks;
	struct series left_out_series; /* stands for those that are not shown */
	struct check left_out_check;
	enum change change;
	bool keeping; /* records are of an earlier life */
};

/* What one record is applied with. */
struct context {
	struct records *records;
	bool complete;
	int64_t time_ms; /* of the record */
	int64_t born; /* the same on CLOCK_BOOTTIME */
};

int records_new(struct picture *picture, struct records **ret_records)
{
	struct records *records = calloc(1, sizeof(*records));

	if (!records)
		return -ENOMEM;
	records->picture = picture;
	*ret_records = records;
	return 0;
}

void records_free(struct records *records)
{
	if (!records)
		return;
	numbers_done(&records->series);
	numbers_done(&records->checks);
	free(records);
}

void records_set_stream(struct records *records, uint64_t stream)
{
	if (records->stream == stream)
		return;
	records->stream = stream;
	numbers_reset(&records->series);
	numbers_reset(&records->checks);
	picture_lock(records->picture);
	memset(records->picture->left_out, 0, sizeof(records->picture->left_out));
	picture_unlock(records->picture);
}

/* A real stream has a random number; this one is not met again. */
void records_begin_kept(struct records *records)
{
	records_set_stream(records, KEPT_STREAM);
	records->keeping = true;
}

void records_end_kept(struct records *records)
{
	records->keeping = false;
	records->change = CHANGE_NONE;
}

enum change records_take_change(struct records *records)
{
	enum change change = records->change;

	records->change = CHANGE_NONE;
	return change;
}

/* ---- Declarations ---- */

static char *check_labels(const Gavea__V1__Check *message)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < message->n_labels && i < LABELS_MAX; i++) {
		_cleanup_buf_ struct buf name = BUF_INIT;

		text_add_label_name(&name, message->labels[i]->key);
		if (streq(buf_str(&name), "check"))
			continue;
		if (out.size > 0)
			buf_add_char(&out, ',');
		text_add_label(&out, buf_str(&name), message->labels[i]->value);
	}
	buf_add(&out, "", 0);
	return buf_take(&out);
}

static int apply_check(const struct context *context, const Gavea__V1__Check *message)
{
	struct records *records = context->records;
	struct check *check = *message->name ? picture_check(records->picture, message->name) : NULL;
	char *labels;

	if (!check)
		return numbers_set(&records->checks, message->number, &records->left_out_check);
	labels = check_labels(message);
	if (!labels)
		return -ENOMEM;
	free(check->labels);
	check->labels = labels;
	check->every_ms = message->every_ms;
	check->kept = records->keeping;
	return numbers_set(&records->checks, message->number, check);
}

static int to_type(Gavea__V1__SampleType type)
{
	switch (type) {
	case GAVEA__V1__SAMPLE_TYPE__GAUGE:
		return GAVEA_GAUGE;
	case GAVEA__V1__SAMPLE_TYPE__COUNTER:
		return GAVEA_COUNTER;
	case GAVEA__V1__SAMPLE_TYPE__HISTOGRAM:
		return GAVEA_HISTOGRAM;
	default:
		return 0;
	}
}

/* The check of that number, NULL for one that is not shown; -ENOENT: not declared yet. */
static int find_check(const struct context *context, uint32_t number, struct check **ret_check)
{
	struct records *records = context->records;
	struct check *check = numbers_get(&records->checks, number);
	int r = 0;

	if (!check && !context->complete)
		return -ENOENT;
	if (!check) /* it won't come: it need not be looked for again */
		r = numbers_set(&records->checks, number, &records->left_out_check);
	*ret_check = !check || check == &records->left_out_check || check->gone ? NULL : check;
	return r;
}

static int declare_series(const struct context *context, const Gavea__V1__Series *message,
	struct check *check, struct series **ret_series)
{
	struct gavea_pair labels[LABELS_MAX];
	struct declaration declaration = {
		.name = message->name,
		.type = to_type(message->type),
		.unit = message->unit,
		.help = message->help,
		.labels = labels,
		.label_count = message->n_labels,
	};

	if (message->n_labels > LABELS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < message->n_labels; i++)
		labels[i] = (struct gavea_pair){message->labels[i]->key, message->labels[i]->value};
	return picture_series(context->records->picture, check, &declaration, ret_series);
}

static int apply_series(const struct context *context, const Gavea__V1__Series *message)
{
	struct records *records = context->records;
	struct series *series = NULL;
	struct check *check;
	int r = find_check(context, message->check, &check);

	if (r < 0)
		return r;
	if (check)
		r = declare_series(context, message, check, &series);
	if (r == -ENOMEM)
		return r;
	if (series && series->time_ms == INT64_MIN)
		series->born = context->born;
	return numbers_set(
		&records->series, message->number, r == 0 && series ? series : &records->left_out_series);
}

static int apply_check_gone(const struct context *context, const Gavea__V1__CheckGone *message)
{
	struct check *check;
	int r = find_check(context, message->check, &check);

	if (r < 0 || !check)
		return r;
	picture_check_gone(context->records->picture, check);
	context->records->change = CHANGE_MORE;
	return 0;
}

/* ---- Samples ---- */

static int look_for(const struct context *context, uint32_t number)
{
	struct records *records = context->records;

	if (numbers_get(&records->series, number))
		return 0;
	return context->complete ? numbers_set(&records->series, number, &records->left_out_series) : -ENOENT;
}

/* -ENOENT: the record names a series that is not declared yet. */
static int look_for_all(const struct context *context, const Gavea__V1__Samples *message)
{
	uint32_t number = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < message->n_series; i++) {
		number += (uint32_t)message->series[i];
		r = look_for(context, number);
	}
	for (size_t i = 0; r == 0 && i < message->n_histograms; i++)
		r = look_for(context, message->histograms[i]->series);
	return r;
}

static struct series *series_of(const struct context *context, uint32_t number, const struct check *check)
{
	struct series *series = numbers_get(&context->records->series, number);

	return series && series != &context->records->left_out_series && series->check == check ? series
												: NULL;
}

static void sampled(const struct context *context, struct series *series)
{
	series->time_ms = context->time_ms;
	series->born = context->born;
}

static int apply_histogram(
	const struct context *context, const Gavea__V1__Histogram *message, const struct check *check)
{
	struct series *series = series_of(context, message->series, check);

	if (!series || series->family->type != GAVEA_HISTOGRAM || message->n_buckets > BUCKETS_IN_MAX)
		return 0;
	if (!series->buckets)
		series->buckets = malloc(sizeof(*series->buckets));
	if (!series->buckets)
		return -ENOMEM;
	buckets_fill(series->buckets, series->family->unit, message->sum, message->zero_count, message->first,
		message->buckets, message->n_buckets);
	sampled(context, series);
	return 0;
}

static int apply_samples(const struct context *context, const Gavea__V1__Samples *message)
{
	struct check *check;
	uint32_t number = 0;
	int r = find_check(context, message->check, &check);

	if (r < 0 || !check)
		return r;
	if (message->n_series != message->n_values)
		return -EBADMSG;
	r = look_for_all(context, message);
	if (r < 0)
		return r;
	for (size_t i = 0; i < message->n_series; i++) {
		struct series *series;

		number += (uint32_t)message->series[i];
		series = series_of(context, number, check);
		if (!series || series->family->type == GAVEA_HISTOGRAM)
			continue;
		series->value = message->values[i];
		sampled(context, series);
	}
	for (size_t i = 0; r == 0 && i < message->n_histograms; i++)
		r = apply_histogram(context, message->histograms[i], check);
	check->sampled_ms = context->time_ms;
	if (check->every_ms > (uint64_t)(RECORDS_SELDOM / NSEC_PER_MSEC))
		context->records->change = CHANGE_MORE;
	return r;
}

/* ---- Results, events, losses ---- */

static enum gavea_status to_status(Gavea__V1__Status status)
{
	switch (status) {
	case GAVEA__V1__STATUS__OK:
		return GAVEA_OK;
	case GAVEA__V1__STATUS__WARNING:
		return GAVEA_WARNING;
	case GAVEA__V1__STATUS__CRITICAL:
		return GAVEA_CRITICAL;
	default:
		return GAVEA_UNKNOWN;
	}
}

static int apply_result(const struct context *context, const Gavea__V1__Result *message)
{
	enum gavea_status state = to_status(message->state);
	struct check *check;
	int r = find_check(context, message->check, &check);

	if (r < 0 || !check)
		return r;
	if (check->judged && check->state != (int)state)
		check->changes++;
	if (!check->judged || check->state != (int)state)
		context->records->change = MAX(context->records->change, CHANGE_STATE);
	check->judged = true;
	check->state = (int)state;
	check->flapping = message->flapping;
	check->started_ms = message->started_at_ms;
	check->since_ms = message->state_since_ms;
	check->born = context->born;
	check->duration_us = message->duration_us;
	check->items_left_out = message->items_left_out;
	memset(check->items, 0, sizeof(check->items));
	for (size_t i = 0; i < message->n_items; i++)
		check->items[to_status(message->items[i]->status)]++;
	return 0;
}

static void apply_loss(struct picture *picture, const Gavea__V1__Loss *message)
{
	picture->dropped_samples += message->samples;
	picture->dropped_results += message->results;
	picture->dropped_events += message->events;
}

/* ---- A record ---- */

static int apply_body(const struct context *context, const Gavea__V1__Record *record)
{
	struct picture *picture = context->records->picture;

	switch (record->body_case) {
	case GAVEA__V1__RECORD__BODY_CHECK:
		return apply_check(context, record->check);
	case GAVEA__V1__RECORD__BODY_SERIES:
		return apply_series(context, record->series);
	case GAVEA__V1__RECORD__BODY_SAMPLES:
		return apply_samples(context, record->samples);
	case GAVEA__V1__RECORD__BODY_RESULT:
		return apply_result(context, record->result);
	case GAVEA__V1__RECORD__BODY_CHECK_GONE:
		return apply_check_gone(context, record->check_gone);
	case GAVEA__V1__RECORD__BODY_EVENT:
		picture_event(picture, record->event->kind);
		return 0;
	case GAVEA__V1__RECORD__BODY_LOSS:
		apply_loss(picture, record->loss);
		return 0;
	default: /* spans, and kinds of later versions */
		return 0;
	}
}

/* How long ago it was, by the wall clock; a record from the future is of now. */
static int64_t born(int64_t time_ms, int64_t wall_ms, int64_t boot_ns)
{
	int64_t most = INT64_MAX / 2 / NSEC_PER_MSEC, age;

	if (time_ms >= wall_ms)
		return boot_ns;
	if (__builtin_sub_overflow(wall_ms, time_ms, &age) || age > most)
		age = most;
	return boot_ns - age * NSEC_PER_MSEC;
}

int records_apply(struct records *records, const void *bytes, size_t size, bool complete, int64_t wall_ms,
	int64_t boot_ns)
{
	Gavea__V1__Record *record = gavea__v1__record__unpack(NULL, size, bytes);
	struct context context = {.records = records, .complete = complete};
	int r = -EBADMSG;

	picture_lock(records->picture);
	if (record) {
		context.time_ms = record->time_ms;
		context.born = born(record->time_ms, wall_ms, boot_ns);
		r = apply_body(&context, record);
		records->picture->generation++;
	}
	if (r == -EBADMSG)
		records->picture->damaged++;
	picture_unlock(records->picture);
	if (record)
		gavea__v1__record__free_unpacked(record, NULL);
	return r;
}

/* ---- Sweeping ---- */

static bool series_ends(const void *thing)
{
	return ((const struct series *)thing)->dead;
}

static bool check_ends(const void *thing)
{
	return ((const struct check *)thing)->gone;
}

void records_sweep(struct records *records, int64_t boot_ns)
{
	picture_lock(records->picture);
	if (picture_mark(records->picture, boot_ns) > 0) {
		numbers_forget(&records->series, series_ends);
		numbers_forget(&records->checks, check_ends);
		picture_sweep(records->picture);
	}
	picture_unlock(records->picture);
}
