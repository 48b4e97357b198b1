/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/output.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "core/manager/backoff.h"
#include "core/manager/collect.h"

#include <inttypes.h>
#include <stdio.h>

#define BATCH_MAX_BYTES ((size_t)256 << 10)
#define URGENT_GAP (200 * NSEC_PER_MSEC) /* urgent records within so long go together */
#define BATCH_FACTS 3
#define PRESENT_EVERY \
	(10 * NSEC_PER_SEC) /* while a backlog is worked off, and when the output itself comes no rarer */

struct output {
	const struct output_env *env;
	const struct config_check *config;
	struct worker *worker;
	struct subject subject;
	struct spool_cursor *cursor;

	sd_event_source *timer;
	int64_t next; /* CLOCK_MONOTONIC: of the next delivery */
	struct worker_job job;
	bool delivering;
	bool failing; /* the last try failed: nothing hurries it */
	bool stopping; /* what there is goes out without a pause */
	struct backoff backoff;
	struct spool_batch batch;
	Gavea__Worker__V1__Fact **facts;
	Gavea__Worker__V1__Fact spool_id, interval, known_seq;
	char interval_text[24], known_seq_text[24];
	bool probing; /* the batch is empty: to hear how far the receiver is */
	bool telling_present; /* the batch is not of the spool */
	int64_t present_told; /* CLOCK_MONOTONIC; 0: not yet */
	int64_t began; /* CLOCK_MONOTONIC: of the delivery */
	bool renewed; /* the spool's id, at the last try */

	int64_t last_success_ms;
	uint64_t batch_length; /* of the delivery that has ended, as far as it was of the spool's */
	char error[256];
};

static void schedule(struct output *output, int64_t in)
{
	output->next = clock_ns(CLOCK_MONOTONIC) + in;
	sd_event_source_set_time(output->timer, (uint64_t)(output->next / NSEC_PER_USEC));
	sd_event_source_set_enabled(output->timer, SD_EVENT_ONESHOT);
}

static void end_delivery(struct output *output)
{
	output->batch_length = output->batch.length;
	output->batch.fd = fd_close(output->batch.fd);
	output->delivering = false;
}

static void failed(struct output *output, const char *error, int64_t at_least)
{
	int64_t pause = backoff_after(&output->backoff, at_least);
	char text[32];

	if (!output->failing || !streq(output->error, error))
		log_warning("%s: %s; next try in %s", output->config->name, error,
			format_duration_rough(text, pause));
	if (!output->failing)
		recorder_note(output->env->recorder, &output->subject, "output-failing", GAVEA_WARNING, NULL,
			0, "%s", error);
	output->failing = true;
	snprintf(output->error, sizeof output->error, "%s", error);
	schedule(output, pause);
	if (output->env->changed)
		output->env->changed(output, output->env->userdata);
}

static void deliver(struct output *output);

/* When the next batch of a backlog may go: its bytes are spread over the time that they may take. */
static int64_t throttle(const struct output *output)
{
	uint64_t rate = output->env->backlog_rate, length = MIN(output->batch_length, (uint64_t)1 << 30);
	int64_t due;

	if (rate == 0)
		return 0;
	due = output->began + (int64_t)(length * (uint64_t)NSEC_PER_SEC / rate);
	return MAX((int64_t)0, due - clock_ns(CLOCK_MONOTONIC));
}

static void succeeded(struct output *output)
{
	uint64_t records, bytes;

	backoff_reset(&output->backoff);
	output->last_success_ms = clock_unix_ms();
	if (output->failing) {
		log_notice("%s: delivers again", output->config->name);
		recorder_note(output->env->recorder, &output->subject, "output-recovered", GAVEA_OK, NULL, 0,
			"delivers again");
	}
	output->failing = false;
	output->error[0] = 0;
	spool_behind(recorder_spool(output->env->recorder), output->cursor, &records, &bytes);
	/* More than a batch was waiting: go on with it. */
	if (output->stopping && records > 0)
		deliver(output);
	else
		schedule(output,
			output->batch_length > 0 && records > 0 ? throttle(output) : output->config->every);
	if (output->env->changed)
		output->env->changed(output, output->env->userdata);
}

static int make_facts(struct output *output);

/* Whether so much waits that a receiver would long see how things were before it sees how they are. */
static bool wants_present(struct output *output, struct spool *spool)
{
	int64_t every = MAX(PRESENT_EVERY, output->config->every);
	uint64_t records, bytes;

	if (!output->env->present || output->stopping)
		return false;
	if (output->present_told && clock_ns(CLOCK_MONOTONIC) - output->present_told < every)
		return false;
	spool_behind(spool, output->cursor, &records, &bytes);
	return bytes > BATCH_MAX_BYTES;
}

