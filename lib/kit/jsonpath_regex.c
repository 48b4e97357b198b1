/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/jsonpath_internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>

#define MATCH_LIMIT 100000 /* backtracking steps of one search */
#define HEAP_LIMIT_KIB 1024

struct jsonpath_regex {
	pcre2_code *code;
};

int jsonpath_regex_new(
	const char *pattern, size_t size, bool whole, struct jsonpath_regex **ret_regex, struct error *error)
{
	struct jsonpath_regex *regex = calloc(1, sizeof *regex);
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY |
		(whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0);
	PCRE2_UCHAR why[128];
	PCRE2_SIZE at = 0;
	int code = 0;

	if (!regex || !context) {
		free(regex);
		pcre2_compile_context_free(context);
		return error_set(error, -ENOMEM, "out of memory");
	}
	/* RFC 9485: "." is any character but line feed and carriage return. */
	pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
	regex->code = pcre2_compile((PCRE2_SPTR)pattern, size, options, &code, &at, context);
	pcre2_compile_context_free(context);
	if (!regex->code) {
		free(regex);
		pcre2_get_error_message(code, why, sizeof why);
		return error_set(
			error, -EINVAL, "the regular expression is wrong at its byte %zu: %s", at + 1, why);
	}
	*ret_regex = regex;
	return 0;
}

void jsonpath_regex_free(struct jsonpath_regex *regex)
{
	if (!regex)
		return;
	pcre2_code_free(regex->code);
	free(regex);
}

int jsonpath_regex_matches(const struct jsonpath_regex *regex, const char *text, size_t size)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int r = -ENOMEM;

	if (context && data) {
		pcre2_set_match_limit(context, MATCH_LIMIT);
		pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
		r = pcre2_match(regex->code, (PCRE2_SPTR)text, size, 0, 0, data, context);
		if (r >= 0)
			r = 1;
		else
			r = r == PCRE2_ERROR_NOMATCH ? 0 : r == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -E2BIG;
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return r;
}
