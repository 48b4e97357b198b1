/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/status.h"
#include "core/manager/collect.h"
#include "core/manager/schedule.h"
#include "core/manager/series_map.h"
#include "wire/convert.h"

#include <errno.h>
#include <stdio.h>

struct check {
	const struct check_env *env;
	const struct config_check *config;
	bool runs; /* else it is there for commands only */
	struct worker *worker;
	struct series_map *map;
	struct subject subject;
	struct gavea_pair *labels;

	int64_t offset; /* of the schedule's grid */
	int64_t next_due; /* CLOCK_BOOTTIME */
	sd_event_source *timer;
	struct worker_job job;
	bool running; /* the job is submitted */
	bool turned_away; /* the last due time found the worker in a pause */
	double progress;
	char *progress_what;

	struct collect collect; /* what the running job said so far */
	struct verdict verdict;
	Gavea__V1__Result *result; /* the last one */

	void (*answered)(struct check *check, void *userdata); /* someone waits for the next result */
	void *answered_userdata;
};

static void end_run(struct check *check, Gavea__V1__Result *result);

/* ---- Results ---- */

static int64_t elapsed_us(const struct check *check)
{
	return check->job.sent_ns ? (clock_ns(CLOCK_MONOTONIC) - check->job.sent_ns) / NSEC_PER_USEC : 0;
}

/* unknown, because the agent itself says so. */
static void end_with_cause(struct check *check, const char *cause)
{
	Gavea__V1__Result *result = collect_cause(&check->collect, cause);

	if (!result) {
		log_error("%s: result lost: out of memory", check->config->name);
		check->running = false;
		return;
	}
	result->started_at_ms = check->job.sent_ms ? check->job.sent_ms : clock_unix_ms();
	result->duration_us = (uint64_t)elapsed_us(check);
	end_run(check, result);
}

static void note_change(struct check *check, const struct verdict_change *change, const char *summary)
{
	struct gavea_pair attributes[] = {
		{"from", status_name(change->from)}, {"to", status_name(check->verdict.state)}};

	if (change->flapping)
		recorder_note(check->env->recorder, &check->subject,
			check->verdict.flapping ? "flapping-began" : "flapping-ended",
			check->verdict.flapping ? GAVEA_WARNING : GAVEA_OK, NULL, 0, "%s",
			check->verdict.flapping
				? "its state changes too often; changes are not told until it is steady"
				: "its state is steady again");
	if (change->state && !check->verdict.flapping)
		recorder_note(check->env->recorder, &check->subject, "state", check->verdict.state,
			attributes, ARRAY_SIZE(attributes), "%s", summary);
}

/* Takes the result in, records it, and keeps it. */
static void end_run(struct check *check, Gavea__V1__Result *result)
{
	enum gavea_status status = status_from_wire(result->status);
	bool was_known = check->verdict.known;
	struct verdict_change change =
		verdict_take(&check->verdict, status, check->config->attempts, clock_unix_ms());

	result->state = status_to_wire((int)check->verdict.state);
	result->attempt = check->verdict.attempt;
	result->flapping = check->verdict.flapping;
	result->state_since_ms = check->verdict.since_ms;
	recorder_result(check->env->recorder, &check->subject, result, change.state);
	/* A check that starts and is well is no news. */
	if (was_known || check->verdict.state != GAVEA_OK)
		note_change(check, &change, result->summary);
	if (check->result)
		gavea__v1__result__free_unpacked(check->result, NULL);
	check->result = result;
	check->running = false;
	check->progress = -1;
	free(TAKE_PTR(check->progress_what));
	if (check->env->changed)
		check->env->changed(check, check->env->userdata);
	if (check->answered) {
		void (*answered)(struct check *, void *) = TAKE_PTR(check->answered);

		answered(check, check->answered_userdata);
	}
}

/* ---- Running ---- */

