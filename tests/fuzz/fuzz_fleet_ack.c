/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/fleet
/*
 * Answers of a hostile server. The first byte chooses form, status and content type, the rest is the body.
 * Whatever comes, only a readable acknowledgement of the right type with a 2xx may count, and what is shown
 * is one bounded line of UTF-8.
 */
#include "plugins/fleet/answer.h"

#include "base/utf8.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 202, 301, 400, 401, 409, 413, 503};
	static const char *const types[] = {
		"application/x-protobuf", "application/json", "text/plain", "text/html"};
	struct http_answer answer = {0};
	_cleanup_verdict_ struct verdict verdict = VERDICT_INIT;
	enum format format;

	if (size == 0)
		return 0;
	format = data[0] & 1 ? FORMAT_JSON : FORMAT_PROTOBUF;
	answer.status = statuses[data[0] >> 1 & 7];
	snprintf(answer.content_type, sizeof(answer.content_type), "%s", types[data[0] >> 4 & 3]);
	buf_add(&answer.body, data + 1, size - 1);
	answer_judge(&answer, format, &verdict);
	if (verdict.kind == VERDICT_STORED &&
		(answer.status > 299 || !strstr(answer.content_type, "application")))
		__builtin_trap();
	if (verdict.kind != VERDICT_STORED && (verdict.acked_seq || !verdict.text))
		__builtin_trap();
	if (verdict.text && (!utf8_valid(verdict.text, strlen(verdict.text)) || strlen(verdict.text) > 1000))
		__builtin_trap();
	if (verdict.retry_after < 0 || verdict.retry_after > ANSWER_RETRY_AFTER_MAX)
		__builtin_trap();
	buf_done(&answer.body);
	return 0;
}
