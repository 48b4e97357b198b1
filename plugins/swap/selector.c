/* SPDX-License-Identifier: Apache-2.0 */
#include "selector.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>

const char *selector_end(const char *text)
{
	const char *at = text;
	bool quoted = false;

	if (!isalpha((unsigned char)*at) && *at != '_')
		return NULL;
	while (isalnum((unsigned char)*at) || *at == '_' || *at == ':')
		at++;
	if (*at != '{')
		return at;
	for (at++; *at && (quoted || *at != '}'); at++) {
		if (quoted && *at == '\\' && at[1])
			at++;
		else if (*at == '"')
			quoted = !quoted;
	}
	return *at ? at + 1 : NULL;
}
