/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/writer_internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "fleet/snapshot.h"
#include "wire/convert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define SNAPSHOTS_MAX 64 /* in one transaction */
/* What a start may have to replay of the log, so that it takes a second or two and no more. */
#define LOG_BYTES_MAX (UINT64_C(128) << 20)
#define LOG_REPORTS_MAX 32768
#define TRIM_EVERY_MS 1000
#define TRIM_EVENTS_EVERY_MS 10000
#define PROBE_EVERY_MS 1000

struct batch {
	struct job *jobs;
	struct job *fresh[BATCH_MAX]; /* of hosts that are not known yet */
	size_t fresh_count;
	struct job *later, **later_end;
	size_t events_before; /* that waited when it began */
	size_t stored_events, stored_spans;
	size_t snapshots;
	bool save_all;
	struct model_time now;
};

static bool must_wait(const struct writer *writer, struct batch *batch, const struct job *job)
{
	const char *id = job->report->agent_id;
	const struct host *host = host_get(writer->model, id);

	if (host)
		return host->batch == writer->batch;
	for (size_t i = 0; i < batch->fresh_count; i++)
		if (streq(batch->fresh[i]->report->agent_id, id))
			return true;
	return batch->fresh_count == BATCH_MAX;
}

/* Only one report of a host in a transaction: each is judged against what the one before it left. */
static void judge_jobs(struct writer *writer, struct batch *batch, struct job *jobs)
{
	struct job **end = &batch->jobs;

	while (jobs) {
		struct job *job = jobs;

		jobs = job->next;
		job->next = NULL;
		if (must_wait(writer, batch, job)) {
			*batch->later_end = job;
			batch->later_end = &job->next;
			continue;
		}
		update_judge(writer->model, job->report, job->received_ms, writer->scratch, &job->plan);
		if (job->plan.host)
			job->plan.host->batch = writer->batch;
		else
			batch->fresh[batch->fresh_count++] = job;
		*end = job;
		end = &job->next;
	}
}

/* What we see ourselves in a report that will be taken. */
static void note_events(struct writer *writer, const struct batch *batch)
{
	for (const struct job *job = batch->jobs; job; job = job->next) {
		const struct update_plan *plan = &job->plan;
		const struct model_host *host = plan->host ? &plan->host->public : NULL;
		char rough[32];

		if (!host)
			continue;
		if (plan->comes_back)
			writer_add_event(writer, host, "host-back", GAVEA_OK, job->received_ms,
				"reports again after %s",
				format_duration_rough(rough,
					MAX(0, job->received_ms - host->last_seen_ms) * NSEC_PER_MSEC));
		if (plan->conflict_begins)
			writer_add_event(writer, host, "duplicate-agent-id", GAVEA_WARNING, job->received_ms,
				"two agents use this id: machine %s at %s, and machine %s at %s; remove the "
				"agent id "
				"from the copy's state directory",
				*job->report->agent->machine_id ? job->report->agent->machine_id : "unknown",
				job->address, *plan->other_machine_id ? plan->other_machine_id : "unknown",
				plan->other_address);
	}
}

static void write_attributes(struct buf *out, Gavea__V1__Event__AttributesEntry *const *entries, size_t count)
{
	struct json json;

	buf_reset(out);
	json_init(&json, out);
	json_object_begin(&json);
	for (size_t i = 0; i < count; i++)
		json_kv_string(&json, entries[i]->key, entries[i]->value);
	json_object_end(&json);
}

static int store_event_record(
	struct writer *writer, const struct job *job, const Gavea__V1__Record *record, struct error *error)
{
	const Gavea__V1__Event *event = record->event;
	struct store_event row = {
		.agent_id = job->report->agent_id,
		.host = job->report->agent->name,
		.received_ms = job->received_ms,
		.time_ms = record->time_ms,
		.kind = event->kind,
		.check = update_check_name(job->plan.host, job->report, event->check),
		.status = status_from_wire(event->status),
		.summary = event->summary,
	};

	write_attributes(&writer->attributes, event->attributes, event->n_attributes);
	row.attributes = buf_str(&writer->attributes);
	return store_add_event(writer->store, &row, error);
}

