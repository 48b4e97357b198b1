/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/fleet/answer.h"

#include "base/clock.h"
#include "proto/report.pb-c.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define PROTOBUF "application/x-protobuf"
#define JSON "application/json"

static struct verdict judge_bytes(
	int status, const char *type, const void *body, size_t size, enum format format, int64_t retry_after)
{
	struct http_answer answer = {.status = status, .retry_after = retry_after};
	struct verdict verdict = VERDICT_INIT;

	snprintf(answer.content_type, sizeof(answer.content_type), "%s", type);
	buf_add(&answer.body, body, size);
	answer_judge(&answer, format, &verdict);
	buf_done(&answer.body);
	return verdict;
}

static struct verdict judge(int status, const char *type, const char *body, enum format format)
{
	return judge_bytes(status, type, body, strlen(body), format, 0);
}

static struct verdict judge_ack(int status, Gavea__V1__ReportAck *ack)
{
	uint8_t bytes[512];
	size_t size = gavea__v1__report_ack__pack(ack, bytes);

	return judge_bytes(status, PROTOBUF, bytes, size, FORMAT_PROTOBUF, 0);
}

static void assert_verdict(struct verdict verdict, enum verdict_kind kind, int error, const char *text)
{
	assert_int_equal(verdict.kind, kind);
	assert_int_equal(verdict.error, error);
	if (text)
		assert_string_equal(verdict.text, text);
	else
		assert_null(verdict.text);
	if (kind != VERDICT_STORED)
		assert_int_equal(verdict.acked_seq, 0);
	verdict_done(&verdict);
}

static void a_protobuf_acknowledgement_counts(void **state)
{
	Gavea__V1__ReportAck ack = GAVEA__V1__REPORT_ACK__INIT;
	struct verdict verdict;

	(void)state;
	ack.acked_seq = UINT64_MAX;
	ack.server_time_ms = 5;
	verdict = judge_ack(200, &ack);
	assert_int_equal(verdict.acked_seq, UINT64_MAX);
	assert_verdict(verdict, VERDICT_STORED, 0, NULL);
	/* Nothing is what an answer without acked_seq acknowledges. */
	verdict = judge_bytes(200, PROTOBUF "; charset=binary", "", 0, FORMAT_PROTOBUF, 0);
	assert_int_equal(verdict.acked_seq, 0);
	assert_verdict(verdict, VERDICT_STORED, 0, NULL);
}