static int take_batch(struct output *output, struct spool *spool)
{
	spool_flush(spool);
	output->probing = output->cursor->unprobed;
	output->telling_present = false;
	if (output->probing)
		return spool_probe(spool, output->cursor, &output->batch);
	output->telling_present = wants_present(output, spool) &&
		output->env->present(&output->batch, output->env->userdata) == 0;
	if (output->telling_present && output->batch.length > 0)
		return 0;
	output->telling_present = false;
	return spool_read(spool, output->cursor, BATCH_MAX_BYTES, &output->batch);
}

static void deliver(struct output *output)
{
	struct spool *spool = recorder_spool(output->env->recorder);
	int r;

	if (output->delivering)
		return;
	if (!output->facts && make_facts(output) < 0) {
		failed(output, "out of memory", 0);
		return;
	}
	r = take_batch(output, spool);
	if (r < 0) {
		failed(output, strerror(-r), 0);
		return;
	}
	output->began = clock_ns(CLOCK_MONOTONIC);
	output->spool_id.value = output->batch.spool_id;
	snprintf(output->known_seq_text, sizeof output->known_seq_text, "%" PRIu64, output->batch.known_seq);
	output->job = (struct worker_job){
		.kind = JOB_DELIVER,
		.check = output->subject.number,
		.timeout = output->config->timeout,
		.userdata = output,
		.batch = &output->batch,
		.facts = output->facts,
		.fact_count = output->env->fact_count + BATCH_FACTS,
	};
	output->delivering = true;
	if (worker_submit(output->worker, &output->job) < 0) {
		end_delivery(output);
		failed(output, worker_cause(output->worker), worker_resumes_in(output->worker));
	}
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	deliver(userdata);
	return 0;
}

void output_urgent(struct output *output)
{
	int64_t soon = clock_ns(CLOCK_MONOTONIC) + URGENT_GAP;

	if (!output->delivering && !output->failing && output->next > soon)
		schedule(output, URGENT_GAP);
}

void output_last(struct output *output)
{
	output->stopping = true;
	if (!output->failing)
		deliver(output);
}

/* ---- The worker's side ---- */

void output_events(struct output *output, Gavea__Worker__V1__Output *events)
{
	for (size_t i = 0; i < events->n_events; i++)
		recorder_event(output->env->recorder, &output->subject, events->events[i]);
}

/* The receiver has more of this spool than was ever sent from here: this is an older copy of it, or there is another
 * one. What it is sent under this id from now on it may take for something that it has. */
static void renew_id(struct output *output, const char *reason)
{
	struct spool *spool = recorder_spool(output->env->recorder);
	int r = spool_renew_id(spool, output->cursor);

	output->renewed = true;
	log_warning("%s: %s", output->config->name, reason);
	if (r < 0) {
		failed(output, strerror(-r), 0);
		return;
	}
	recorder_note(output->env->recorder, &output->subject, "spool-rolled-back", GAVEA_WARNING, NULL, 0,
		"%s; the spool goes on under a new id", reason);
	schedule(output, URGENT_GAP);
}

static void present_done(struct output *output, Gavea__Worker__V1__Done *done)
{
	if (done->error) {
		failed(output, collect_reason(done), done->retry_after_ns);
		return;
	}
	output->present_told = clock_ns(CLOCK_MONOTONIC);
	deliver(output);
}

/* Before the first records of a run it was asked how far it is. That was a sign of life too. */
static void probed(struct output *output)
{
	struct spool *spool = recorder_spool(output->env->recorder);
	uint64_t records, bytes;

	spool_probed(spool, output->cursor);
	spool_behind(spool, output->cursor, &records, &bytes);
	if (records > 0 || spool_pending(spool))
		deliver(output);
	else
		succeeded(output);
}

void output_done(struct output *output, Gavea__Worker__V1__Done *done)
{
	bool renews = done->error == -ESTALE && !output->renewed;

	if (!output->telling_present)
		spool_acknowledge(recorder_spool(output->env->recorder), output->cursor, &output->batch,
			done->acknowledged_seq);
	end_delivery(output);
	if (output->telling_present) {
		present_done(output, done);
		return;
	}
	if (renews) {
		renew_id(output, collect_reason(done));
		return;
	}
	output->renewed = false;
	if (output->probing && !done->error) {
		probed(output);
		return;
	}
	if (done->error)
		failed(output, collect_reason(done), done->retry_after_ns);
	else
		succeeded(output);
}

void output_lost(struct output *output, const char *cause)
{
	end_delivery(output);
	failed(output, cause, 0);
}

/* ---- Life ---- */

static int apply_config(struct output *output)
{
	output->subject.name = output->config->name;
	output->subject.every_ms = (uint64_t)(output->config->every / NSEC_PER_MSEC);
	output->subject.timeout_ms = (uint64_t)(output->config->timeout / NSEC_PER_MSEC);
	snprintf(output->interval_text, sizeof output->interval_text, "%" PRIu64, output->subject.every_ms);
	return worker_add_check(output->worker, output->subject.number, output->config);
}

