/* SPDX-License-Identifier: Apache-2.0 */
/* A check's result for people: the line, the items, the samples. */
#ifndef CLI_RESULT_TEXT_H
#define CLI_RESULT_TEXT_H

#include "agent/result_json.h"
#include "cli/terminal.h"

struct result_view {
	const char *check;
	const Gavea__V1__Result *result; /* NULL: has not run yet */
	const struct result_sample *samples;
	size_t sample_count;
	bool all_samples; /* else only how many there are */
	bool all_attributes; /* of items */
};

/* 0 or -ENOMEM. */
int result_text(const struct result_view *view, const struct terminal *terminal, struct buf *out);

#endif
