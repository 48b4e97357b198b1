/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/writer_internal.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>

#define TICK_MS 250

struct writer *writer_new(struct model *model, struct store *store, struct metrics *metrics,
	const struct writer_settings *settings)
{
	struct writer *writer = calloc(1, sizeof *writer);
	pthread_condattr_t attributes;

	if (!writer)
		return NULL;
	writer->scratch = update_scratch_new();
	if (!writer->scratch) {
		free(writer);
		return NULL;
	}
	writer->model = model;
	writer->store = store;
	writer->metrics = metrics;
	writer->settings = *settings;
	writer->last = &writer->first;
	writer->last_dirty = &writer->first_dirty;
	writer->next_log_id = 1;
	pthread_mutex_init(&writer->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	return writer;
}

bool writer_healthy(struct writer *writer, struct buf *ret_reason)
{
	bool healthy;

	pthread_mutex_lock(&writer->mutex);
	healthy = !writer->failure;
	if (!healthy)
		buf_add_str(ret_reason, writer->failure);
	pthread_mutex_unlock(&writer->mutex);
	return healthy;
}

static bool has_room(const struct writer *writer, size_t size, size_t memory)
{
	size_t reports = writer_share(writer->settings.queue_reports, size);
	size_t bytes = writer_share(writer->settings.queue_bytes, size);

	/* What is larger than the whole queue gets in when there is nobody else. */
	return writer->waiting == 0 || (writer->waiting < reports && writer->waiting_bytes + memory <= bytes);
}

bool writer_has_room(struct writer *writer, size_t size)
{
	bool room;

	pthread_mutex_lock(&writer->mutex);
	room = has_room(writer, size, size);
	pthread_mutex_unlock(&writer->mutex);
	return room;
}

int writer_submit(struct writer *writer, struct job *job)
{
	size_t bytes = job->arena.total + job->size;
	int r = 0;

	job->next = NULL;
	pthread_mutex_lock(&writer->mutex);
	if (writer->stopping) {
		r = -ESHUTDOWN;
	} else if (!has_room(writer, job->size, bytes)) {
		r = -EAGAIN;
	} else {
		if (!writer->first)
			pthread_cond_signal(&writer->wake);
		*writer->last = job;
		writer->last = &job->next;
		writer->waiting_bytes += bytes;
		writer->waiting++;
	}
	writer->metrics->queue_reports = writer->waiting;
	writer->metrics->queue_bytes = writer->waiting_bytes;
	pthread_mutex_unlock(&writer->mutex);
	return r;
}

int writer_forget(struct writer *writer, struct writer_forget *forget)
{
	int r = 0;

	pthread_mutex_lock(&writer->mutex);
	if (writer->stopping) {
		r = -ESHUTDOWN;
	} else {
		forget->next = writer->forgets;
		writer->forgets = forget;
		pthread_cond_signal(&writer->wake);
	}
	pthread_mutex_unlock(&writer->mutex);
	return r;
}

/* Waits for jobs, a tick at most, and takes up to BATCH_MAX of them. They count as waiting until they are answered: of a
 * host that sends many at a time each batch leaves all but one for later. */
static struct job *take(
	struct writer *writer, bool wait, struct writer_forget **ret_forgets, bool *ret_stopping)
{
	int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + TICK_MS * NSEC_PER_MSEC;
	struct timespec until = {.tv_sec = until_ns / NSEC_PER_SEC, .tv_nsec = until_ns % NSEC_PER_SEC};
	struct job *jobs, *last = NULL;
	size_t count = 0;

	pthread_mutex_lock(&writer->mutex);
	while (wait && !writer->first && !writer->forgets && !writer->stopping)
		if (pthread_cond_timedwait(&writer->wake, &writer->mutex, &until) == ETIMEDOUT)
			break;
	jobs = writer->first;
	for (struct job *job = jobs; job && count < BATCH_MAX; job = job->next, count++)
		last = job;
	if (last) {
		writer->first = last->next;
		last->next = NULL;
	}
	if (!writer->first)
		writer->last = &writer->first;
	*ret_forgets = TAKE_PTR(writer->forgets);
	*ret_stopping = writer->stopping;
	pthread_mutex_unlock(&writer->mutex);
	return jobs;
}

static void watch_deadlines(struct writer *writer, struct model_time now)
{
	struct model *model = writer->model;
	char rough[32];

	update_lock(model);
	update_tick(model, writer->last_tick, now);
	for (size_t i = 0; i < model->host_count; i++) {
		struct host *host = model->hosts[i];

		if (!update_lose(model, host, now))
			continue;
		writer_mark_dirty(writer, host, writer->next_log_id++, now.mono_ms);
		writer_add_event(writer, &host->public, "host-lost", GAVEA_CRITICAL, now.unix_ms,
			"silent for %s, though it announced a report every %" PRIu32 " ms",
			format_duration_rough(
				rough, (now.unix_ms - host->public.last_seen_ms) * NSEC_PER_MSEC),
			host->public.next_within_ms);
	}
	update_unlock(model);
}

static void save_everything(struct writer *writer)
{
	while (writer->first_dirty) {
		const struct host *before = writer->first_dirty;

		batch_run(writer, NULL, model_time_now(), true);
		if (writer->first_dirty == before)
			return; /* it can't be written; the log has it */
	}
}

static void *run(void *userdata)
{
	struct writer *writer = userdata;
	struct job *later = NULL;

	writer->last_tick = writer->last_trim = model_time_now();
	for (;;) {
		bool stopping, tick;
		struct writer_forget *forgets;
		struct job *jobs = take(writer, !later, &forgets, &stopping);
		struct model_time now = model_time_now();

		forget_run(writer, forgets);
		if (later) {
			struct job *last = later;

			while (last->next)
				last = last->next;
			last->next = jobs;
			jobs = later;
		}
		if (!jobs && stopping)
			break;
		tick = now.mono_ms - writer->last_tick.mono_ms >= TICK_MS;
		if (tick)
			watch_deadlines(writer, now);
		writer_take_notes(writer);
		later = batch_run(writer, jobs, now, false);
		if (tick) {
			writer->last_tick = now;
			model_notify(writer->model);
		}
	}
	save_everything(writer);
	return NULL;
}

int writer_start(struct writer *writer)
{
	int r = -pthread_create(&writer->thread, NULL, run, writer);

	writer->runs = r == 0;
	return r;
}

void writer_free(struct writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->mutex);
	writer->stopping = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->mutex);
	if (writer->runs)
		pthread_join(writer->thread, NULL);
	for (size_t i = 0; i < writer->event_count; i++) {
		free(writer->events[i].host);
		free(writer->events[i].summary);
	}
	free(writer->events);
	for (size_t i = 0; i < writer->note_count; i++) {
		free(writer->notes[i].host);
		free(writer->notes[i].summary);
	}
	free(writer->notes);
	buf_done(&writer->snapshot);
	buf_done(&writer->attributes);
	update_scratch_free(writer->scratch);
	free(writer->failure);
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->mutex);
	free(writer);
}
