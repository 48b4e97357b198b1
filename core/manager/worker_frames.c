/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from a worker. All of it is judged: a worker is only as good as the plugin in it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "core/manager/worker_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define JOB_MAX_BYTES (UINT64_C(16) << 20) /* of output of one job */
#define MEMORY_LOOK_EVERY (5 * NSEC_PER_SEC) /* between runs; during one it is looked at by a timer */
#define DEATH_LASTS (1 * NSEC_PER_SEC) /* between the end of its messages and its end */
#define LOG_BURST 100
#define LOG_PER_SECOND 20
#define UNASKED_MAX 100000 /* messages of one that has nothing to do */
#define LOG_FLOOD 100000 /* lines suppressed in a row: that is no log any more */

static void became_ready(struct worker *worker, Gavea__Worker__V1__Hello *hello)
{
	for (size_t i = 0; i < worker->sandbox_count; i++)
		free(worker->sandbox[i]);
	free(worker->sandbox);
	worker->sandbox = TAKE_PTR(hello->sandbox);
	worker->sandbox_count = hello->n_sandbox;
	hello->n_sandbox = 0;
	worker->state = WORKER_READY;
	worker->ready_at = clock_ns(CLOCK_MONOTONIC);
	worker_stop_timer(worker);
	worker->handler->ready(worker, worker->userdata);
	jobs_pump(worker);
	worker_watch_idle(worker);
}

static bool count_output(
	struct worker *worker, struct worker_job *job, const Gavea__Worker__V1__Output *output)
{
	char text[32];

	job->bytes += gavea__worker__v1__output__get_packed_size(output);
	if (job->bytes <= JOB_MAX_BYTES)
		return true;
	worker_kill(worker, job, "flood: more than %s from one run", format_size(text, JOB_MAX_BYTES));
	return false;
}

static void handle_output(struct worker *worker, Gavea__Worker__V1__Output *output)
{
	struct worker_job *job = jobs_find(worker, output->job);

	/* The job may have been withdrawn meanwhile. */
	if (!job || job->cancelled || !count_output(worker, job, output))
		return;
	worker->handler->output(worker, job, output, worker->userdata);
}

static void watch_files(struct worker *worker, struct worker_job *job, uint32_t open_files)
{
	uint32_t limit = worker->plugin->rights->open_files ? worker->plugin->rights->open_files : 256;

	if (open_files > limit - limit / 4)
		worker_kill(worker, job, "file descriptor leak: %" PRIu32 " of %" PRIu32 " are open",
			open_files, limit);
}

static void handle_done(struct worker *worker, Gavea__Worker__V1__Done *done)
{
	struct worker_job *job = jobs_find(worker, done->job);

	if (!job)
		return;
	if (done->output) {
		done->output->job = done->job;
		handle_output(worker, done->output);
		if (worker->state != WORKER_READY)
			return; /* it was ended for that */
	}
	jobs_finish(worker, job, done);
	if (worker->state != WORKER_READY)
		return;
	watch_files(worker, NULL, done->open_files);
	if (clock_ns(CLOCK_MONOTONIC) - worker->memory_seen_at > MEMORY_LOOK_EVERY)
		worker_watch_memory(worker);
	jobs_pump(worker);
	worker_watch_idle(worker);
}

static bool may_log(struct worker *worker)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	int64_t seconds = (now - worker->log_refill_at) / NSEC_PER_SEC;

	if (seconds > 0) {
		worker->log_tokens = (unsigned)MIN(
			worker->log_tokens + (uint64_t)seconds * LOG_PER_SECOND, (uint64_t)LOG_BURST);
		worker->log_refill_at = now;
	}
	if (worker->log_tokens == 0) {
		worker->log_suppressed++;
		return false;
	}
	worker->log_tokens--;
	if (worker->log_suppressed) {
		log_warning("%s: %u log lines suppressed", worker->plugin->name, worker->log_suppressed);
		worker->log_suppressed = 0;
	}
	return true;
}

