/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/exec
/* What a program writes: output and perfdata, and the ranges in them. */
#include "base/range.h"
#include "plugins/exec/output.h"
#include "plugins/exec/perfdata.h"

#include <math.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_range(const char *text)
{
	struct range range, again;
	char written[64];

	if (range_parse(text, RANGE_ANY, &range, NULL) < 0)
		return;
	(void)range_alerts(&range, 1);
	if (isnan(range.low) || isnan(range.high) || range.kind == RANGE_ANY)
		abort();
	range_text(written, &range);
	if (range_parse(written, RANGE_ANY, &again, NULL) == 0 && again.inside != range.inside)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct output output = {0};
	struct perfdata perfdata;
	struct buf text = BUF_INIT;
	char *rest;
	int r;

	buf_add(&text, data, size);
	if (output_split(&text, &output) < 0)
		abort();
	try_range(output.summary);
	rest = output.perfdata.data;
	while (rest && (r = perfdata_next(&rest, &perfdata)) != 0) {
		if (r < 0)
			continue;
		try_range(perfdata.warning);
		try_range(perfdata.critical);
	}
	output_done(&output);
	buf_done(&text);
	return 0;
}
