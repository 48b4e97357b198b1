/* SPDX-License-Identifier: Apache-2.0 */
#include "credentials.h"

#include <errno.h>
#include <stdint.h>
#include <strings.h>

#define SCHEME "Basic "
#define PASSWORD_MAX 1024u

struct credentials {
	char *expected; /* in Base64, what follows the scheme */
	size_t size;
};

/* Writes the Base64 form of bytes and a NUL byte; out has room for 4 characters per 3 bytes begun. */
static void encode_base64(const unsigned char *bytes, size_t size, char *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3) {
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (i + 1 < size)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < size)
			group |= bytes[i + 2];
		*out++ = letters[group >> 18];
		*out++ = letters[group >> 12 & 63];
		*out++ = i + 1 < size ? letters[group >> 6 & 63] : '=';
		*out++ = i + 2 < size ? letters[group & 63] : '=';
	}
	*out = '\0';
}

int credentials_new(const char *user, const char *password, size_t password_size,
	struct credentials **ret_credentials, struct error *error)
{
	size_t user_size = strlen(user), size = user_size + 1 + password_size;
	_cleanup_free_ char *plain = NULL;
	struct credentials *credentials;

	if (strchr(user, ':'))
		return error_set(error, -EINVAL, "user: must not have a colon");
	if (password_size == 0 || password_size > PASSWORD_MAX)
		return error_set(error, -EINVAL, "password: must have 1 to %u bytes", PASSWORD_MAX);
	plain = malloc(size + 1);
	credentials = calloc(1, sizeof(*credentials));
	if (credentials)
		credentials->expected = malloc((size + 2) / 3 * 4 + 1);
	if (!plain || !credentials || !credentials->expected) {
		credentials_free(credentials);
		return error_set(error, -ENOMEM, "out of memory");
	}
	memcpy(plain, user, user_size);
	plain[user_size] = ':';
	memcpy(plain + user_size + 1, password, password_size);
	encode_base64((const unsigned char *)plain, size, credentials->expected);
	credentials->size = strlen(credentials->expected);
	explicit_bzero(plain, size);
	*ret_credentials = credentials;
	return 0;
}

void credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return;
	if (credentials->expected)
		explicit_bzero(credentials->expected, credentials->size);
	free(credentials->expected);
	free(credentials);
}

bool credentials_match(const struct credentials *credentials, const char *header)
{
	unsigned char difference = 0;
	size_t size;

	if (!header || strncasecmp(header, SCHEME, strlen(SCHEME)) != 0)
		return false;
	header += strlen(SCHEME);
	header += strspn(header, " ");
	size = strlen(header);
	for (size_t i = 0; i < size; i++)
		difference |= (unsigned char)(header[i] ^ credentials->expected[i % credentials->size]);
	return size == credentials->size && difference == 0;
}
