/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs of a worker: queue, sending, deadlines, and how each one ends. */
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "core/manager/worker_internal.h"

#include <errno.h>
#include <stdio.h>

#define CANCEL_GRACE (2 * NSEC_PER_SEC)

/* ---- Lists ---- */

static void unlink_job(struct worker_job **list, struct worker_job *job)
{
	while (*list && *list != job)
		list = &(*list)->next;
	if (*list)
		*list = job->next;
	job->next = NULL;
}

static void push(struct worker_job **list, struct worker_job *job)
{
	while (*list)
		list = &(*list)->next;
	*list = job;
	job->next = NULL;
}

struct worker_job *jobs_find(struct worker *worker, uint64_t number)
{
	struct worker_job *job = worker->running;

	while (job && job->number != number)
		job = job->next;
	return job;
}

/* ---- Checks ---- */

static struct worker_check *find_check(struct worker *worker, uint32_t number)
{
	for (size_t i = 0; i < worker->check_count; i++)
		if (worker->checks[i].number == number)
			return &worker->checks[i];
	return NULL;
}

static void send_close(struct worker *worker, uint32_t number)
{
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;
	Gavea__Worker__V1__Close close = GAVEA__WORKER__V1__CLOSE__INIT;

	close.check = number;
	message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_CLOSE;
	message.close = &close;
	/* One that can't be sent leaves a little memory in the worker until it is let go. */
	if (worker->link)
		link_send(worker->link, &message, -1);
}

int worker_add_check(struct worker *worker, uint32_t number, const struct config_check *config)
{
	struct worker_check *check = find_check(worker, number);

	if (check) {
		if (check->opened && check->config->fingerprint != config->fingerprint) {
			send_close(worker, number);
			worker_check_forget(check);
		}
		check->config = config;
		return 0;
	}
	if (GROW(worker->checks, worker->check_count, worker->check_room) < 0)
		return -ENOMEM;
	worker->checks[worker->check_count++] = (struct worker_check){.number = number, .config = config};
	return 0;
}

void worker_remove_check(struct worker *worker, uint32_t number)
{
	struct worker_check *check = find_check(worker, number);

	if (!check)
		return;
	if (check->opened)
		send_close(worker, number);
	worker_check_forget(check);
	*check = worker->checks[--worker->check_count];
}

static int send_open(struct worker *worker, struct worker_check *check)
{
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;
	Gavea__Worker__V1__Open open = GAVEA__WORKER__V1__OPEN__INIT;
	int r;

	open.check = check->number;
	open.name = check->config->name;
	open.options = check->config->options;
	open.n_options = check->config->option_count;
	open.thresholds = check->config->thresholds;
	open.n_thresholds = check->config->threshold_count;
	message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_OPEN;
	message.open = &open;
	r = link_send(worker->link, &message, -1);
	if (r == 0)
		check->opened = true;
	return r;
}

/* ---- Sending ---- */

static void gather(struct worker *worker, const struct wants *wants, struct evidence *evidence)
{
	if (wants->count && worker->handler->evidence)
		worker->handler->evidence(worker, wants, evidence, worker->userdata);
}

static int send_job(
	struct worker *worker, const struct worker_check *check, struct worker_job *job, int64_t deadline)
{
	_cleanup_(evidence_done) struct evidence evidence = EVIDENCE_INIT;
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;
	Gavea__Worker__V1__Run run = GAVEA__WORKER__V1__RUN__INIT;
	Gavea__Worker__V1__Deliver deliver = GAVEA__WORKER__V1__DELIVER__INIT;
	Gavea__Worker__V1__Command command = GAVEA__WORKER__V1__COMMAND__INIT;
	int fd = -1;

