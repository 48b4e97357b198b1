/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions (PCRE2) that cannot take for ever, and need no memory that is both written and executed. */
#ifndef HTTP_PATTERN_H
#define HTTP_PATTERN_H

#include "base/error.h"

struct pattern;

/* 0; -EINVAL with "the regular expression is wrong at its byte N: why"; -ENOMEM. */
int pattern_new(const char *text, struct pattern **ret_pattern, struct error *error);
void pattern_free(struct pattern *pattern);

/* 1 or 0; *ret_start and *ret_size (may be NULL) get the first group, or all of the match when there is no group. Bytes
 * that are not valid UTF-8 match nothing. -E2BIG with an error when it takes too long; -ENOMEM. */
int pattern_search(const struct pattern *pattern, const char *text, size_t size, size_t *ret_start,
	size_t *ret_size, struct error *error);

#endif
