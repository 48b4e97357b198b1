/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>

#define MATCH_LIMIT 1000000 /* backtracking steps: less than half a second */
#define HEAP_LIMIT_KIB 4096

struct pattern {
	pcre2_code *code;
};

int pattern_new(const char *text, struct pattern **ret_pattern, struct error *error)
{
	struct pattern *pattern = calloc(1, sizeof *pattern);
	PCRE2_UCHAR why[128];
	PCRE2_SIZE at = 0;
	int code = 0;

	if (!pattern)
		return error_set(error, -ENOMEM, "out of memory");
	pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
		PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (!pattern->code) {
		free(pattern);
		pcre2_get_error_message(code, why, sizeof why);
		return error_set(
			error, -EINVAL, "the regular expression is wrong at its byte %zu: %s", at + 1, why);
	}
	*ret_pattern = pattern;
	return 0;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_code_free(pattern->code);
	free(pattern);
}

static int search(const struct pattern *pattern, const char *text, size_t size, pcre2_match_data *data)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	int r = PCRE2_ERROR_NOMEMORY;

	if (context) {
		pcre2_set_match_limit(context, MATCH_LIMIT);
		pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
		r = pcre2_match(pattern->code, (PCRE2_SPTR)text, size, 0, 0, data, context);
	}
	pcre2_match_context_free(context);
	return r;
}

int pattern_search(const struct pattern *pattern, const char *text, size_t size, size_t *ret_start,
	size_t *ret_size, struct error *error)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(pattern->code, NULL);
	int r = data ? search(pattern, text, size, data) : PCRE2_ERROR_NOMEMORY;

	if (r >= 0) {
		const PCRE2_SIZE *found = pcre2_get_ovector_pointer(data);
		size_t group = r > 1 && found[2] != PCRE2_UNSET ? 1 : 0;

		if (ret_start)
			*ret_start = found[2 * group];
		if (ret_size)
			*ret_size = found[2 * group + 1] - found[2 * group];
	}
	pcre2_match_data_free(data);
	if (r >= 0 || r == PCRE2_ERROR_NOMATCH)
		return r >= 0;
	if (r == PCRE2_ERROR_NOMEMORY)
		return error_set(error, -ENOMEM, "out of memory");
	return error_set(
		error, -E2BIG, "the regular expression takes too long on this text: make it simpler");
}