/* The agent's facts are others after a reload; the old ones are gone by then. A job that waits gets the new ones. */
static int make_facts(struct output *output)
{
	size_t count = output->env->fact_count;
	Gavea__Worker__V1__Fact **facts = calloc(count + BATCH_FACTS, sizeof *facts);

	free(TAKE_PTR(output->facts));
	output->job.facts = NULL;
	output->job.fact_count = 0;
	if (!facts)
		return -ENOMEM;
	output->facts = facts;
	output->job.facts = facts;
	output->job.fact_count = count + BATCH_FACTS;
	gavea__worker__v1__fact__init(&output->spool_id);
	gavea__worker__v1__fact__init(&output->interval);
	gavea__worker__v1__fact__init(&output->known_seq);
	output->known_seq.key = (char *)"known_seq";
	output->known_seq.value = output->known_seq_text;
	output->spool_id.key = (char *)"spool_id";
	output->interval.key = (char *)"interval_ms";
	output->interval.value = output->interval_text;
	memcpy(output->facts, output->env->facts, count * sizeof *output->facts);
	output->facts[count] = &output->spool_id;
	output->facts[count + 1] = &output->interval;
	output->facts[count + 2] = &output->known_seq;
	return 0;
}

/* The cursor's name is a file's: "fleet/default" -> "fleet.default". The name of a plugin has no dot, so no two run
 * into one. */
static int open_cursor(struct output *output)
{
	_cleanup_free_ char *name = strdup(output->config->name);

	if (!name)
		return -ENOMEM;
	for (char *c = name; *c; c++)
		if (*c == '/')
			*c = '.';
	return spool_cursor_open(recorder_spool(output->env->recorder), name, &output->cursor);
}

int output_new(const struct output_env *env, uint32_t number, const struct config_check *config,
	struct worker *worker, struct output **ret_output)
{
	_cleanup_(output_freep) struct output *output = calloc(1, sizeof *output);
	int r;

	if (!output)
		return -ENOMEM;
	output->env = env;
	output->config = config;
	output->worker = worker;
	output->subject.number = number;
	output->batch.fd = -EBADF;
	r = apply_config(output);
	if (r == 0)
		r = make_facts(output);
	if (r == 0)
		r = open_cursor(output);
	if (r == 0)
		r = sd_event_add_time(
			env->event, &output->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_timer, output);
	if (r < 0)
		return r;
	sd_event_source_set_enabled(output->timer, SD_EVENT_OFF);
	*ret_output = TAKE_PTR(output);
	return 0;
}

void output_free(struct output *output)
{
	if (!output)
		return;
	if (output->delivering)
		worker_withdraw(output->worker, &output->job);
	end_delivery(output);
	sd_event_source_disable_unref(output->timer);
	free(output->facts);
	free(output);
}

void output_start(struct output *output)
{
	schedule(output, URGENT_GAP);
}

void output_set_config(struct output *output, const struct config_check *config, struct worker *worker)
{
	bool changed = output->config->fingerprint != config->fingerprint || output->worker != worker;
	int r;

	if (changed && output->delivering) {
		worker_withdraw(output->worker, &output->job);
		end_delivery(output);
	}
	output->config = config;
	output->worker = worker;
	r = apply_config(output);
	if (make_facts(output) < 0 || r < 0)
		log_error("%s: out of memory", config->name);
	if (!changed)
		return;
	backoff_reset(&output->backoff);
	output->failing = false;
	schedule(output, URGENT_GAP);
}

void output_gone(struct output *output)
{
	if (output->delivering) {
		worker_withdraw(output->worker, &output->job);
		end_delivery(output);
	}
	worker_remove_check(output->worker, output->subject.number);
	spool_cursor_remove(recorder_spool(output->env->recorder), TAKE_PTR(output->cursor));
}

/* ---- For status ---- */

const char *output_name(const struct output *output)
{
	return output->config->name;
}

uint32_t output_number(const struct output *output)
{
	return output->subject.number;
}

const struct config_check *output_config(const struct output *output)
{
	return output->config;
}

bool output_busy(const struct output *output)
{
	return output->delivering;
}

void output_describe(const struct output *output, Gavea__Control__V1__OutputStatus *ret_status)
{
	int64_t wait = output->next - clock_ns(CLOCK_MONOTONIC);

	gavea__control__v1__output_status__init(ret_status);
	ret_status->name = (char *)output->config->name;
	ret_status->cursor_seq = output->cursor->seq;
	spool_behind(recorder_spool(output->env->recorder), output->cursor, &ret_status->behind_records,
		&ret_status->behind_bytes);
	ret_status->last_success_ms = output->last_success_ms;
	ret_status->next_try_ms = output->delivering ? 0 : clock_unix_ms() + wait / NSEC_PER_MSEC;
	ret_status->error = (char *)output->error;
	ret_status->lost_records = output->cursor->lost;
}
