/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/link.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/status.h"
#include "cli/session_internal.h"
#include "wire/convert.h"

#include <errno.h>
#include <stdio.h>

#define OUTPUT_MAX_BYTES ((size_t)64 << 20) /* of one run: more is no result any more */

typedef Gavea__Worker__V1__FromWorker from_worker_t;
typedef Gavea__Worker__V1__Output output_t;

/* Where a run is. */
struct running {
	struct session *session;
	const struct run_limits *limits;
	struct outcome *outcome;
	uint64_t job;
	int64_t began;
	int64_t cancelled_at; /* 0: not yet */
	bool asked_to_end; /* by a signal */
	bool overran;
};

void outcome_done(struct outcome *outcome)
{
	if (outcome->result) {
		/* The items lie in the outputs. */
		free(outcome->result->items);
		outcome->result->items = NULL;
		outcome->result->n_items = 0;
	}
	gavea__v1__result__free_unpacked(outcome->result, NULL);
	free(outcome->samples);
	for (size_t i = 0; i < outcome->output_count; i++)
		gavea__worker__v1__output__free_unpacked(outcome->outputs[i], NULL);
	free(outcome->outputs);
	*outcome = (struct outcome){.result = NULL};
}

/* ---- What comes ---- */

static const Gavea__V1__Series *find_series(const struct session *session, int64_t number)
{
	/* Numbers rise from 1, mostly without gaps. */
	if (number > 0 && (size_t)number <= session->series_count &&
		session->series[number - 1]->number == number)
		return session->series[number - 1];
	for (size_t i = 0; i < session->series_count; i++)
		if (session->series[i]->number == number)
			return session->series[i];
	return NULL;
}

static int add_sample(
	struct running *running, int64_t number, double value, const Gavea__V1__Histogram *histogram)
{
	struct outcome *outcome = running->outcome;
	const Gavea__V1__Series *series = find_series(running->session, number);

	if (!series)
		return 0;
	if (GROW(outcome->samples, outcome->sample_count, outcome->sample_room) < 0)
		return -ENOMEM;
	outcome->samples[outcome->sample_count++] =
		(struct result_sample){.series = series, .value = value, .histogram = histogram};
	return 0;
}

static int take_samples(struct running *running, const Gavea__V1__Samples *samples)
{
	int64_t number = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < MIN(samples->n_series, samples->n_values); i++) {
		number += samples->series[i];
		r = add_sample(running, number, samples->values[i], NULL);
	}
	for (size_t i = 0; r == 0 && i < samples->n_histograms; i++)
		r = add_sample(running, samples->histograms[i]->series, samples->histograms[i]->sum,
			samples->histograms[i]);
	return r;
}

/* Takes the output out of its message. */
static int take_output(struct running *running, output_t **output)
{
	struct session *session = running->session;
	struct outcome *outcome = running->outcome;
	output_t *own = *output;

	outcome->output_bytes += gavea__worker__v1__output__get_packed_size(own);
	if (outcome->output_bytes > OUTPUT_MAX_BYTES)
		return -E2BIG;
	if (GROW(outcome->outputs, outcome->output_count, outcome->output_room) < 0)
		return -ENOMEM;
	outcome->outputs[outcome->output_count++] = TAKE_PTR(*output);
	for (size_t i = 0; i < own->n_series; i++) {
		if (GROW(session->series, session->series_count, session->series_room) < 0)
			return -ENOMEM;
		session->series[session->series_count++] = TAKE_PTR(own->series[i]);
	}
	own->n_series = 0;
	outcome->events += own->n_events;
	return own->samples ? take_samples(running, own->samples) : 0;
}

/* ---- The result ---- */

static size_t count_items(const struct outcome *outcome)
{
	size_t count = 0;

	for (size_t i = 0; i < outcome->output_count; i++)
		count += outcome->outputs[i]->n_items;
	return count;
}

/* All items in one list, which the result borrows from the outputs. Returns the worst status. */
static enum gavea_status list_items(struct outcome *outcome, enum gavea_status worst)
{
	Gavea__V1__Result *result = outcome->result;

