/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/jobs.h"
#include "base/fd.h"
#include "base/utf8.h"
#include "core/worker/batch.h"
#include "core/worker/command.h"
#include "wire/convert.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

uint32_t message_check(const Gavea__Worker__V1__ToWorker *message)
{
	switch (message->body_case) {
	case GAVEA__WORKER__V1__TO_WORKER__BODY_OPEN:
		return message->open->check;
	case GAVEA__WORKER__V1__TO_WORKER__BODY_CLOSE:
		return message->close->check;
	case GAVEA__WORKER__V1__TO_WORKER__BODY_RUN:
		return message->run->check;
	case GAVEA__WORKER__V1__TO_WORKER__BODY_DELIVER:
		return message->deliver->check;
	case GAVEA__WORKER__V1__TO_WORKER__BODY_COMMAND:
		return message->command->check;
	default:
		return 0;
	}
}

uint64_t message_job(const Gavea__Worker__V1__ToWorker *message)
{
	switch (message->body_case) {
	case GAVEA__WORKER__V1__TO_WORKER__BODY_RUN:
		return message->run->job;
	case GAVEA__WORKER__V1__TO_WORKER__BODY_DELIVER:
		return message->deliver->job;
	case GAVEA__WORKER__V1__TO_WORKER__BODY_COMMAND:
		return message->command->job;
	default:
		return 0;
	}
}

static int64_t message_deadline(const Gavea__Worker__V1__ToWorker *message)
{
	switch (message->body_case) {
	case GAVEA__WORKER__V1__TO_WORKER__BODY_RUN:
		return message->run->deadline_ns;
	case GAVEA__WORKER__V1__TO_WORKER__BODY_DELIVER:
		return message->deliver->deadline_ns;
	case GAVEA__WORKER__V1__TO_WORKER__BODY_COMMAND:
		return message->command->deadline_ns;
	default:
		return 0;
	}
}

static void take_evidence(struct job *job, const Gavea__Worker__V1__ToWorker *message)
{
	job->evidence = NULL;
	job->evidence_count = 0;
	if (message->body_case == GAVEA__WORKER__V1__TO_WORKER__BODY_RUN) {
		job->evidence = message->run->evidence;
		job->evidence_count = message->run->n_evidence;
	} else if (message->body_case == GAVEA__WORKER__V1__TO_WORKER__BODY_COMMAND) {
		job->evidence = message->command->evidence;
		job->evidence_count = message->command->n_evidence;
	}
}

void job_init(struct job *job, const Gavea__Worker__V1__ToWorker *message, struct output *output)
{
	int64_t deadline = message_deadline(message);

	job->number = message_job(message);
	job->deadline = deadline > 0 ? deadline : INT64_MAX;
	job->cancelled = false;
	job->output = output;
	job->has_status = false;
	job->summary[0] = 0;
	job->reason[0] = 0;
	job->log_lines = 0;
	take_evidence(job, message);
	job->pumped_at = 0;
	job->progress_at = 0;
}

/* How many descriptors are open: the lowest free number, which is that as long as there are no gaps. */
static uint32_t open_files(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return UINT32_MAX;
	close(copy);
	return (uint32_t)copy;
}

void jobs_refuse(struct channel *channel, uint64_t job, int error, const char *message)
{
	Gavea__Worker__V1__FromWorker answer = GAVEA__WORKER__V1__FROM_WORKER__INIT;
	Gavea__Worker__V1__Done done = GAVEA__WORKER__V1__DONE__INIT;

	done.job = job;
	done.error = error;
	done.message = (char *)message;
	done.open_files = open_files(channel->fd);
	answer.body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE;
	answer.done = &done;
	channel_send(channel, &answer);
}

void jobs_refuse_open(struct channel *channel, uint32_t check, int error, const char *message)
{
	Gavea__Worker__V1__FromWorker answer = GAVEA__WORKER__V1__FROM_WORKER__INIT;
	Gavea__Worker__V1__Opened opened = GAVEA__WORKER__V1__OPENED__INIT;

	opened.check = check;
	opened.error = error;
	opened.message = (char *)message;
	answer.body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY_OPENED;
	answer.opened = &opened;
	channel_send(channel, &answer);
}

void jobs_closed(struct channel *channel, uint32_t check)
{
	Gavea__Worker__V1__FromWorker answer = GAVEA__WORKER__V1__FROM_WORKER__INIT;
	Gavea__Worker__V1__Closed closed = GAVEA__WORKER__V1__CLOSED__INIT;

	closed.check = check;
	answer.body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY_CLOSED;
	answer.closed = &closed;
	channel_send(channel, &answer);
}

/* Ends a job with its Done, to which the caller has added what is special about it. */
static void finish(struct check *check, int r, Gavea__Worker__V1__Done *done)
{
	Gavea__Worker__V1__FromWorker answer = GAVEA__WORKER__V1__FROM_WORKER__INIT;
	Gavea__Worker__V1__Output rest = GAVEA__WORKER__V1__OUTPUT__INIT;
	struct channel *channel = &check->services->channel;
	struct job *job = check->job;

	done->job = job->number;
	if (r < 0) {
		done->error = r;
		done->message = job->reason[0] ? job->reason : strerror(-r);
	}
	if (job->has_status) {
		done->status = status_to_wire(job->status);
		done->summary = job->summary;
	}
	done->items_left_out = (uint32_t)job->output->items_left_out;
	done->open_files = open_files(channel->fd);
	output_rest(job->output, &rest);
	done->output = &rest;
	answer.body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE;
	answer.done = done;
	r = channel_send(channel, &answer);
	if (r < 0 && r != -EPIPE)
		jobs_refuse(channel, job->number, r, "the result was too large to be sent");
	check_end(check, r == 0);
}