static int store_loss_record(
	struct writer *writer, const struct job *job, const Gavea__V1__Record *record, struct error *error)
{
	const Gavea__V1__Loss *loss = record->loss;
	_cleanup_buf_ struct buf summary = BUF_INIT;
	struct store_event row = {
		.agent_id = job->report->agent_id,
		.host = job->report->agent->name,
		.received_ms = job->received_ms,
		.time_ms = record->time_ms,
		.kind = "loss",
		.check = "",
		.status = GAVEA_WARNING,
		.attributes = "{}",
	};

	buf_printf(&summary, "lost %" PRIu64 " samples, %" PRIu64 " results and %" PRIu64 " events%s%s",
		loss->samples, loss->results, loss->events, *loss->reason ? ": " : "", loss->reason);
	row.summary = buf_str(&summary);
	return store_add_event(writer->store, &row, error);
}

static int store_span_record(
	struct writer *writer, const struct job *job, const Gavea__V1__Record *record, struct error *error)
{
	const Gavea__V1__Span *span = record->span;
	struct store_span row = {
		.has_parent = span->parent_span_id.len > 0,
		.agent_id = job->report->agent_id,
		.host = job->report->agent->name,
		.check = update_check_name(job->plan.host, job->report, span->check),
		.name = span->name,
		.received_ms = job->received_ms,
		.start_us = span->start_us,
		.duration_us = span->end_us - span->start_us,
		.error = span->error,
	};

	memcpy(row.trace_id, span->trace_id.data, sizeof row.trace_id);
	memcpy(row.span_id, span->span_id.data, sizeof row.span_id);
	if (row.has_parent)
		memcpy(row.parent_id, span->parent_span_id.data, sizeof row.parent_id);
	/* All pairs have this form. */
	write_attributes(&writer->attributes, (Gavea__V1__Event__AttributesEntry *const *)span->attributes,
		span->n_attributes);
	row.attributes = buf_str(&writer->attributes);
	return store_add_span(writer->store, &row, error);
}

static int store_job(struct writer *writer, struct batch *batch, struct job *job, struct error *error)
{
	struct store_report row = {
		.id = writer->next_log_id,
		.received_ms = job->received_ms,
		.address = job->address,
		.encoding = report_encoding_name(job->encoding),
		.body = job->body,
		.size = job->size,
	};
	int r = store_add_report(writer->store, &row, error);

	job->log_id = writer->next_log_id++;
	writer->log_bytes += job->size;
	for (size_t i = 0; i < job->report->n_records && r == 0; i++) {
		const Gavea__V1__Record *record = job->report->records[i];

		if (record->seq <= job->plan.last_seq)
			continue;
		if (record->body_case == GAVEA__V1__RECORD__BODY_SPAN) {
			r = store_span_record(writer, job, record, error);
			batch->stored_spans++;
			continue;
		}
		if (record->body_case == GAVEA__V1__RECORD__BODY_EVENT)
			r = store_event_record(writer, job, record, error);
		else if (record->body_case == GAVEA__V1__RECORD__BODY_LOSS)
			r = store_loss_record(writer, job, record, error);
		else
			continue;
		batch->stored_events++;
	}
	return r;
}

static int store_own_events(struct writer *writer, struct batch *batch, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < writer->event_count && r == 0; i++) {
		const struct own_event *event = &writer->events[i];
		struct store_event row = {
			.agent_id = event->agent_id,
			.host = event->host,
			.received_ms = event->time_ms,
			.time_ms = event->time_ms,
			.kind = event->kind,
			.check = "",
			.status = event->status,
			.summary = event->summary,
			.attributes = "{}",
		};

		r = store_add_event(writer->store, &row, error);
		batch->stored_events++;
	}
	return r;
}

static bool snapshot_due(const struct writer *writer, const struct batch *batch, const struct host *host)
{
	return batch->save_all ||
		batch->now.mono_ms - host->dirty_since_ms >= writer->settings.snapshot_every_ms ||
		writer->log_bytes - host->first_log_bytes > LOG_BYTES_MAX ||
		writer->next_log_id - host->first_log_id > LOG_REPORTS_MAX;
}

