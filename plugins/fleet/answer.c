/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "ack.h"
#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#define TEXT_MAX 300 /* of the server's words that we repeat */

void verdict_done(struct verdict *verdict)
{
	free(verdict->text);
	*verdict = (struct verdict)VERDICT_INIT;
}

void verdict_set(struct verdict *verdict, enum verdict_kind kind, int error, const char *format, ...)
{
	va_list args;

	verdict->kind = kind;
	verdict->error = error;
	free(verdict->text);
	va_start(args, format);
	if (vasprintf(&verdict->text, format, args) < 0)
		verdict->text = NULL;
	va_end(args);
}

const char *format_content_type(enum format format)
{
	return format == FORMAT_JSON ? "application/json" : "application/x-protobuf";
}

static bool has_type(const struct http_answer *answer, const char *type)
{
	size_t length = strlen(type);
	const char *actual = answer->content_type;

	return strncasecmp(actual, type, length) == 0 && strchr("; \t", actual[length]);
}

static bool is_ours(const struct http_answer *answer, enum format format)
{
	return has_type(answer, format_content_type(format)) ||
		(format == FORMAT_PROTOBUF && has_type(answer, "application/protobuf"));
}

static int parse_ack(const struct http_answer *answer, enum format format, struct ack *ret_ack)
{
	if (format == FORMAT_JSON)
		return ack_parse_json(answer->body.data, answer->body.size, ret_ack);
	return ack_parse_protobuf(answer->body.data, answer->body.size, ret_ack);
}

/* One line of valid UTF-8, and not too much of it. */
static void make_presentable(char *text)
{
	text[utf8_cut(text, strlen(text), TEXT_MAX)] = '\0';
	utf8_repair(text, strlen(text));
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	for (size_t size = strlen(text); size > 0 && text[size - 1] == ' '; size--)
		text[size - 1] = '\0';
}

/* What a server says about an error: in our form, as {"error": "…"}, or as plain text. NULL: nothing that can
 * be shown. */
static char *server_text(const struct http_answer *answer, struct ack *ack)
{
	char *text = NULL;

	if (ack->error)
		text = TAKE_PTR(ack->error);
	else if (has_type(answer, "application/json"))
		text = error_parse_json(answer->body.data, answer->body.size);
	else if (has_type(answer, "text/plain"))
		text = strndup(buf_str(&answer->body), TEXT_MAX);
	if (text)
		make_presentable(text);
	if (text && !*text) {
		free(text);
		return NULL;
	}
	return text;
}

static void judge_success(const struct http_answer *answer, enum format format, int parsed,
	const struct ack *ack, struct verdict *verdict)
{
	if (!is_ours(answer, format))
		verdict_set(verdict, VERDICT_FAILED, -EPROTO,
			"HTTP %d, but the answer is not of the type %s but %s: is this a fleet server?",
			answer->status, format_content_type(format),
			*answer->content_type ? answer->content_type : "unknown");
	else if (parsed < 0)
		verdict_set(verdict, VERDICT_FAILED, parsed == -ENOMEM ? parsed : -EPROTO,
			"HTTP %d, but the answer cannot be read", answer->status);
	else if (ack->need_declarations)
		verdict_set(verdict, VERDICT_DECLARE, 0, "HTTP %d: the server asks for declarations",
			answer->status);
	else if (ack->error)
		verdict_set(verdict, VERDICT_FAILED, -EPROTO, "HTTP %d, but with an error", answer->status);
	else
		verdict->kind = VERDICT_STORED;
	verdict->acked_seq = verdict->kind == VERDICT_STORED ? ack->acked_seq : 0;
}

