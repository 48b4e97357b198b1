/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/report. */
#include "base/clock.h"
#include "base/parse.h"
#include "base/random.h"
#include "fleet/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define ACK_TYPE "application/x-protobuf"
#define FAILED_WAIT_MS 5000u
#define FULL_WAIT_MS 300000u

static int http_status(enum metrics_outcome outcome)
{
	switch (outcome) {
	case METRICS_ACCEPTED:
	case METRICS_KNOWN:
		return 200;
	case METRICS_NEED_DECLARATIONS:
		return 409;
	case METRICS_TOO_LARGE:
		return 413;
	case METRICS_BUSY:
	case METRICS_LIMITED:
	case METRICS_TOO_MANY_HOSTS:
		return 429;
	case METRICS_STORE_FAILED:
		return 503;
	default:
		return 400;
	}
}

/* How long a client that was refused shall stay away; 0: it need not. */
static uint32_t retry_ms(struct server *server, enum metrics_outcome outcome, uint32_t wait_ms)
{
	switch (outcome) {
	case METRICS_BUSY:
		return admission_appointment(server->admission, clock_ns(CLOCK_MONOTONIC));
	case METRICS_LIMITED:
		return wait_ms + (uint32_t)random_below(wait_ms / 2 + 1);
	case METRICS_STORE_FAILED:
		return FAILED_WAIT_MS / 2 + (uint32_t)random_below(FAILED_WAIT_MS);
	case METRICS_TOO_MANY_HOSTS:
		return FULL_WAIT_MS / 2 + (uint32_t)random_below(FULL_WAIT_MS);
	default:
		return 0;
	}
}

static void set_retry_after(struct httpd_request *request, uint32_t ms)
{
	char seconds[16];

	snprintf(seconds, sizeof seconds, "%" PRIu32, (ms + 999) / 1000);
	httpd_set_header(request, "Retry-After", seconds);
}

struct outcome {
	enum metrics_outcome outcome;
	uint64_t acked_seq;
	uint32_t wait_ms; /* of METRICS_LIMITED */
	const char *text;
};

static void acknowledge(struct server *server, struct httpd_request *request, const struct outcome *outcome)
{
	Gavea__V1__ReportAck ack = GAVEA__V1__REPORT_ACK__INIT;
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t size;

	server->metrics.reports[outcome->outcome]++;
	ack.acked_seq = outcome->acked_seq;
	ack.need_declarations = outcome->outcome == METRICS_NEED_DECLARATIONS;
	ack.server_time_ms = clock_unix_ms();
	if (outcome->text)
		ack.error = (char *)outcome->text;
	ack.retry_after_ms = retry_ms(server, outcome->outcome, outcome->wait_ms);
	if (ack.retry_after_ms > 0)
		set_retry_after(request, ack.retry_after_ms);
	size = gavea__v1__report_ack__get_packed_size(&ack);
	bytes = malloc(size + 1);
	if (bytes)
		gavea__v1__report_ack__pack(&ack, bytes);
	httpd_answer(request, bytes ? http_status(outcome->outcome) : 503, ACK_TYPE, bytes, bytes ? size : 0);
}

static void refuse(
	struct server *server, struct httpd_request *request, enum metrics_outcome outcome, const char *text)
{
	acknowledge(server, request, &(struct outcome){.outcome = outcome, .text = text});
}

/* Before its body is read: what is refused later has cost memory and time. */
ssize_t server_admit_report(struct server *server, struct httpd_request *request)
{
	const char *length = httpd_header(request, "Content-Length");
	uint64_t size = REPORT_BODY_MAX;

	if (length && parse_uint64(length, &size) < 0)
		size = REPORT_BODY_MAX;
	size = MIN(size, REPORT_BODY_MAX);
	if (httpd_bodies(request) + size <= writer_share(server->bodies_max, size) &&
		writer_has_room(server->writer, size))
		return (ssize_t)REPORT_BODY_MAX;
	server->metrics.reports[METRICS_BUSY]++;
	set_retry_after(request, retry_ms(server, METRICS_BUSY, 0));
	return -429;
}

struct pending {
	struct job job;
	struct server *server;
	struct httpd_request *request;
};

static void pending_free(struct pending *pending)
{
	arena_done(&pending->job.arena);
	free(pending);
}

/* On the writer's thread. */
static void done(struct job *job, enum metrics_outcome outcome, uint64_t acked_seq, const char *text)
{
	struct pending *pending = job->userdata;
	struct admission *admission = pending->server->admission;

	admission_end(admission, job->report->agent_id);
	admission_served(admission, clock_ns(CLOCK_MONOTONIC));
	acknowledge(pending->server, pending->request,
		&(struct outcome){.outcome = outcome, .acked_seq = acked_seq, .text = text});
	pending_free(pending);
}

static int decode(struct server *server, struct httpd_request *request, struct job *job, struct error *error)
{
	int r;

	job->encoding =
		(enum report_encoding)report_encoding_from_name(httpd_header(request, "Content-Encoding"));
	job->body = httpd_body(request, &job->size);
	job->address = httpd_peer(request);
	job->received_ms = clock_unix_ms();
	server->metrics.body_bytes += job->size;
	r = report_decode(
		server->decoders, job->encoding, job->body, job->size, &job->arena, &job->report, error);
	return r < 0 ? r : report_judge(job->report, error);
}

/* False: the agent has to wait, and was told so. */
static bool begin(struct server *server, struct httpd_request *request, const struct job *job)
{
	struct outcome outcome = {.outcome = METRICS_LIMITED};
	int r = admission_begin(server->admission, job->report->agent_id, job->size,
		clock_ns(CLOCK_MONOTONIC), &outcome.wait_ms);

	if (r == 0)
		return true;
	if (r == -EAGAIN)
		outcome.text = "this agent sends more than it may: see agent_reports and agent_bytes";
	else
		outcome = (struct outcome){
			.outcome = METRICS_BUSY, .text = "reports of this agent are waiting already"};
	acknowledge(server, request, &outcome);
	return false;
}

static void submit(struct server *server, struct httpd_request *request, struct pending *pending)
{
	/* From here on the writer may answer at any time. */
	httpd_suspend(request);
	if (writer_submit(server->writer, &pending->job) == 0)
		return;
	admission_end(server->admission, pending->job.report->agent_id);
	refuse(server, request, METRICS_BUSY, "more reports are waiting than this server can hold");
	pending_free(pending);
}

static enum metrics_outcome outcome_of(int r)
{
	return r == -EFBIG ? METRICS_TOO_LARGE : r == -ENOMEM ? METRICS_BUSY : METRICS_MALFORMED;
}

void server_report(struct server *server, struct httpd_request *request)
{
	struct pending *pending = calloc(1, sizeof *pending);
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (!pending) {
		refuse(server, request, METRICS_BUSY, "out of memory");
		return;
	}
	pending->server = server;
	pending->request = request;
	pending->job.userdata = pending;
	pending->job.done = done;
	arena_init(&pending->job.arena, REPORT_MEMORY_MAX);
	r = decode(server, request, &pending->job, &error);
	if (r < 0)
		refuse(server, request, outcome_of(r), error_text(&error, r));
	else if (server_judge_sender(server, request, pending->job.report) &&
		begin(server, request, &pending->job)) {
		submit(server, request, pending);
		return;
	}
	pending_free(pending);
}