static int store_snapshots(struct writer *writer, struct batch *batch, struct error *error)
{
	int r = 0;

	for (struct host *host = writer->first_dirty; host && r == 0; host = host->next_dirty) {
		if (!snapshot_due(writer, batch, host) || batch->snapshots >= SNAPSHOTS_MAX)
			break;
		buf_reset(&writer->snapshot);
		r = snapshot_encode(writer->model, host, &writer->snapshot);
		if (r < 0)
			return error_set(error, r, "can't make a snapshot: %s", strerror(-r));
		if (r > 0)
			log_warning("host %s: too large to be saved whole", host->public.name);
		r = store_put_host(writer->store, host->public.id, host->last_log_id,
			buf_str(&writer->snapshot), writer->snapshot.size, error);
		batch->snapshots++;
	}
	return r;
}

static uint64_t log_needed_from(const struct writer *writer)
{
	return writer->first_dirty ? writer->first_dirty->first_log_id : writer->next_log_id;
}

/* What snapshots of earlier transactions have replaced. */
static int trim(struct writer *writer, const struct batch *batch, struct error *error)
{
	uint64_t needed = log_needed_from(writer);
	int r = 0;

	if (needed > writer->trimmed_to + 1024 ||
		(needed > writer->trimmed_to &&
			batch->now.mono_ms - writer->last_tick.mono_ms >= TRIM_EVERY_MS)) {
		r = store_trim_reports(writer->store, needed, error);
		writer->trimmed_to = MIN(needed, writer->trimmed_to + 4096);
	}
	if (r == 0 && batch->now.mono_ms - writer->last_trim.mono_ms >= TRIM_EVENTS_EVERY_MS) {
		r = store_trim_events(writer->store, batch->now.unix_ms - writer->settings.events_keep_ms,
			writer->settings.events_max, error);
		if (r == 0)
			r = store_trim_spans(writer->store,
				batch->now.unix_ms - writer->settings.events_keep_ms,
				writer->settings.spans_max, error);
		writer->last_trim = batch->now;
	}
	return r;
}

static bool has_new(const struct batch *batch)
{
	for (const struct job *job = batch->jobs; job; job = job->next)
		if (job->plan.verdict == UPDATE_NEW)
			return true;
	return false;
}

static bool anything_to_write(const struct writer *writer, const struct batch *batch)
{
	return has_new(batch) || writer->event_count > 0 ||
		(writer->first_dirty && snapshot_due(writer, batch, writer->first_dirty)) ||
		log_needed_from(writer) > writer->trimmed_to + 1024 ||
		batch->now.mono_ms - writer->last_trim.mono_ms >= TRIM_EVENTS_EVERY_MS;
}

static int write_all(struct writer *writer, struct batch *batch, struct error *error)
{
	int64_t begin = clock_ns(CLOCK_MONOTONIC);
	int r = store_begin(writer->store, error);

	if (r == 0 && writer->failure)
		r = store_probe(writer->store, error);
	for (struct job *job = batch->jobs; job && r == 0; job = job->next)
		if (job->plan.verdict == UPDATE_NEW)
			r = store_job(writer, batch, job, error);
	if (r == 0)
		r = store_own_events(writer, batch, error);
	if (r == 0)
		r = store_snapshots(writer, batch, error);
	if (r == 0)
		r = trim(writer, batch, error);
	if (r == 0)
		r = store_commit(writer->store, error);
	if (r < 0)
		store_rollback(writer->store);
	else
		metrics_count_commit(writer->metrics, clock_ns(CLOCK_MONOTONIC) - begin);
	return r;
}

static void drop_events(struct writer *writer)
{
	for (size_t i = 0; i < writer->event_count; i++) {
		free(writer->events[i].host);
		free(writer->events[i].summary);
	}
	writer->event_count = 0;
}

/* After a failure. That a host is back stays true and is not seen again; a conflict will be. */
static void drop_conflicts(struct writer *writer, size_t from)
{
	size_t kept = from;

	for (size_t i = from; i < writer->event_count; i++) {
		struct own_event *event = &writer->events[i];

		if (event->again) {
			free(event->host);
			free(event->summary);
		} else {
			writer->events[kept++] = *event;
		}
	}
	writer->event_count = kept;
}

