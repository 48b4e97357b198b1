/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/update.h"

#include "fleet/internal.h"
#include "wire/convert.h"

#include <math.h>

#define WITHIN_DEFAULT_MS 60000u
#define WITHIN_MIN_MS 500u
#define WITHIN_MAX_MS 86400000u
#define GRACE_MIN_MS 2000
#define CONFLICT_LASTS_MS 600000
#define LATE_MAX_MS 3600000

/* Room for a run that was late, and for the way here. */
static void extend_check(const struct host *host, struct model_check *check, struct model_time now)
{
	uint64_t limit = (uint64_t)INT64_MAX / 8;

	check->overdue_after_mono_ms = now.mono_ms + 2 * (int64_t)MIN(check->every_ms, limit) +
		(int64_t)MIN(check->timeout_ms, limit) + host->public.next_within_ms + GRACE_MIN_MS;
}

void update_lock(struct model *model)
{
	pthread_rwlock_wrlock(&model->lock);
}

void update_unlock(struct model *model)
{
	pthread_rwlock_unlock(&model->lock);
}

static int set_item(struct model_item *item, const Gavea__V1__Item *from)
{
	int r = text_set(&item->name, from->name);

	if (r == 0)
		r = text_set(&item->summary, from->summary);
	if (r < 0)
		return r;
	item->status = status_from_wire(from->status);
	(void)labels_set(&item->attributes, &item->attribute_count, from->attributes, from->n_attributes);
	return 0;
}

static void free_items(struct model_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(items[i].name);
		free(items[i].summary);
		labels_free(items[i].attributes, items[i].attribute_count);
	}
	free(items);
}

static size_t item_size(const Gavea__V1__Item *item)
{
	size_t size = sizeof(struct model_item) + strlen(item->name) + strlen(item->summary);

	for (size_t i = 0; i < item->n_attributes; i++)
		size += sizeof(struct model_label) + strlen(item->attributes[i]->key) +
			strlen(item->attributes[i]->value);
	return size;
}

/* As many as are kept: the others are told as left out. */
static size_t count_items(const Gavea__V1__Result *result)
{
	size_t count = 0, size = 0;

	while (count < result->n_items && count < MODEL_ITEMS_MAX) {
		size += item_size(result->items[count]);
		if (size > MODEL_ITEM_BYTES_MAX)
			break;
		count++;
	}
	return count;
}

/* Mostly the same as in the run before: what is equal is not allocated again. */
static void set_items(struct model_check *check, const Gavea__V1__Result *result)
{
	size_t count = count_items(result);

	if (count != check->item_count) {
		free_items(check->items, check->item_count);
		check->items = count ? calloc(count, sizeof *check->items) : NULL;
		check->item_count = check->items ? count : 0;
	}
	for (size_t i = 0; i < check->item_count; i++)
		if (set_item(&check->items[i], result->items[i]) < 0) {
			for (size_t j = i; j < check->item_count; j++) {
				free(check->items[j].name);
				free(check->items[j].summary);
				labels_free(check->items[j].attributes, check->items[j].attribute_count);
			}
			check->item_count = i;
			break;
		}
	check->items_left_out = (size_t)result->items_left_out + result->n_items - check->item_count;
}

void set_result(struct model_check *check, const Gavea__V1__Result *result, int64_t received_ms)
{
	check->has_result = true;
	check->status = status_from_wire(result->status);
	check->state = status_from_wire(result->state);
	check->attempt = result->attempt;
	check->flapping = result->flapping;
	check->since_ms = result->state_since_ms;
	check->started_ms = result->started_at_ms;
	check->duration_us = result->duration_us;
	check->received_ms = received_ms;
	(void)text_set(&check->summary, result->summary);
	set_items(check, result);
}

static void set_rate(struct model_series *series, double before, double after, int64_t time_ms)
{
	double seconds = (double)(time_ms - series->time_ms) / 1000;

	series->rate = NAN;
	if (series->time_ms == 0 || seconds <= 0 || !isfinite(before) || !isfinite(after))
		return;
	series->rate = (after >= before ? after - before : after) / seconds; /* it began again at 0 */
}

/* History that arrives late does not replace what is newer; but what is newer than the report itself was measured by a
 * clock that has been set back since. */
static bool is_late(const struct model_series *series, int64_t time_ms, int64_t sent_ms)
{
	return time_ms < series->time_ms && series->time_ms <= sent_ms;
}

static void apply_value(struct series *series, double value, int64_t time_ms, int64_t sent_ms)
{
	struct model_series *public = &series->public;

	if (isnan(value) || is_late(public, time_ms, sent_ms))
		return;
	if (public->type == GAVEA_COUNTER)
		set_rate(public, public->value, value, time_ms);
	public->value = value;
	public->time_ms = time_ms;
}

