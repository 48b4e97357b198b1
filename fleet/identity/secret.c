/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/secret.h"

#include "base/crc32c.h"
#include "base/random.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <strings.h>

#define RANDOM_BYTES 32
#define SUM_DIGITS 8
#define HEADER_MAX 4096

void secret_done(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->room);
	buf_done(buf);
}

void secret_make(const char *kind, const char *fingerprint, struct buf *out)
{
	uint8_t bytes[RANDOM_BYTES];

	random_bytes(bytes, sizeof bytes);
	buf_printf(out, "gavea_%s_", kind);
	for (size_t i = 0; i < sizeof bytes; i++)
		buf_printf(out, "%02x", bytes[i]);
	buf_printf(out, "%08x", crc32c(0, buf_str(out), out->size));
	if (fingerprint)
		buf_printf(out, ".%s", fingerprint);
	explicit_bzero(bytes, sizeof bytes);
}

bool secret_hash(const char *text, uint8_t ret_hash[static SECRET_HASH_SIZE])
{
	const char *rest = startswith(text, "gavea_api_");
	size_t digits, length;
	char sum[SUM_DIGITS + 1];

	if (!rest)
		rest = startswith(text, "gavea_enroll_");
	if (!rest)
		return false;
	digits = strspn(rest, "0123456789abcdef");
	if (digits != 2 * RANDOM_BYTES + SUM_DIGITS || (rest[digits] && rest[digits] != '.'))
		return false;
	length = (size_t)(rest - text) + digits;
	snprintf(sum, sizeof sum, "%08x", crc32c(0, text, length - SUM_DIGITS));
	if (memcmp(sum, text + length - SUM_DIGITS, SUM_DIGITS) != 0)
		return false;
	SHA256((const unsigned char *)text, length, ret_hash);
	return true;
}

static bool password_of(const char *encoded, struct buf *out)
{
	size_t length = strlen(encoded), padding = 0;
	unsigned char plain[HEADER_MAX];
	const unsigned char *colon;
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
	if (colon)
		buf_add(out, colon + 1, (size_t)(plain + n - colon - 1));
	explicit_bzero(plain, sizeof plain);
	return colon && strlen(buf_str(out)) == out->size;
}

bool secret_from_header(const char *authorization, struct buf *out)
{
	if (!authorization || strlen(authorization) > HEADER_MAX)
		return false;
	if (strncasecmp(authorization, "Bearer ", 7) == 0) {
		buf_add_str(out, authorization + 7);
		return true;
	}
	return strncasecmp(authorization, "Basic ", 6) == 0 && password_of(authorization + 6, out);
}