static void say_opened(struct check *check)
{
	Gavea__Worker__V1__FromWorker answer = GAVEA__WORKER__V1__FROM_WORKER__INIT;
	Gavea__Worker__V1__Opened opened = GAVEA__WORKER__V1__OPENED__INIT;

	opened.check = check->number;
	opened.watches = check->watches.list;
	opened.n_watches = check->watches.count;
	answer.body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY_OPENED;
	answer.opened = &opened;
	channel_send(&check->services->channel, &answer);
}

/* A job may be on its way already: its answer will be the same. */
static void refuse_open(struct check *check, int error, const char *why)
{
	free(check->refusal);
	check->refusal = strdup(why);
	jobs_refuse_open(&check->services->channel, check->number, error, why);
}

void jobs_open(struct check *check, struct job *job, const Gavea__Worker__V1__Open *open)
{
	const struct gavea_plugin *plugin = check->services->plugin;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct channel *channel = &check->services->channel;
	int r;

	if (check->opened) {
		jobs_refuse_open(channel, check->number, -EALREADY, "the check is open already");
		return;
	}
	r = check_prepare(check, open, &error);
	if (r < 0) {
		refuse_open(check, r, error_text(&error, r));
		return;
	}
	job->kind = JOB_OPEN;
	check_begin(check, job);
	if (plugin->open)
		r = plugin->open(&check->base, &check->state);
	output_flush(job->output);
	check_end(check, false);
	check->opened = r >= 0;
	if (r < 0)
		refuse_open(check, r, job->reason[0] ? job->reason : strerror(-r));
	else
		say_opened(check);
}

/* What is beyond its limit comes first in the summary: it is why the check is not ok. */
static void judge_samples(struct check *check)
{
	struct job *job = check->job;
	char first[TEXT_ROOM(TEXT_SUMMARY_MAX)], whole[sizeof first + sizeof job->summary + 8];
	size_t size;

	if (!thresholds_judge(check->thresholds, &check->base, first) || !job->has_status)
		return;
	snprintf(whole, sizeof whole, "%s; %s", first, job->summary);
	size = utf8_cut(whole, strlen(whole), TEXT_SUMMARY_MAX);
	memcpy(job->summary, whole, size);
	job->summary[size] = '\0';
}

void jobs_run(struct check *check, struct job *job)
{
	Gavea__Worker__V1__Done done = GAVEA__WORKER__V1__DONE__INIT;
	int r;

	job->kind = JOB_RUN;
	check_begin(check, job);
	if (check->thresholds)
		thresholds_begin(check->thresholds);
	r = check->services->plugin->run(&check->base, check->state);
	if (check->thresholds && r >= 0)
		judge_samples(check);
	finish(check, r, &done);
}

void jobs_deliver(struct check *check, struct job *job, const Gavea__Worker__V1__Deliver *deliver, int fd)
{
	_cleanup_(batch_freep) struct gavea_batch *batch = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	Gavea__Worker__V1__Done done = GAVEA__WORKER__V1__DONE__INIT;
	int r = batch_open(deliver, fd, &batch, &error);

	if (r < 0) {
		jobs_refuse(&check->services->channel, job->number, r, error_text(&error, r));
		return;
	}
	job->kind = JOB_DELIVER;
	check_begin(check, job);
	r = check->services->plugin->deliver(&check->base, check->state, batch);
	done.acknowledged_seq = batch_acknowledged(batch);
	done.retry_after_ns = batch_delay(batch);
	/* Its descriptor is not one that the plugin left open. */
	batch_free(TAKE_PTR(batch));
	finish(check, r, &done);
}

void jobs_command(struct check *check, struct job *job, const Gavea__Worker__V1__Command *message)
{
	struct gavea_command command = {.message = message, .reply = BUF_INIT};
	Gavea__Worker__V1__Done done = GAVEA__WORKER__V1__DONE__INIT;
	int r;

	job->kind = JOB_COMMAND;
	check_begin(check, job);
	r = check->services->plugin->command(&check->base, check->state, &command);
	if (command.cut)
		channel_log(&check->services->channel, check->number, GAVEA_LOG_WARNING,
			"the answer of command %s was cut off after %u bytes", message->name,
			COMMAND_REPLY_MAX);
	done.reply = (char *)buf_str(&command.reply);
	finish(check, r, &done);
	buf_done(&command.reply);
}

void jobs_close(struct check *check, struct job *job)
{
	if (!check->opened)
		return;
	job->kind = JOB_CLOSE;
	check_begin(check, job);
	if (check->services->plugin->close)
		check->services->plugin->close(&check->base, check->state);
	check_end(check, false);
	check->opened = false;
}