static void run(struct check *check)
{
	char cause[256], text[32];

	if (check->running)
		return;
	collect_reset(&check->collect);
	check->job = (struct worker_job){
		.kind = JOB_RUN,
		.check = check->subject.number,
		.timeout = check->config->timeout,
		.userdata = check,
	};
	check->progress = -1;
	check->running = true;
	check->turned_away = false;
	if (worker_submit(check->worker, &check->job) == 0)
		return;
	check->turned_away = true;
	snprintf(cause, sizeof cause, "not run: %s; next try in %s", worker_cause(check->worker),
		format_duration_rough(text, worker_resumes_in(check->worker)));
	end_with_cause(check, cause);
}

static void arm(struct check *check)
{
	sd_event_source_set_time(check->timer, (uint64_t)(check->next_due / NSEC_PER_USEC));
	sd_event_source_set_enabled(check->timer, SD_EVENT_ONESHOT);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct check *check = userdata;

	(void)source;
	(void)usec;
	/* A run that takes longer than its interval makes the next one late, not twofold. */
	run(check);
	check->next_due = schedule_next(clock_ns(CLOCK_BOOTTIME), check->config->every, check->offset);
	arm(check);
	return 0;
}

void check_start(struct check *check)
{
	int64_t now = clock_ns(CLOCK_BOOTTIME);

	check->next_due = 0;
	sd_event_source_set_enabled(check->timer, SD_EVENT_OFF);
	if (!check->runs)
		return;
	run(check);
	check->next_due = schedule_after_first(now, check->config->every, check->offset);
	arm(check);
}

void check_available(struct check *check)
{
	if (check->turned_away)
		run(check);
}

int check_run_now(struct check *check, void (*answered)(struct check *check, void *userdata), void *userdata)
{
	if (!check->runs)
		return -EOPNOTSUPP;
	if (check->answered)
		return -EBUSY;
	check->answered = answered;
	check->answered_userdata = userdata;
	run(check);
	return 0;
}

void check_stop_waiting(struct check *check, void *userdata)
{
	if (check->answered_userdata == userdata)
		check->answered = NULL;
}

/* ---- The worker's side ---- */

void check_said(struct check *check, Gavea__Worker__V1__Output *output)
{
	struct recorder *recorder = check->env->recorder;

	for (size_t i = 0; i < output->n_events; i++)
		recorder_event(recorder, &check->subject, output->events[i]);
	for (size_t i = 0; i < output->n_spans; i++)
		recorder_span(recorder, &check->subject, output->spans[i]);
}

void check_output(struct check *check, Gavea__Worker__V1__Output *output)
{
	struct recorder *recorder = check->env->recorder;

	check_said(check, output);
	collect_items(&check->collect, output);
	if (series_map_declare(check->map, recorder_catalog(recorder), check->subject.number, output) < 0) {
		collect_complain(&check->collect, "declared a series that is not valid");
		return;
	}
	if (!output->samples || (output->samples->n_series == 0 && output->samples->n_histograms == 0))
		return;
	if (series_map_translate(
		    check->map, recorder_catalog(recorder), check->subject.number, output->samples) < 0) {
		collect_complain(&check->collect, "sent samples of series that it had not declared");
		return;
	}
	recorder_samples(recorder, &check->subject, output->samples, check->job.sent_ms);
}

void check_done(struct check *check, Gavea__Worker__V1__Done *done)
{
	Gavea__V1__Result *result = collect_result(&check->collect, done);

	if (!result) {
		log_error("%s: result lost: out of memory", check->config->name);
		check->running = false;
		return;
	}
	result->started_at_ms = check->job.sent_ms;
	result->duration_us = (uint64_t)elapsed_us(check);
	end_run(check, result);
}

void check_lost(struct check *check, const char *cause)
{
	end_with_cause(check, cause);
}

void check_progress(struct check *check, double done, const char *what)
{
	check->progress = done;
	free(check->progress_what);
	check->progress_what = strdup(what);
	if (check->env->changed)
		check->env->changed(check, check->env->userdata);
}

void check_use_map(struct check *check, struct series_map *map)
{
	check->map = map;
}

/* ---- Life ---- */