static void a_json_acknowledgement_counts(void **state)
{
	static const struct {
		const char *body;
		uint64_t acked;
	} cases[] = {
		{"{\"ackedSeq\": \"18446744073709551615\"}", UINT64_MAX},
		{"{\"ackedSeq\": 17, \"serverTimeMs\": \"1\", \"later\": [1, {}]}", 17},
		{"{\"acked_seq\": \"4\", \"needDeclarations\": false, \"error\": \"\"}", 4},
		{"{\"ackedSeq\": null}", 0},
		{"{}", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct verdict verdict = judge(200, JSON "; charset=utf-8", cases[i].body, FORMAT_JSON);

		assert_int_equal(verdict.acked_seq, cases[i].acked);
		assert_verdict(verdict, VERDICT_STORED, 0, NULL);
	}
}

static void nonsense_never_acknowledges(void **state)
{
	static const char *const bodies[] = {"", "null", "[]", "7", "\"ackedSeq\"", "{\"ackedSeq\": -1}",
		"{\"ackedSeq\": 1.5}", "{\"ackedSeq\": \"1x\"}", "{\"ackedSeq\": \"\"}",
		"{\"ackedSeq\": true}", "{\"ackedSeq\": 1, \"ackedSeq\": 2}", "{\"ackedSeq\": 1}}",
		"{\"ackedSeq\": 1, \"error\": 5}", "{\"ackedSeq\": 1, \"needDeclarations\": \"no\"}",
		"{\"ackedSeq\": 1, \"retryAfterMs\": 4294967296}", "<html>\x08\x05</html>"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		assert_verdict(judge(200, JSON, bodies[i], FORMAT_JSON), VERDICT_FAILED, -EPROTO,
			"HTTP 200, but the answer cannot be read");
	assert_verdict(judge(200, PROTOBUF, "\x08", FORMAT_PROTOBUF), VERDICT_FAILED, -EPROTO,
		"HTTP 200, but the answer cannot be read");
	assert_verdict(judge(200, "text/html", "\x08\x05", FORMAT_PROTOBUF), VERDICT_FAILED, -EPROTO,
		"HTTP 200, but the answer is not of the type application/x-protobuf but text/html: is this a "
		"fleet "
		"server?");
	assert_verdict(judge(200, "", "\x08\x05", FORMAT_PROTOBUF), VERDICT_FAILED, -EPROTO,
		"HTTP 200, but the answer is not of the type application/x-protobuf but unknown: is this a "
		"fleet "
		"server?");
	assert_verdict(judge(200, JSON "x", "{}", FORMAT_JSON), VERDICT_FAILED, -EPROTO,
		"HTTP 200, but the answer is not of the type application/json but application/jsonx: is this "
		"a fleet "
		"server?");
	assert_verdict(judge(200, JSON, "{\"ackedSeq\": 5, \"error\": \"disk full\"}", FORMAT_JSON),
		VERDICT_FAILED, -EPROTO, "HTTP 200, but with an error: disk full");
}

static void declarations_are_asked_for_by_flag_or_status(void **state)
{
	Gavea__V1__ReportAck ack = GAVEA__V1__REPORT_ACK__INIT;

	(void)state;
	ack.need_declarations = 1;
	ack.acked_seq = 9;
	assert_verdict(
		judge_ack(200, &ack), VERDICT_DECLARE, 0, "HTTP 200: the server asks for declarations");
	assert_verdict(
		judge_ack(409, &ack), VERDICT_DECLARE, 0, "HTTP 409: the server asks for declarations");
	assert_verdict(judge(409, "", "", FORMAT_PROTOBUF), VERDICT_DECLARE, 0,
		"HTTP 409: the server asks for declarations");
	assert_verdict(judge(200, JSON, "{\"needDeclarations\": true}", FORMAT_JSON), VERDICT_DECLARE, 0,
		"HTTP 200: the server asks for declarations");
}

static void each_status_says_what_to_do(void **state)
{
	static const struct {
		int status;
		enum verdict_kind kind;
		int error;
		const char *text;
	} cases[] = {
		{100, VERDICT_FAILED, -EPROTO, "HTTP 100: not an answer to a report"},
		{301, VERDICT_FAILED, -EPROTO,
			"HTTP 301: redirects are not followed: set url to where the server is"},
		{400, VERDICT_MALFORMED, -EBADMSG, "HTTP 400: the server cannot read the report"},
		{401, VERDICT_DENIED, -EACCES, "HTTP 401: the server refused the token"},
		{403, VERDICT_DENIED, -EACCES, "HTTP 403: the server refused the token"},
		{404, VERDICT_FAILED, -ENOENT, "HTTP 404: reports are not taken there: check url"},
		{413, VERDICT_TOO_LARGE, -EMSGSIZE, "HTTP 413: too large for the server"},
		{415, VERDICT_FAILED, -EPROTO,
			"HTTP 415: the server does not take this format or compression"},
		{418, VERDICT_FAILED, -EPROTO, "HTTP 418: the server refused the report"},
		{422, VERDICT_MALFORMED, -EBADMSG, "HTTP 422: the server cannot read the report"},
		{429, VERDICT_FAILED, -EBUSY, "HTTP 429: the server asks to slow down"},
		{500, VERDICT_FAILED, -EREMOTEIO, "HTTP 500: the server has failed"},
		{999, VERDICT_FAILED, -EREMOTEIO, "HTTP 999: the server has failed"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_verdict(judge(cases[i].status, "text/html", "<h1>", FORMAT_PROTOBUF), cases[i].kind,
			cases[i].error, cases[i].text);
}

static void a_refused_identity_is_told_from_a_refused_token(void **state)
{
	static const struct {
		int status;
		const char *code;
		bool ours, replace;
	} cases[] = {
		{401, "certificate-revoked", true, true},
		{401, "certificate-expired", true, true},
		{401, "certificate-unknown", true, true},
		{401, "certificate-not-yet", true, false},
		{403, "certificate-required", true, false},
		{403, "agent-mismatch", true, false},
		{409, "cloned", true, false},
		{401, "token-expired", false, false},
		{403, "scope", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char body[128], text[128];
		struct verdict verdict;

		snprintf(body, sizeof(body), "{\"error\":\"why\",\"code\":\"%s\"}", cases[i].code);
		snprintf(text, sizeof(text), "HTTP %d: the server refused %s: why", cases[i].status,
			cases[i].ours ? "this agent's identity" : "the token");
		verdict = judge(cases[i].status, JSON, body, FORMAT_PROTOBUF);
		assert_int_equal(verdict.identity_refused, cases[i].replace);
		assert_verdict(verdict, VERDICT_DENIED, -EACCES, text);
	}
}

static void the_servers_words_are_repeated_but_bounded(void **state)
{
	Gavea__V1__ReportAck ack = GAVEA__V1__REPORT_ACK__INIT;
	char text[2001];
	struct verdict verdict;

	(void)state;
	ack.error = (char *)"record 5:\n\x1b[31mred\xff";
	assert_verdict(judge_ack(400, &ack), VERDICT_MALFORMED, -EBADMSG,
		"HTTP 400: the server cannot read the report: record 5:  [31mred?");
	assert_verdict(judge(403, JSON, "{\"error\": \"token has no scope\"}", FORMAT_PROTOBUF),
		VERDICT_DENIED, -EACCES, "HTTP 403: the server refused the token: token has no scope");
	assert_verdict(judge(500, "text/plain; charset=utf-8", "out of disk\n", FORMAT_JSON), VERDICT_FAILED,
		-EREMOTEIO, "HTTP 500: the server has failed: out of disk");
	memset(text, 'x', 2000);
	text[2000] = '\0';
	verdict = judge(500, "text/plain", text, FORMAT_JSON);
	assert_true(strlen(verdict.text) < 400);
	verdict_done(&verdict);
}

static void retry_after_is_heard_within_bounds(void **state)
{
	Gavea__V1__ReportAck ack = GAVEA__V1__REPORT_ACK__INIT;
	struct verdict verdict;

	(void)state;
	ack.retry_after_ms = 1500;
	verdict = judge_ack(503, &ack);
	assert_int_equal(verdict.retry_after, 1500 * NSEC_PER_MSEC);
	verdict_done(&verdict);
	ack.retry_after_ms = UINT32_MAX;
	verdict = judge_ack(503, &ack);
	assert_int_equal(verdict.retry_after, ANSWER_RETRY_AFTER_MAX);
	verdict_done(&verdict);
	verdict = judge_bytes(429, "", "", 0, FORMAT_JSON, 9 * NSEC_PER_SEC);
	assert_int_equal(verdict.retry_after, 9 * NSEC_PER_SEC);
	verdict_done(&verdict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_protobuf_acknowledgement_counts),
		cmocka_unit_test(a_json_acknowledgement_counts),
		cmocka_unit_test(nonsense_never_acknowledges),
		cmocka_unit_test(declarations_are_asked_for_by_flag_or_status),
		cmocka_unit_test(each_status_says_what_to_do),
		cmocka_unit_test(a_refused_identity_is_told_from_a_refused_token),
		cmocka_unit_test(the_servers_words_are_repeated_but_bounded),
		cmocka_unit_test(retry_after_is_heard_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
