/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: lib/net fleet
/* What the server itself reads in the head of a request: escapes, the Authorization header, a stream's last event. The
 * first byte says which. */
#include "fleet/token.h"
#include "fleet/web/stream.h"
#include "net/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = size > 0 ? strndup((const char *)data + 1, size - 1) : NULL;
	const struct token token = {.set = true};
	size_t before, after;

	if (!text)
		return 0;
	switch (*data % 3) {
	case 0:
		before = strlen(text);
		after = httpd_unescape(NULL, NULL, text);
		if (after > before || strlen(text) != after)
			abort();
		break;
	case 1:
		if (token_fits(&token, text))
			abort(); /* nothing hashes to zeros */
		break;
	default:
		streams_seen("0123456789abcdef", text);
	}
	free(text);
	return 0;
}