static int make_labels(struct check *check)
{
	struct gavea_pair *labels = calloc(check->config->label_count + 1, sizeof *labels);

	/* The old ones point into a configuration that goes. */
	free(TAKE_PTR(check->labels));
	check->subject.labels = NULL;
	check->subject.label_count = 0;
	if (!labels)
		return -ENOMEM;
	for (size_t i = 0; i < check->config->label_count; i++)
		labels[i] =
			(struct gavea_pair){check->config->labels[i].name, check->config->labels[i].value};
	check->labels = labels;
	check->subject.labels = labels;
	check->subject.label_count = check->config->label_count;
	return 0;
}

static int apply_config(struct check *check)
{
	int r = make_labels(check), s;

	check->subject.name = check->config->name;
	check->subject.every_ms = (uint64_t)(check->config->every / NSEC_PER_MSEC);
	check->subject.timeout_ms = (uint64_t)(check->config->timeout / NSEC_PER_MSEC);
	check->offset = schedule_offset(check->env->agent_id, check->config->name, check->config->every);
	s = worker_add_check(check->worker, check->subject.number, check->config);
	return r < 0 ? r : s;
}

int check_new(const struct check_env *env, uint32_t number, const struct config_check *config, bool runs,
	struct worker *worker, struct check **ret_check)
{
	_cleanup_(check_freep) struct check *check = calloc(1, sizeof *check);
	int r;

	if (!check)
		return -ENOMEM;
	check->env = env;
	check->config = config;
	check->runs = runs;
	check->worker = worker;
	check->subject.number = number;
	check->progress = -1;
	r = apply_config(check);
	if (r < 0)
		return r;
	r = sd_event_add_time(env->event, &check->timer, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_due, check);
	if (r < 0)
		return r;
	sd_event_source_set_enabled(check->timer, SD_EVENT_OFF);
	*ret_check = TAKE_PTR(check);
	return 0;
}

void check_free(struct check *check)
{
	if (!check)
		return;
	if (check->running)
		worker_withdraw(check->worker, &check->job);
	sd_event_source_disable_unref(check->timer);
	collect_reset(&check->collect);
	if (check->result)
		gavea__v1__result__free_unpacked(check->result, NULL);
	free(check->progress_what);
	free(check->labels);
	free(check);
}

void check_set_config(
	struct check *check, const struct config_check *config, bool runs, struct worker *worker)
{
	bool changed = check->config->fingerprint != config->fingerprint || check->worker != worker;
	bool interrupted = changed && check->running;

	if (interrupted) {
		worker_withdraw(check->worker, &check->job);
		check->running = false;
	}
	check->config = config;
	check->runs = runs;
	check->worker = worker;
	if (apply_config(check) < 0)
		log_error("%s: out of memory", config->name);
	if (!changed)
		return;
	check->subject.declared_in = 0;
	check_start(check);
}

void check_gone(struct check *check)
{
	recorder_check_gone(check->env->recorder, &check->subject);
	if (check->running) {
		worker_withdraw(check->worker, &check->job);
		check->running = false;
	}
	worker_remove_check(check->worker, check->subject.number);
}

void check_restore(struct check *check, Gavea__V1__Result *result)
{
	check->verdict.known = true;
	check->verdict.state = status_from_wire(result->state);
	check->verdict.attempt = result->attempt;
	check->verdict.since_ms = result->state_since_ms;
	check->result = result;
}

/* ---- For status ---- */

const char *check_name(const struct check *check)
{
	return check->config->name;
}

uint32_t check_number(const struct check *check)
{
	return check->subject.number;
}

const struct subject *check_subject(const struct check *check)
{
	return &check->subject;
}

const struct config_check *check_config(const struct check *check)
{
	return check->config;
}

const Gavea__V1__Result *check_result(const struct check *check)
{
	return check->result;
}

void check_describe(const struct check *check, Gavea__Control__V1__CheckStatus *ret_status)
{
	int64_t wait = check->next_due - clock_ns(CLOCK_BOOTTIME);

	gavea__control__v1__check_status__init(ret_status);
	ret_status->name = (char *)check->config->name;
	ret_status->result = check->result;
	ret_status->every_ms = check->subject.every_ms;
	ret_status->next_run_ms = check->next_due ? clock_unix_ms() + wait / NSEC_PER_MSEC : 0;
	ret_status->running = check->running;
	ret_status->progress = check->progress;
	if (check->progress_what)
		ret_status->progress_what = check->progress_what;
}
