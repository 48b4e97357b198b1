/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"

#include "base/util.h"

#include <errno.h>

int filter_open(struct filter *filter, struct gavea_check *check, const char *key)
{
	const char *text = gavea_option_string(check, key);
	int r;

	filter->set = false;
	if (str_empty(text))
		return 0;
	r = regcomp(&filter->regex, text, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		char reason[128];

		regerror(r, &filter->regex, reason, sizeof(reason));
		return gavea_fail(check, -EINVAL, "%s: \"%s\" is no valid expression: %s", key, text, reason);
	}
	filter->set = true;
	return 0;
}

void filter_close(struct filter *filter)
{
	if (filter->set)
		regfree(&filter->regex);
	filter->set = false;
}

bool filter_excludes(const struct filter *filter, const char *text)
{
	return filter->set && regexec(&filter->regex, text, 0, NULL, 0) == 0;
}

bool filter_includes(const struct filter *filter, const char *text)
{
	return !filter->set || regexec(&filter->regex, text, 0, NULL, 0) == 0;
}