static void judge_client_error(const struct http_answer *answer, struct verdict *verdict)
{
	int status = answer->status;

	switch (status) {
	case 401:
	case 403:
		verdict_set(
			verdict, VERDICT_DENIED, -EACCES, "HTTP %d: the server refused the token", status);
		break;
	case 409:
		verdict_set(verdict, VERDICT_DECLARE, 0, "HTTP 409: the server asks for declarations");
		break;
	case 413:
		verdict_set(verdict, VERDICT_TOO_LARGE, -EMSGSIZE, "HTTP 413: too large for the server");
		break;
	case 400:
	case 422:
		verdict_set(verdict, VERDICT_MALFORMED, -EBADMSG,
			"HTTP %d: the server cannot read the report", status);
		break;
	case 404:
	case 405:
		verdict_set(verdict, VERDICT_FAILED, -ENOENT,
			"HTTP %d: reports are not taken there: check url", status);
		break;
	case 415:
		verdict_set(verdict, VERDICT_FAILED, -EPROTO,
			"HTTP 415: the server does not take this format or compression");
		break;
	case 429:
		verdict_set(verdict, VERDICT_FAILED, -EBUSY, "HTTP 429: the server asks to slow down");
		break;
	default:
		verdict_set(
			verdict, VERDICT_FAILED, -EPROTO, "HTTP %d: the server refused the report", status);
	}
}

/* The server knows who we say we are, and does not believe it. */
static bool refuses_identity(const struct http_answer *answer, bool *ret_replace)
{
	_cleanup_free_ char *code = NULL;

	if ((answer->status != 401 && answer->status != 403 && answer->status != 409) ||
		!has_type(answer, "application/json"))
		return false;
	code = code_parse_json(answer->body.data, answer->body.size);
	if (!code)
		return false;
	/* Another certificate helps against these, and against no others. */
	*ret_replace = streq(code, "certificate-unknown") || streq(code, "certificate-expired") ||
		streq(code, "certificate-revoked");
	return startswith(code, "certificate-") || streq(code, "cloned") || streq(code, "agent-mismatch");
}

static void judge_status(const struct http_answer *answer, struct verdict *verdict)
{
	bool replace = false;

	if (refuses_identity(answer, &replace)) {
		verdict_set(verdict, VERDICT_DENIED, -EACCES,
			"HTTP %d: the server refused this agent's identity", answer->status);
		verdict->identity_refused = replace;
	} else if (answer->status >= 500)
		verdict_set(verdict, VERDICT_FAILED, -EREMOTEIO, "HTTP %d: the server has failed",
			answer->status);
	else if (answer->status >= 400)
		judge_client_error(answer, verdict);
	else if (answer->status >= 300)
		verdict_set(verdict, VERDICT_FAILED, -EPROTO,
			"HTTP %d: redirects are not followed: set url to where the server is",
			answer->status);
	else
		verdict_set(verdict, VERDICT_FAILED, -EPROTO, "HTTP %d: not an answer to a report",
			answer->status);
}

void answer_judge(const struct http_answer *answer, enum format format, struct verdict *ret_verdict)
{
	_cleanup_(ack_done) struct ack ack = ACK_INIT;
	_cleanup_free_ char *text = NULL;
	int parsed = -EBADMSG;

	if (is_ours(answer, format))
		parsed = parse_ack(answer, format, &ack);
	if (answer->status >= 200 && answer->status <= 299)
		judge_success(answer, format, parsed, &ack, ret_verdict);
	else
		judge_status(answer, ret_verdict);
	if (ret_verdict->kind == VERDICT_STORED)
		return;
	ret_verdict->retry_after = MAX(answer->retry_after, (int64_t)ack.retry_after_ms * NSEC_PER_MSEC);
	ret_verdict->retry_after = MIN(ret_verdict->retry_after, ANSWER_RETRY_AFTER_MAX);
	text = server_text(answer, &ack);
	if (text && ret_verdict->text) {
		_cleanup_free_ char *short_text = TAKE_PTR(ret_verdict->text);

		verdict_set(ret_verdict, ret_verdict->kind, ret_verdict->error, "%s: %s", short_text, text);
	}
}