	result->items = calloc(count_items(outcome) + 1, sizeof *result->items);
	for (size_t i = 0; result->items && i < outcome->output_count; i++)
		for (size_t j = 0; j < outcome->outputs[i]->n_items; j++) {
			Gavea__V1__Item *item = outcome->outputs[i]->items[j];

			worst = status_worst(worst, status_from_wire(item->status));
			result->items[result->n_items++] = item;
		}
	return worst;
}

/* For a run that gave items but no summary. */
static char *summarize(const Gavea__V1__Result *result, enum gavea_status worst)
{
	size_t bad = 0, first = result->n_items;
	char *text = NULL;

	for (size_t i = 0; i < result->n_items; i++) {
		enum gavea_status status = status_from_wire(result->items[i]->status);

		bad += status != GAVEA_OK;
		if (first == result->n_items && status == worst)
			first = i;
	}
	if (result->n_items == 0)
		return strdup("the plugin gave no result");
	if (bad == 0 || first == result->n_items)
		return asprintf(&text, "%zu items, all ok", result->n_items) < 0 ? NULL : text;
	return asprintf(&text, "%zu of %zu items not ok; %s: %s", bad, result->n_items,
		       result->items[first]->name, result->items[first]->summary) < 0
		? NULL
		: text;
}

static void set_summary(Gavea__V1__Result *result, enum gavea_status status, char *summary)
{
	result->status = result->state = status_to_wire((int)status);
	if (summary)
		result->summary = summary;
}

static void take_done(struct running *running, const Gavea__Worker__V1__Done *done)
{
	struct outcome *outcome = running->outcome;
	bool gave = done->status != GAVEA__V1__STATUS__STATUS_UNSPECIFIED;
	enum gavea_status worst = gave ? status_from_wire(done->status) : GAVEA_OK;

	outcome->open_files = done->open_files;
	outcome->error = done->error;
	if (done->error) {
		outcome->end = OUTCOME_FAILED;
		set_summary(outcome->result, GAVEA_UNKNOWN,
			strdup(str_empty(done->message) ? strerror(-done->error) : done->message));
		return;
	}
	worst = list_items(outcome, worst);
	if (!gave && outcome->result->n_items == 0)
		worst = GAVEA_UNKNOWN;
	outcome->result->items_left_out = done->items_left_out;
	set_summary(outcome->result, worst,
		str_empty(done->summary) ? summarize(outcome->result, worst) : strdup(done->summary));
}

static void fail(struct running *running, enum outcome_end end, const char *format, ...) _printf_(3, 4);
static void fail(struct running *running, enum outcome_end end, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	running->outcome->end = end;
	set_summary(running->outcome->result, GAVEA_UNKNOWN, text);
}

/* ---- The run ---- */

static int send_run(struct running *running)
{
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;
	Gavea__Worker__V1__Run run = GAVEA__WORKER__V1__RUN__INIT;

	run.check = SESSION_CHECK;
	run.job = running->job;
	run.deadline_ns = running->began + running->limits->timeout;
	message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_RUN;
	message.run = &run;
	return link_send(running->session->link, &message, -1);
}

static void send_cancel(struct running *running)
{
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;
	Gavea__Worker__V1__Cancel cancel = GAVEA__WORKER__V1__CANCEL__INIT;

	cancel.job = running->job;
	message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_CANCEL;
	message.cancel = &cancel;
	running->cancelled_at = clock_ns(CLOCK_MONOTONIC);
	link_send(running->session->link, &message, -1);
}

/* When to stop waiting for a message: to cancel, or at the end of the grace. */
static int64_t next_deadline(const struct running *running)
{
	int64_t wait = running->limits->timeout;

	if (running->cancelled_at)
		return running->cancelled_at + SESSION_GRACE;
	if (running->limits->cancel_after)
		wait = MIN(wait, running->limits->cancel_after);
	return running->began + wait;
}

