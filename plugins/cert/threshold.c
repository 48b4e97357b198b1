/* SPDX-License-Identifier: Apache-2.0 */
#include "threshold.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>

#define DAY INT64_C(86400)

const struct threshold threshold_warning_default = {THRESHOLD_RELATIVE, 30 * DAY, 1.0 / 3};
const struct threshold threshold_critical_default = {THRESHOLD_RELATIVE, 7 * DAY, 1.0 / 10};

int threshold_parse(const char *key, const char *text, const struct threshold *fallback,
	struct threshold *ret_threshold, struct error *error)
{
	int64_t time;
	double percent;

	if (str_empty(text)) {
		*ret_threshold = *fallback;
		return 0;
	}
	if (parse_percent(text, &percent) == 0) {
		if (!(percent >= 0 && percent <= 100))
			return error_set(error, -EINVAL, "%s: must be 0%% to 100%%", key);
		*ret_threshold = (struct threshold){.kind = THRESHOLD_PART, .part = percent / 100};
		return 0;
	}
	if (parse_duration(text, &time) < 0 || time < 0)
		return error_set(error, -EINVAL,
			"%s: \"%.64s\" is neither a time such as \"30d\" nor a part of the lifetime such as "
			"\"33%%\"",
			key, text);
	*ret_threshold = (struct threshold){.kind = THRESHOLD_TIME, .seconds = time / NSEC_PER_SEC};
	return 0;
}

int64_t threshold_seconds(const struct threshold *threshold, int64_t lifetime)
{
	int64_t part = lifetime > 0 ? (int64_t)((double)lifetime * threshold->part) : 0;

	switch (threshold->kind) {
	case THRESHOLD_TIME:
		return threshold->seconds;
	case THRESHOLD_PART:
		return part;
	default:
		return MIN(threshold->seconds, part);
	}
}
