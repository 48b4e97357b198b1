/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/swap
/* A line of a proxy's log, of which clients choose a part. */
#include "plugins/swap/logline.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_lie_within(const struct logtext *text, const char *line, size_t size)
{
	if (text->size && (text->at < line || text->at + text->size > line + size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of its exact size, so that a byte too far is seen. */
	char *line = malloc(size ? size : 1);
	struct logline parsed;

	if (!line)
		return 0;
	if (size)
		memcpy(line, data, size);
	if (logline_parse(line, size, &parsed) == 0) {
		must_lie_within(&parsed.backend, line, size);
		must_lie_within(&parsed.server, line, size);
		if (parsed.wait < -1 || (parsed.aborted && parsed.failed) || (parsed.local && parsed.failed))
			abort();
	}
	free(line);
	return 0;
}
