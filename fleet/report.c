/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/report. */
#include "base/clock.h"
#include "fleet/server.h"

#include <errno.h>

#define ACK_TYPE "application/x-protobuf"
#define RETRY_MS 1000

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
		return 429;
	case METRICS_STORE_FAILED:
		return 503;
	default:
		return 400;
	}
}

static void acknowledge(struct server *server, struct httpd_request *request, enum metrics_outcome outcome,
	uint64_t acked_seq, const char *text)
{
	Gavea__V1__ReportAck ack = GAVEA__V1__REPORT_ACK__INIT;
	_cleanup_free_ uint8_t *bytes = NULL;
	int status = http_status(outcome);
	size_t size;

	server->metrics.reports[outcome]++;
	ack.acked_seq = acked_seq;
	ack.need_declarations = outcome == METRICS_NEED_DECLARATIONS;
	ack.server_time_ms = clock_unix_ms();
	if (text)
		ack.error = (char *)text;
	if (status == 429 || status == 503) {
		ack.retry_after_ms = RETRY_MS;
		httpd_set_header(request, "Retry-After", "1");
	}
	size = gavea__v1__report_ack__get_packed_size(&ack);
	bytes = malloc(size + 1);
	if (bytes)
		gavea__v1__report_ack__pack(&ack, bytes);
	httpd_answer(request, bytes ? status : 503, ACK_TYPE, bytes, bytes ? size : 0);
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

	acknowledge(pending->server, pending->request, outcome, acked_seq, text);
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

void server_report(struct server *server, struct httpd_request *request)
{
	struct pending *pending = calloc(1, sizeof *pending);
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (!pending) {
		acknowledge(server, request, METRICS_BUSY, 0, "out of memory");
		return;
	}
	pending->server = server;
	pending->request = request;
	pending->job.userdata = pending;
	pending->job.done = done;
	arena_init(&pending->job.arena, REPORT_MEMORY_MAX);
	r = decode(server, request, &pending->job, &error);
	if (r < 0) {
		acknowledge(server, request,
			r == -EFBIG            ? METRICS_TOO_LARGE
				: r == -ENOMEM ? METRICS_BUSY
					       : METRICS_MALFORMED,
			0, error_text(&error, r));
		pending_free(pending);
		return;
	}
	if (!server_judge_sender(server, request, pending->job.report)) {
		pending_free(pending);
		return;
	}
	/* From here on the writer may answer at any time. */
	httpd_suspend(request);
	r = writer_submit(server->writer, &pending->job);
	if (r < 0) {
		acknowledge(server, request, METRICS_BUSY, 0,
			"more reports are waiting than this server can hold");
		pending_free(pending);
	}
}
