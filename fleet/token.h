/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of the API: only their hash is kept, and it is compared in constant time. */
#ifndef FLEET_TOKEN_H
#define FLEET_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

struct token {
	bool set; /* false: everybody may */
	uint8_t hash[32];
};

/* From its text; NULL: none is asked for. */
struct token token_make(const char *text);

/* Judges an Authorization header (may be NULL): "Bearer TOKEN", or "Basic" with the token as password, for
 * browsers. */
bool token_fits(const struct token *token, const char *authorization);

#endif
