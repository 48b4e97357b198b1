/* SPDX-License-Identifier: Apache-2.0 */
/* An exclusion from the configuration: an extended POSIX expression; unset or empty excludes nothing. */
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

/* Whether text is excluded. */
bool filter_excludes(const struct filter *filter, const char *text);

#endif