static void apply_histogram(
	struct series *series, const Gavea__V1__Histogram *histogram, int64_t time_ms, int64_t sent_ms)
{
	struct model_series *public = &series->public;
	uint64_t count = histogram->zero_count;

	if (is_late(public, time_ms, sent_ms))
		return;
	for (size_t i = 0; i < histogram->n_buckets; i++)
		if (__builtin_add_overflow(count, histogram->buckets[i], &count))
			count = UINT64_MAX;
	set_rate(public, (double)public->count, (double)count, time_ms);
	public->value = isnan(histogram->sum) ? public->value : histogram->sum;
	public->count = count;
	public->time_ms = time_ms;
}

/* Where numbers go while a report is applied. */
struct target {
	struct model *model;
	struct host *host;
	struct source *source;
	const Gavea__V1__Report *report;
	int64_t received_ms;
	struct model_time now;
};

static int64_t sent_ms_of(const struct target *t)
{
	return t->report->sent_at_ms > 0 ? t->report->sent_at_ms : t->received_ms;
}

/* Of one spool what comes later is newer, whatever clocks say. An older one that is delivered after it (a disk that works
 * again, a backlog that had to wait for what is fresh) is history. */
static bool is_history(const struct target *t, const struct model_check *check, int64_t time_ms)
{
	return check->has_result && time_ms > 0 && time_ms < check->started_ms &&
		check->started_ms <= sent_ms_of(t) &&
		strncmp(check->spool, t->report->spool_id, sizeof check->spool - 1) != 0;
}

static void apply_result(const struct target *t, const Gavea__V1__Result *result)
{
	struct model_check *check = numbers_get(&t->source->checks, result->check);

	if (!check || check == &t->model->dropped_check || is_history(t, check, result->started_at_ms))
		return;
	set_result(check, result, t->received_ms);
	memcpy(check->spool, t->report->spool_id, sizeof check->spool - 1);
	extend_check(t->host, check, t->now);
}

static void apply_samples(const struct target *t, const Gavea__V1__Samples *samples, int64_t time_ms)
{
	int64_t sent_ms = sent_ms_of(t), age;
	uint32_t number = 0, plots = 0;

	for (size_t i = 0; i < samples->n_series; i++) {
		struct series *series;

		number += (uint32_t)samples->series[i];
		series = numbers_get(&t->source->series, number);
		if (!series || series == &t->model->dropped_series)
			continue;
		apply_value(series, samples->values[i], time_ms, sent_ms);
		plots |= series->numerator | series->denominator;
	}
	for (size_t i = 0; i < samples->n_histograms; i++) {
		struct series *series = numbers_get(&t->source->series, samples->histograms[i]->series);

		if (series && series != &t->model->dropped_series)
			apply_histogram(series, samples->histograms[i], time_ms, sent_ms);
	}
	if (!plots)
		return;
	/* By the agent's clock we only know how long ago it was. */
	age = t->report->sent_at_ms > 0 ? t->report->sent_at_ms - time_ms : 0;
	age = MAX((int64_t)0, MIN(age, (int64_t)LATE_MAX_MS));
	plots_compute(&t->model->plots, &t->host->plots, plots, time_ms, t->received_ms - age);
}

static void apply_declaration(const struct target *t, const Gavea__V1__Record *record)
{
	if (record->body_case == GAVEA__V1__RECORD__BODY_CHECK) {
		struct model_check *check = declare_check(t->model, t->host, record->check);

		if (!check || numbers_set(&t->source->checks, record->check->number, check) < 0)
			t->model->starved++;
		if (check && !check->has_result)
			extend_check(t->host, check, t->now);
	} else if (record->body_case == GAVEA__V1__RECORD__BODY_SERIES) {
		const struct model_check *check = numbers_get(&t->source->checks, record->series->check);
		struct series *series = declare_series(t->model, t->host, record->series, check);

		if (!series || numbers_set(&t->source->series, record->series->number, series) < 0)
			t->model->starved++;
	}
}

static void apply_record(const struct target *t, const Gavea__V1__Record *record)
{
	struct model_check *check;

	switch (record->body_case) {
	case GAVEA__V1__RECORD__BODY_SAMPLES:
		apply_samples(t, record->samples, record->time_ms);
		break;
	case GAVEA__V1__RECORD__BODY_RESULT:
		apply_result(t, record->result);
		break;
	case GAVEA__V1__RECORD__BODY_CHECK_GONE:
		check = numbers_get(&t->source->checks, record->check_gone->check);
		if (check && check != &t->model->dropped_check && !is_history(t, check, record->time_ms))
			remove_check(t->host, check);
		break;
	default:
		break; /* events and spans are the store's; losses are told as events */
	}
}

