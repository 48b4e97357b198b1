/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/link.h"
#include "base/clock.h"
#include "base/parse.h"
#include "cli/session_internal.h"

#include <errno.h>
#include <stdio.h>

typedef Gavea__Worker__V1__FromWorker from_worker_t;

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
	outcome_fail(running->outcome, OUTCOME_HUNG,
		"no answer in %s, and it did not stop when asked: killed",
		format_duration_rough(text, running->cancelled_at - running->began));
	return 0;
}

/* 1: go on; 0: that was the end. */
static int take_message(struct running *running, from_worker_t *message)
{
	int r = 0;

	if (message->body_case == GAVEA__WORKER__V1__FROM_WORKER__BODY_OUTPUT) {
		r = outcome_take_output(running->session, running->outcome, &message->output);
		if (!message->output)
			message->body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY__NOT_SET;
		if (r == 0)
			return 1;
	} else if (message->body_case != GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE ||
		message->done->job != running->job) {
		return 1;
	} else if (message->done->output) {
		r = outcome_take_output(running->session, running->outcome, &message->done->output);
	}
	if (r == -E2BIG) {
		link_kill(running->session->link);
		outcome_fail(running->outcome, OUTCOME_HUNG,
			"flood: more than 64 MiB of output from one run: killed");
	} else if (r < 0) {
		outcome_fail(running->outcome, OUTCOME_DIED, "out of memory");
	} else {
		outcome_take_done(running->outcome, message->done);
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
	outcome_discard(outcome);
	if (running->overran)
		outcome_fail(running->outcome, OUTCOME_OVERRAN, "no answer in %s; it stopped when asked",
			format_duration(text, running->limits->timeout));
	else
		outcome_fail(running->outcome, OUTCOME_CANCELLED, "cancelled");
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
		outcome_fail(running.outcome, OUTCOME_DIED, "%s", error_text(&error, r));
	after_cancel(&running);
	ret_outcome->result->duration_us =
		(uint64_t)((clock_ns(CLOCK_MONOTONIC) - running.began) / NSEC_PER_USEC);
	return 0;
}
