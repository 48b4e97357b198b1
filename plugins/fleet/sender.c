/* SPDX-License-Identifier: Apache-2.0 */
#include "sender.h"

#include "base/clock.h"
#include "base/json.h"
#include "proto/report.pb-c.h"
#include "proto_json.h"

#include <errno.h>
#include <zstd.h>

#define COMPRESSION_LEVEL 3
#define KEEP_MEMORY ((size_t)256 * 1024)

/* JSON needs the report as structures first, which take several times as much memory. */
#define MAX_REPORT_JSON ((size_t)256 * 1024)

struct sender {
	struct gavea_check *check;
	struct http_client *client;
	ZSTD_CCtx *zstd; /* NULL until it is needed */
	struct buf json;
	struct buf compressed;
	struct http_answer answer;
	enum format format;
	bool compress;
	const struct gavea_secret *token;
	int64_t connect_timeout;
	int64_t request_timeout;
	bool insecure;
	char *url;
};

int sender_set_identity(
	struct sender *sender, const char *ca_file, const char *identity_file, struct error *error)
{
	const struct http_settings http = {
		.ca_file = ca_file,
		.certificate_file = identity_file,
		.key_file = identity_file,
		.connect_timeout = sender->connect_timeout,
		.insecure = sender->insecure,
	};
	struct http_client *client = NULL;
	int r = http_client_new(&http, &client, error);

	if (r < 0)
		return r;
	http_client_free(sender->client);
	sender->client = client;
	return 0;
}

int sender_new(struct gavea_check *check, const struct sender_settings *settings, struct sender **ret_sender,
	struct error *error)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	int r;

	if (!sender)
		return error_set(error, -ENOMEM, "out of memory");
	sender->check = check;
	sender->format = settings->format;
	sender->compress = settings->compress;
	sender->token = settings->token;
	sender->connect_timeout = settings->connect_timeout;
	sender->request_timeout = settings->request_timeout;
	sender->insecure = settings->insecure;
	sender->url = strdup(settings->url);
	r = sender->url ? sender_set_identity(sender, settings->ca_file, settings->identity_file, error)
			: error_set(error, -ENOMEM, "out of memory");
	if (r < 0) {
		sender_free(sender);
		return r;
	}
	*ret_sender = sender;
	return 0;
}

void sender_free(struct sender *sender)
{
	if (!sender)
		return;
	http_client_free(sender->client);
	ZSTD_freeCCtx(sender->zstd);
	buf_done(&sender->json);
	buf_done(&sender->compressed);
	buf_done(&sender->answer.body);
	free(sender->url);
	free(sender);
}

size_t sender_max_report(const struct sender *sender)
{
	return sender->format == FORMAT_JSON ? MAX_REPORT_JSON : SENDER_MAX_RAW;
}

void sender_trim(struct sender *sender)
{
	if (sender->json.room > KEEP_MEMORY)
		buf_done(&sender->json);
	if (sender->compressed.room > KEEP_MEMORY)
		buf_done(&sender->compressed);
	if (ZSTD_sizeof_CCtx(sender->zstd) > 2 * KEEP_MEMORY) {
		ZSTD_freeCCtx(sender->zstd);
		sender->zstd = NULL;
	}
}

/* ---- The body ---- */

static int make_json(struct sender *sender, const struct buf *report)
{
	Gavea__V1__Report *message;
	struct json json;

	message = gavea__v1__report__unpack(NULL, report->size, (const uint8_t *)report->data);
	if (!message)
		return -EBADMSG;
	buf_reset(&sender->json);
	json_init(&json, &sender->json);
	proto_json_write(&json, &message->base);
	gavea__v1__report__free_unpacked(message, NULL);
	return buf_error(&sender->json);
}

static int compress(struct sender *sender, const struct buf *raw)
{
	size_t bound = ZSTD_compressBound(raw->size), size;
	char *out;

	if (!sender->zstd)
		sender->zstd = ZSTD_createCCtx();
	buf_reset(&sender->compressed);
	out = buf_extend(&sender->compressed, bound);
	if (!sender->zstd || !out)
		return -ENOMEM;
	size = ZSTD_compressCCtx(sender->zstd, out, bound, raw->data, raw->size, COMPRESSION_LEVEL);
	if (ZSTD_isError(size))
		return -ENOMEM; /* the only error that a full-sized output leaves */
	sender->compressed.size = size;
	return 0;
}

/* 0 and the body; or a failure, told in verdict. */
static int make_body(struct sender *sender, const struct buf *report, bool last_try,
	const struct buf **ret_body, struct verdict *verdict)
{
	const struct buf *body = report;
	int r = 0;

	if (sender->format == FORMAT_JSON) {
		r = make_json(sender, report);
		body = &sender->json;
		if (r == -EBADMSG) {
			/* The spool's checksum was good, so the record was written by a stranger. Find it, as
			 * the server would. */
			verdict_set(verdict, VERDICT_MALFORMED, r,
				"a record in the spool is not a valid message");
			return r;
		}
	}
	if (r == 0 && body->size > SENDER_MAX_RAW && !last_try)
		r = -EMSGSIZE;
	if (r == 0 && sender->compress) {
		r = compress(sender, body);
		body = &sender->compressed;
	}
	if (r == 0 && body->size > SENDER_MAX_BODY && !last_try)
		r = -EMSGSIZE;
	if (r == -EMSGSIZE)
		verdict_set(verdict, VERDICT_TOO_LARGE, r, "the report is too large");
	else if (r < 0)
		verdict_set(verdict, VERDICT_FAILED, r, "the report cannot be built: %s", strerror(-r));
	*ret_body = body;
	return r;
}

/* ---- Sending ---- */

static bool is_cancelled(void *userdata)
{
	struct sender *sender = userdata;

	return gavea_cancelled(sender->check);
}

static int64_t time_left(const struct sender *sender)
{
	int64_t deadline = gavea_deadline(sender->check);

	if (deadline == INT64_MAX)
		return sender->request_timeout;
	return MIN(sender->request_timeout, deadline - gavea_now(sender->check));
}

static const char *format_header(enum format format)
{
	return format == FORMAT_JSON ? "Content-Type: application/json"
				     : "Content-Type: application/x-protobuf";
}

static const char *accept_header(enum format format)
{
	return format == FORMAT_JSON ? "Accept: application/json" : "Accept: application/x-protobuf";
}

void sender_post(struct sender *sender, const struct buf *report, bool last_try, struct verdict *ret_verdict)
{
	const char *const headers[] = {
		format_header(sender->format), accept_header(sender->format), "Content-Encoding: zstd"};
	_cleanup_error_ struct error error = ERROR_INIT;
	const struct buf *body;
	struct http_request request = {
		.method = "POST",
		.url = sender->url,
		.headers = headers,
		.header_count = sender->compress ? 3 : 2,
		.timeout = time_left(sender),
		.max_answer = ANSWER_MAX,
		.cancelled = is_cancelled,
		.userdata = sender,
	};
	int r = make_body(sender, report, last_try, &body, ret_verdict);

	if (r < 0)
		return;
	request.body = body->data;
	request.body_size = body->size;
	if (sender->token)
		request.bearer = gavea_secret_bytes(sender->check, sender->token, NULL);
	r = http_perform(sender->client, &request, &sender->answer, &error);
	if (r < 0)
		verdict_set(ret_verdict, VERDICT_FAILED, r, "%s", error_text(&error, r));
	else
		answer_judge(&sender->answer, sender->format, ret_verdict);
}