static struct source *apply_source(
	struct host *host, const Gavea__V1__Report *report, const char *address, int64_t received_ms)
{
	struct source *source = source_find(host, report->spool_id);

	if (!source)
		source = source_add(host, report->spool_id);
	if (!source)
		return NULL;
	if (source->stream != report->stream)
		source_begin_stream(source, report->stream);
	source->last_seen_ms = received_ms;
	(void)text_set(&source->machine_id, report->agent->machine_id);
	(void)text_set(&source->boot_id, report->agent->boot_id);
	(void)text_set(&source->address, address);
	return source;
}

static void mark_alive(struct host *host, int64_t received_ms, struct model_time now)
{
	struct model_host *public = &host->public;

	if (public->liveness != MODEL_LIVE || public->last_seen_ms == 0) {
		public->liveness = MODEL_LIVE;
		public->liveness_since_ms = received_ms;
	}
	public->last_seen_ms = received_ms;
	public->deadline_mono_ms = now.mono_ms + host_patience_ms(host);
}

static void apply_head(struct model *model, struct host *host, const Gavea__V1__Report *report,
	const char *address, int64_t received_ms)
{
	struct model_host *public = &host->public;
	uint32_t within = report->next_within_ms ? report->next_within_ms : WITHIN_DEFAULT_MS;

	(void)host_rename(model, host, report->agent->name);
	(void)text_set(&public->version, report->agent->version);
	(void)text_set(&public->address, address);
	(void)text_set(&public->machine_id, report->agent->machine_id);
	(void)labels_set(
		&public->labels, &public->label_count, report->agent->labels, report->agent->n_labels);
	public->next_within_ms = MAX(WITHIN_MIN_MS, MIN(within, WITHIN_MAX_MS));
	public->skew_ms = report->sent_at_ms > 0 ? report->sent_at_ms - received_ms : 0;
	public->reports++;
}

struct host *update_apply(struct model *model, const Gavea__V1__Report *report, const char *address,
	int64_t received_ms, struct model_time now)
{
	struct host *host = host_get(model, report->agent_id);
	struct source *source = host ? source_find(host, report->spool_id) : NULL;
	const struct source *other;
	struct target target;

	if (!host)
		host = host_add(model, report->agent_id, report->agent->name);
	if (!host) {
		model->starved++;
		return NULL;
	}
	if (host->public.first_seen_ms == 0)
		host->public.first_seen_ms = received_ms;
	if (source && source_returned(host, source, received_ms, &other)) {
		host->public.conflict = true;
		host->conflict_ms = received_ms;
	}
	apply_head(model, host, report, address, received_ms);
	mark_alive(host, received_ms, now);
	source = apply_source(host, report, address, received_ms);
	if (!source) {
		model->starved++;
		return host;
	}
	target = (struct target){model, host, source, report, received_ms, now};
	for (size_t i = 0; i < report->n_declarations; i++)
		apply_declaration(&target, report->declarations[i]);
	for (size_t i = 0; i < report->n_records; i++) {
		const Gavea__V1__Record *record = report->records[i];

		apply_declaration(&target, record);
		if (record->seq <= source->last_seq)
			continue;
		apply_record(&target, record);
		source->last_seq = record->seq;
	}
	host_touch(model, host);
	return host;
}

void update_alive(struct model *model, struct host *host, struct model_time now)
{
	bool lost = host->public.liveness == MODEL_LOST;

	mark_alive(host, now.unix_ms, now);
	if (lost)
		host_touch(model, host);
}

bool update_lose(struct model *model, struct host *host, struct model_time now)
{
	if (host->public.liveness == MODEL_LOST || now.mono_ms <= host->public.deadline_mono_ms)
		return false;
	host->public.liveness = MODEL_LOST;
	host->public.liveness_since_ms = now.unix_ms;
	host_touch(model, host);
	return true;
}

void update_extend(struct model *model, struct model_time now)
{
	for (size_t i = 0; i < model->host_count; i++) {
		struct host *host = model->hosts[i];

		host->public.deadline_mono_ms = now.mono_ms + host_patience_ms(host);
		for (size_t j = 0; j < host->public.check_count; j++)
			extend_check(host, host->public.checks[j], now);
	}
}

void update_tick(struct model *model, struct model_time last, struct model_time now)
{
	for (size_t i = 0; i < model->host_count; i++) {
		struct host *host = model->hosts[i];
		bool changed = false;

		if (host->public.conflict && now.unix_ms - host->conflict_ms > CONFLICT_LASTS_MS) {
			host->public.conflict = false;
			changed = true;
		}
		for (size_t j = 0; j < host->public.check_count; j++) {
			const struct model_check *check = host->public.checks[j];

			changed |= model_check_overdue(&host->public, check, now) &&
				!model_check_overdue(&host->public, check, last);
		}
		if (changed)
			host_touch(model, host);
	}
}
