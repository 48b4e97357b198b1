/* SPDX-License-Identifier: Apache-2.0 */
#include "fingerprint.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

void fingerprint_key_from(struct fingerprint_key *key, const void *text, size_t size)
{
	static const char purpose[] = "gavea secret fingerprint";
	unsigned int length = sizeof(key->bytes);

	HMAC(EVP_sha256(), text, (int)MIN(size, (size_t)65536), (const unsigned char *)purpose,
		sizeof(purpose) - 1, key->bytes, &length);
	key->lasting = true;
}

int fingerprint_key_load(struct fingerprint_key *key, const char *folder, struct error *error)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	int r;

	if (!folder) {
		random_bytes(key->bytes, sizeof(key->bytes));
		key->lasting = false;
		return 0;
	}
	if (asprintf(&path, "%s/fingerprint.key", folder) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	r = file_read(AT_FDCWD, path, 4096, &text);
	if (r == -ENOENT) {
		random_bytes(key->bytes, sizeof(key->bytes));
		r = file_write_atomic(AT_FDCWD, path, key->bytes, sizeof(key->bytes), 0600);
		if (r < 0)
			return error_set(
				error, r, "%s: cannot write the key of fingerprints: %s", path, strerror(-r));
	} else if (r < 0) {
		return error_set(error, r, "%s: cannot read the key of fingerprints: %s", path, strerror(-r));
	} else if (text.size != sizeof(key->bytes)) {
		return error_set(error, -EBADMSG,
			"%s: not a key of fingerprints; remove it, and make the baseline anew", path);
	} else {
		memcpy(key->bytes, text.data, sizeof(key->bytes));
		explicit_bzero(text.data, text.size);
	}
	key->lasting = true;
	return 0;
}

void fingerprint(const struct fingerprint_key *key, const void *value, size_t size,
	char ret_text[static FINGERPRINT_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	HMAC(EVP_sha256(), key->bytes, sizeof(key->bytes), value, size, digest, &length);
	for (int i = 0; i < (FINGERPRINT_SIZE - 1) / 2; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", digest[i]);
}
