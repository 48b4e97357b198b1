/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/token.h"

#include "fleet/identity/secret.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

static bool hash_fits(const struct token *token, const void *text, size_t size)
{
	uint8_t hash[32];

	SHA256(text, size, hash);
	return CRYPTO_memcmp(hash, token->hash, sizeof hash) == 0;
}

struct token token_make(const char *text)
{
	struct token token = {.set = text != NULL};

	if (text)
		SHA256((const unsigned char *)text, strlen(text), token.hash);
	return token;
}

bool token_fits(const struct token *token, const char *authorization)
{
	_cleanup_secret_ struct buf text = BUF_INIT;

	if (!token->set)
		return true;
	return secret_from_header(authorization, &text) && hash_fits(token, buf_str(&text), text.size);
}
