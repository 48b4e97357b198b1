/* SPDX-License-Identifier: Apache-2.0 */
/* An expression from the configuration, extended POSIX: of what is left out, or of what is taken. */
#ifndef HOST_FILTER_H
#define HOST_FILTER_H

#include <gavea/plugin.h>

#include <regex.h>
#include <stdbool.h>

struct filter {
	regex_t regex;
	bool set;
};

/* Compiles the option of that key. 0, or -EINVAL after gavea_fail(). */
int filter_open(struct filter *filter, struct gavea_check *check, const char *key);
void filter_close(struct filter *filter);

/* Whether text is excluded; an expression that is unset or empty excludes nothing. */
bool filter_excludes(const struct filter *filter, const char *text);

/* Whether text is taken; an expression that is unset or empty takes all. */
bool filter_includes(const struct filter *filter, const char *text);

#endif