	switch (job->kind) {
	case JOB_RUN:
		gather(worker, &check->wants, &evidence);
		run.evidence = evidence.list;
		run.n_evidence = evidence.count;
		run.check = job->check;
		run.job = job->number;
		run.deadline_ns = deadline;
		message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_RUN;
		message.run = &run;
		break;
	case JOB_DELIVER:
		deliver.check = job->check;
		deliver.job = job->number;
		deliver.deadline_ns = deadline;
		deliver.stream = job->batch->stream;
		deliver.offset = job->batch->offset;
		deliver.length = job->batch->length;
		deliver.first_seq = job->batch->first_seq;
		deliver.facts = job->facts;
		deliver.n_facts = job->fact_count;
		message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_DELIVER;
		message.deliver = &deliver;
		fd = job->batch->fd;
		break;
	case JOB_COMMAND:
		gather(worker, &check->wants, &evidence);
		command.evidence = evidence.list;
		command.n_evidence = evidence.count;
		command.check = job->check;
		command.job = job->number;
		command.deadline_ns = deadline;
		command.name = (char *)job->command;
		command.arguments = job->facts;
		command.n_arguments = job->fact_count;
		message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_COMMAND;
		message.command = &command;
		break;
	}
	return link_send(worker->link, &message, fd);
}

static void send_cancel(struct worker *worker, struct worker_job *job)
{
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;
	Gavea__Worker__V1__Cancel cancel = GAVEA__WORKER__V1__CANCEL__INIT;

	cancel.job = job->number;
	message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_CANCEL;
	message.cancel = &cancel;
	/* A worker that does not even read is ended when the grace is over. */
	if (worker->link)
		link_send(worker->link, &message, -1);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct worker_job *job = userdata;
	char text[32];

	(void)usec;
	if (!job->cancelled) {
		job->cancelled = true;
		send_cancel(job->worker, job);
		sd_event_source_set_time(
			source, (uint64_t)((clock_ns(CLOCK_MONOTONIC) + CANCEL_GRACE) / NSEC_PER_USEC));
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
		return 0;
	}
	worker_kill(job->worker, job, "no answer in %s", format_duration(text, job->timeout));
	return 0;
}

/* Only what has been opened says what it wants to know with its jobs; only actors may want something. */
static bool waits_for_opening(const struct worker *worker, const struct worker_job *job)
{
	return worker->plugin->description->n_commands > 0 && job->kind != JOB_DELIVER;
}

/* Opens the check if it needs to be, and sends. 0, or -EAGAIN when the worker takes nothing now. */
static int start_job(struct worker *worker, struct worker_job *job)
{
	struct worker_check *check = find_check(worker, job->check);
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	bool waits;
	int r = 0;

	if (!check)
		return -ENOENT;
	waits = !check->opened && waits_for_opening(worker, job);
	job->number = worker->next_job;
	if (!check->opened)
		r = send_open(worker, check);
	if (r == 0 && !waits)
		r = send_job(worker, check, job, now + job->timeout);
	if (r < 0)
		return r;
	check->opening = waits ? job : NULL;
	worker->next_job++;
	job->sent_ns = now;
	job->sent_ms = clock_unix_ms();
	job->bytes = 0;
	job->cancelled = false;
	unlink_job(&worker->queue, job);
	job->queued = false;
	push(&worker->running, job);
	worker->running_count++;
	worker->unasked = 0;
	r = sd_event_add_time(worker->event, &job->timer, CLOCK_MONOTONIC,
		(uint64_t)((now + job->timeout) / NSEC_PER_USEC), 1000, on_deadline, job);
	if (r < 0)
		log_error("%s: no timer for a deadline: %s", worker->plugin->name, strerror(-r));
	return 0;
}

/* The first in the queue whose check has no job running: jobs of one check never overlap. */
static struct worker_job *next_job(const struct worker *worker)
{
	struct worker_job *job = worker->queue, *other;

	for (; job; job = job->next) {
		for (other = worker->running; other && other->check != job->check;)
			other = other->next;
		if (!other)
			return job;
	}
	return NULL;
}

static const char *not_sent_text(int error)
{
	if (error == -EMSGSIZE)
		return "what is to be sent to its worker does not fit into a message";
	if (error == -ENOENT)
		return "its check was taken out of the configuration";
	return strerror(-error);
}

void jobs_pump(struct worker *worker)
{
	size_t concurrency = MAX(worker->plugin->rights->concurrency, 1u);
	struct worker_job *job;

	while (worker->state == WORKER_READY && worker->running_count < concurrency &&
		(job = next_job(worker))) {
		int r = start_job(worker, job);

		if (r == -EAGAIN) {
			worker_want_output(worker, true);
			return;
		}
		if (r == -EPIPE)
			return; /* its death is about to be told */
		if (r < 0)
			jobs_lose(worker, job, not_sent_text(r));
	}
}

