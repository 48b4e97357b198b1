/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/token.h"

#include "base/util.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <strings.h>

#define BASIC_MAX 4096

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

static bool basic_fits(const struct token *token, const char *encoded)
{
	unsigned char plain[BASIC_MAX];
	size_t length = strlen(encoded), padding = 0;
	const unsigned char *colon;
	bool fits;
	int n;

	if (length == 0 || length > sizeof plain || length % 4 != 0)
		return false;
	while (padding < 2 && encoded[length - 1 - padding] == '=')
		padding++;
	n = EVP_DecodeBlock(plain, (const unsigned char *)encoded, (int)length);
	if (n < (int)padding)
		return false;
	n -= (int)padding;
	colon = memchr(plain, ':', (size_t)n);
	fits = colon && hash_fits(token, colon + 1, (size_t)(plain + n - colon - 1));
	OPENSSL_cleanse(plain, sizeof plain);
	return fits;
}

bool token_fits(const struct token *token, const char *authorization)
{
	if (!token->set)
		return true;
	if (!authorization)
		return false;
	if (strncasecmp(authorization, "Bearer ", 7) == 0)
		return hash_fits(token, authorization + 7, strlen(authorization + 7));
	return strncasecmp(authorization, "Basic ", 6) == 0 && basic_fits(token, authorization + 6);
}