/* With what it can be found by. */
static void write_log(const struct worker *worker, const Gavea__Worker__V1__Log *log, int level,
	const struct config_check *check)
{
	const char *name = check ? check->name : worker->plugin->name;
	char pid[16], trace[33] = "";
	const struct log_field fields[] = {
		{"GAVEA_PLUGIN", worker->plugin->name},
		{"GAVEA_CHECK", check ? check->name : NULL},
		{"GAVEA_WORKER_PID", pid},
		{"TRACE_ID", trace},
	};

	snprintf(pid, sizeof pid, "%d", worker->link ? (int)link_pid(worker->link) : 0);
	for (size_t i = 0; log->trace_id.len == 16 && i < 16; i++)
		snprintf(trace + 2 * i, 3, "%02x", log->trace_id.data[i]);
	log_line_with(level, fields, ARRAY_SIZE(fields), "%s: %s", name, log->text);
}

static void handle_log(struct worker *worker, const Gavea__Worker__V1__Log *log)
{
	const struct config_check *check = NULL;
	int level = (int)MIN(MAX(log->level, (uint32_t)LOG_LEVEL_ERROR), (uint32_t)LOG_LEVEL_DEBUG);

	for (size_t i = 0; i < worker->check_count; i++)
		if (worker->checks[i].number == log->check)
			check = worker->checks[i].config;
	if (may_log(worker))
		write_log(worker, log, level, check);
	else if (worker->log_suppressed > LOG_FLOOD)
		worker_kill(worker, worker->running_count == 1 ? worker->running : NULL,
			"flood: %u log lines", worker->log_suppressed);
}

static void handle_progress(struct worker *worker, const Gavea__Worker__V1__Progress *progress)
{
	struct worker_job *job = jobs_find(worker, progress->job);

	if (job)
		worker->handler->progress(worker, job, progress->done, progress->what, worker->userdata);
}

static void handle_message(struct worker *worker, Gavea__Worker__V1__FromWorker *message)
{
	bool ready = worker->state == WORKER_READY;

	switch (message->body_case) {
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_HELLO:
		if (worker->state != WORKER_STARTING)
			break;
		became_ready(worker, message->hello);
		return;
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_REFUSED:
		if (worker->state != WORKER_STARTING)
			break;
		worker_kill(worker, NULL, "%s", message->refused->error);
		return;
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_LOG:
		handle_log(worker, message->log);
		return;
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_OPENED:
		if (!ready)
			break;
		jobs_opened(worker, message->opened);
		return;
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_CLOSED:
		return;
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_OUTPUT:
		if (!ready)
			break;
		handle_output(worker, message->output);
		return;
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE:
		if (!ready)
			break;
		handle_done(worker, message->done);
		return;
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_PROGRESS:
		handle_progress(worker, message->progress);
		return;
	default:
		break;
	}
	worker_kill(worker, NULL, "it sent a message out of turn");
}

/* It closed its end. Its death follows, or is brought about: until then there is nothing to read. */
static void fell_silent(struct worker *worker)
{
	worker_want_output(worker, false);
	if (worker->io)
		sd_event_source_set_enabled(worker->io, SD_EVENT_OFF);
	if (worker->state == WORKER_READY && !worker->silent) {
		worker->silent = true;
		worker_set_timer(worker, DEATH_LASTS);
	}
}

void frames_dispatch(struct worker *worker, unsigned limit)
{
	for (unsigned i = 0; i < limit && worker->link && !worker->killed; i++) {
		Gavea__Worker__V1__FromWorker *message;
		int r = link_receive(worker->link, &message);

		if (r == -EAGAIN)
			return;
		if (r == 0) {
			fell_silent(worker);
			return;
		}
		if (r < 0) {
			worker_kill(worker, NULL, "it sent a malformed frame");
			return;
		}
		handle_message(worker, message);
		gavea__worker__v1__from_worker__free_unpacked(message, NULL);
		if (!worker->running && ++worker->unasked > UNASKED_MAX)
			worker_kill(worker, NULL, "flood: %u messages without a job", worker->unasked);
	}
}