/* It has not answered in time, or somebody wants it to end. 1: go on waiting; 0: it was killed. */
static int stop(struct running *running, int r)
{
	char text[32];

	if (!running->cancelled_at) {
		running->asked_to_end = r == -EINTR;
		running->overran = r == -ETIMEDOUT && !running->limits->cancel_after;
		send_cancel(running);
		return 1;
	}
	link_kill(running->session->link);
	running->outcome->stopped_after = clock_ns(CLOCK_MONOTONIC) - running->cancelled_at;
	fail(running, OUTCOME_HUNG, "no answer in %s, and it did not stop when asked: killed",
		format_duration_rough(text, running->cancelled_at - running->began));
	return 0;
}

/* 1: go on; 0: that was the end. */
static int take_message(struct running *running, from_worker_t *message)
{
	int r = 0;

	if (message->body_case == GAVEA__WORKER__V1__FROM_WORKER__BODY_OUTPUT) {
		r = take_output(running, &message->output);
		if (!message->output)
			message->body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY__NOT_SET;
		if (r == 0)
			return 1;
	} else if (message->body_case != GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE ||
		message->done->job != running->job) {
		return 1;
	} else if (message->done->output) {
		r = take_output(running, &message->done->output);
	}
	if (r == -E2BIG) {
		link_kill(running->session->link);
		fail(running, OUTCOME_HUNG, "flood: more than 64 MiB of output from one run: killed");
	} else if (r < 0) {
		fail(running, OUTCOME_DIED, "out of memory");
	} else {
		take_done(running, message->done);
	}
	return 0;
}

/* What a run says after it was told to stop is discarded. A plugin can also see for itself that its time is over
 * and stop before it is told. */
static void after_cancel(struct running *running)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	struct outcome *outcome = running->outcome;
	char text[32];

	if (!running->cancelled_at && now - running->began >= running->limits->timeout) {
		running->cancelled_at = now;
		running->overran = true;
	}
	if (!running->cancelled_at || outcome->end > OUTCOME_FAILED)
		return;
	outcome->stopped_after = MAX(now - running->cancelled_at, (int64_t)1);
	free(outcome->result->items);
	outcome->result->items = NULL;
	outcome->result->n_items = 0;
	outcome->sample_count = 0;
	free(outcome->result->summary);
	outcome->result->summary = (char *)protobuf_c_empty_string;
	if (running->overran)
		fail(running, OUTCOME_OVERRAN, "no answer in %s; it stopped when asked",
			format_duration(text, running->limits->timeout));
	else
		fail(running, OUTCOME_CANCELLED, "cancelled");
}

int session_run(struct session *session, const struct run_limits *limits, struct outcome *ret_outcome)
{
	struct running running = {.session = session,
		.limits = limits,
		.outcome = ret_outcome,
		.job = ++session->jobs,
		.began = clock_ns(CLOCK_MONOTONIC)};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r, go_on = 1;

	*ret_outcome = (struct outcome){.result = malloc(sizeof(Gavea__V1__Result))};
	if (!ret_outcome->result)
		return -ENOMEM;
	gavea__v1__result__init(ret_outcome->result);
	ret_outcome->result->started_at_ms = clock_unix_ms();
	r = send_run(&running);
	if (r == -EPIPE)
		r = session_died(session, &error);
	while (r == 0 && go_on) {
		from_worker_t *message;

		r = session_next(session, next_deadline(&running),
			running.asked_to_end ? -1 : limits->signals, &message, &error);
		if (r == -ETIMEDOUT || r == -EINTR) {
			go_on = stop(&running, r);
			r = 0;
		} else if (r == 0) {
			go_on = take_message(&running, message);
			gavea__worker__v1__from_worker__free_unpacked(message, NULL);
		}
	}
	if (r < 0)
		fail(&running, OUTCOME_DIED, "%s", error_text(&error, r));
	after_cancel(&running);
	ret_outcome->result->duration_us =
		(uint64_t)((clock_ns(CLOCK_MONOTONIC) - running.began) / NSEC_PER_USEC);
	return 0;
}