int worker_submit(struct worker *worker, struct worker_job *job)
{
	if (worker->state == WORKER_BACKOFF)
		return -EAGAIN;
	job->worker = worker;
	job->queued = true;
	job->given_again = false;
	push(&worker->queue, job);
	if (worker->state == WORKER_STOPPED)
		worker_start(worker);
	else
		jobs_pump(worker);
	worker_watch_idle(worker);
	return 0;
}

/* ---- Ends ---- */

static void stop_job_timer(struct worker_job *job)
{
	sd_event_source_disable_unref(TAKE_PTR(job->timer));
}

static void take_off(struct worker *worker, struct worker_job *job)
{
	struct worker_check *check = find_check(worker, job->check);

	stop_job_timer(job);
	if (check && check->opening == job)
		check->opening = NULL;
	if (job->queued) {
		unlink_job(&worker->queue, job);
		job->queued = false;
	} else {
		unlink_job(&worker->running, job);
		worker->running_count--;
	}
	if (worker->blamed == job)
		worker->blamed = NULL;
}

void jobs_finish(struct worker *worker, struct worker_job *job, Gavea__Worker__V1__Done *done)
{
	char cause[96], text[32];

	take_off(worker, job);
	if (job->cancelled) {
		snprintf(cause, sizeof cause, "no answer in %s; it stopped when asked",
			format_duration(text, job->timeout));
		worker->handler->lost(worker, job, cause, worker->userdata);
	} else {
		worker->handler->done(worker, job, done, worker->userdata);
	}
}

void jobs_lose(struct worker *worker, struct worker_job *job, const char *cause)
{
	take_off(worker, job);
	worker->handler->lost(worker, job, cause, worker->userdata);
}

void worker_withdraw(struct worker *worker, struct worker_job *job)
{
	if (!job->queued)
		send_cancel(worker, job);
	take_off(worker, job);
}

static void wait_again(struct worker *worker, struct worker_job *job)
{
	job->queued = true;
	push(&worker->queue, job);
}

static void send_waiting(struct worker *worker, struct worker_check *check, struct worker_job *job)
{
	char cause[96], text[32];
	int r;

	if (job->cancelled) {
		snprintf(cause, sizeof cause, "it was not opened in %s", format_duration(text, job->timeout));
		jobs_lose(worker, job, cause);
		return;
	}
	r = send_job(worker, check, job, job->sent_ns + job->timeout);
	if (r == -EAGAIN) {
		take_off(worker, job);
		wait_again(worker, job);
		worker_want_output(worker, true);
	} else if (r < 0 && r != -EPIPE) {
		jobs_lose(worker, job, not_sent_text(r));
	}
}

void jobs_opened(struct worker *worker, const Gavea__Worker__V1__Opened *opened)
{
	struct worker_check *check = find_check(worker, opened->check);
	struct worker_job *waiting;

	if (!check)
		return;
	/* The job says the same once more; opening is tried again before the next one. */
	if (opened->error)
		check->opened = false;
	else if (wants_read(&check->wants, opened) < 0)
		log_warning("%s: asks for evidence in a way that can't be read; it gets none",
			check->config->name);
	waiting = TAKE_PTR(check->opening);
	if (waiting)
		send_waiting(worker, check, waiting);
}

void jobs_give_again(struct worker *worker, const char *cause)
{
	struct worker_job *running = TAKE_PTR(worker->running);

	worker->running_count = 0;
	while (running) {
		struct worker_job *job = running;

		running = job->next;
		job->next = NULL;
		stop_job_timer(job);
		if (job->given_again) {
			worker->handler->lost(worker, job, cause, worker->userdata);
			continue;
		}
		job->given_again = true;
		wait_again(worker, job);
	}
}

void jobs_after_death(struct worker *worker, const char *cause)
{
	struct worker_job *blamed = TAKE_PTR(worker->blamed), *running = TAKE_PTR(worker->running);

	worker->running_count = 0;
	while (running) {
		struct worker_job *job = running;

		running = job->next;
		job->next = NULL;
		stop_job_timer(job);
		if (blamed && job != blamed) {
			wait_again(worker, job);
		} else {
			worker->handler->lost(worker, job, cause, worker->userdata);
		}
	}
}
