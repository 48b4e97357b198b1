/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define HOLD_MAX (30 * 24 * 3600 * NSEC_PER_SEC)

static int parse_step(const char *text, struct step *ret_step, struct error *error)
{
	size_t length = strcspn(text, " ");
	const char *hold = text + length + strspn(text + length, " ");
	char share[16];
	double percent;
	int64_t time = 0;

	snprintf(share, sizeof share, "%.*s", (int)MIN(length, sizeof share - 1), text);
	if (parse_percent(share, &percent) < 0 || percent < 0.01 || percent > 100)
		return error_set(error, -EINVAL,
			"\"%s\": expected a share from 0.01%% to 100%% and a time, such as \"5%% 2h\"", text);
	if (*hold && (parse_duration(hold, &time) < 0 || time < 0 || time > HOLD_MAX))
		return error_set(
			error, -EINVAL, "\"%s\": expected a time of at most 30d after the share", text);
	*ret_step = (struct step){.share = (uint32_t)lround(percent * 100), .hold = time};
	return 0;
}

int steps_parse(
	const char *const *texts, size_t count, struct step *steps, size_t *ret_count, struct error *error)
{
	uint32_t last = 0;

	if (count == 0 || count > STEPS_MAX)
		return error_set(error, -EINVAL, "expected 1 to %d steps, got %zu", STEPS_MAX, count);
	for (size_t i = 0; i < count; i++) {
		int r = parse_step(texts[i], &steps[i], error);

		if (r < 0)
			return r;
		if (steps[i].share <= last)
			return error_set(error, -EINVAL,
				"\"%s\": each step has to give more than the one before", texts[i]);
		last = steps[i].share;
	}
	if (last != 10000)
		return error_set(error, -EINVAL, "\"%s\": the last step has to be 100%%", texts[count - 1]);
	*ret_count = count;
	return 0;
}
