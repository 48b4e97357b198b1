/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/prometheus
/* Accept headers of a hostile client. Whatever comes, a format is chosen; OpenMetrics only for who names it, or all. */
#include "plugins/prometheus/negotiate.h"

#include "base/util.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (negotiate_format(text) == FORMAT_OPENMETRICS && !strcasestr(text, "application/") &&
		!strstr(text, "*/*"))
		__builtin_trap();
	if (negotiate_gzip(text) && !strcasestr(text, "gzip") && !strchr(text, '*'))
		__builtin_trap();
	return 0;
}