static void pop_saved(struct writer *writer, size_t count)
{
	for (; count > 0; count--) {
		struct host *host = writer->first_dirty;

		writer->first_dirty = host->next_dirty;
		if (!writer->first_dirty)
			writer->last_dirty = &writer->first_dirty;
		host->next_dirty = NULL;
		host->first_log_id = 0;
	}
}

static void apply_job(struct writer *writer, const struct batch *batch, struct job *job, bool written)
{
	struct host *host = job->plan.host;

	switch (job->plan.verdict) {
	case UPDATE_NEW:
		if (written) {
			host = update_apply(
				writer->model, job->report, job->address, job->received_ms, batch->now);
			if (host)
				writer_mark_dirty(writer, host, job->log_id, batch->now.mono_ms);
			break;
		}
		/* fallthrough */
	case UPDATE_NEED_DECLARATIONS:
		if (host)
			update_alive(writer->model, host, batch->now);
		break;
	case UPDATE_KNOWN:
		update_apply(writer->model, job->report, job->address, job->received_ms, batch->now);
		break;
	case UPDATE_TOO_MANY_HOSTS:
		break;
	}
}

static void answer(struct writer *writer, struct job *job, int r, const char *failure)
{
	uint64_t acked = job->plan.acked_seq;

	switch (job->plan.verdict) {
	case UPDATE_NEW:
		if (r < 0) {
			job->done(job, METRICS_STORE_FAILED, 0, failure);
			return;
		}
		writer->metrics->records += job->report->n_records;
		job->done(job, METRICS_ACCEPTED, acked, NULL);
		return;
	case UPDATE_KNOWN:
		job->done(job, METRICS_KNOWN, acked, NULL);
		return;
	case UPDATE_NEED_DECLARATIONS:
		job->done(job, METRICS_NEED_DECLARATIONS, job->plan.last_seq,
			"the report refers to series or checks that were not declared to this server");
		return;
	case UPDATE_TOO_MANY_HOSTS:
	default:
		job->done(job, METRICS_TOO_MANY_HOSTS, 0, "this server has as many hosts as it can hold");
	}
}

static void finish(struct writer *writer, struct batch *batch, int r, const char *failure)
{
	size_t count = 0, bytes = 0;
	struct job *next;

	if (r == 0) {
		drop_events(writer);
		writer->metrics->events += batch->stored_events;
		writer->metrics->spans += batch->stored_spans;
		pop_saved(writer, batch->snapshots);
	} else {
		drop_conflicts(writer, batch->events_before);
	}
	if (batch->jobs) {
		uint64_t starved = writer->model->starved;

		update_lock(writer->model);
		for (struct job *job = batch->jobs; job; job = job->next)
			apply_job(writer, batch, job, r == 0);
		update_unlock(writer->model);
		if (writer->model->starved > starved)
			log_error("out of memory: not all that was stored is shown; agents are asked for "
				  "declarations "
				  "again");
	}
	for (const struct job *job = batch->jobs; job; job = job->next, count++)
		bytes += job->arena.total + job->size;
	writer_release(writer, count, bytes);
	for (struct job *job = batch->jobs; job; job = next) {
		next = job->next;
		answer(writer, job, r, failure);
	}
}

struct job *batch_run(struct writer *writer, struct job *jobs, struct model_time now, bool save_all)
{
	struct batch batch = {.now = now, .save_all = save_all, .events_before = writer->event_count};
	_cleanup_error_ struct error error = ERROR_INIT;
	bool probe = writer->failure && now.mono_ms - writer->last_probe.mono_ms >= PROBE_EVERY_MS;
	int r = 0;

	batch.later_end = &batch.later;
	writer->batch++;
	judge_jobs(writer, &batch, jobs);
	note_events(writer, &batch);
	if (anything_to_write(writer, &batch) || probe) {
		r = write_all(writer, &batch, &error);
		writer->last_probe = now;
		writer_set_failure(writer, r < 0 ? error_text(&error, r) : NULL);
	}
	finish(writer, &batch, r, r < 0 ? error_text(&error, r) : NULL);
	return batch.later;
}
