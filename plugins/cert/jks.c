/* SPDX-License-Identifier: Apache-2.0 */
#include "jks.h"

#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>

#define MAGIC_JKS 0xfeedfeedu
#define MAGIC_JCEKS 0xcecececeu
#define DIGEST_SIZE 20
#define ALIAS_MAX 128
#define CHAIN_MAX 100
#define PASSWORD_MAX 1024

enum {
	TAG_KEY = 1,
	TAG_TRUSTED = 2,
	TAG_SECRET = 3,
};

/* What is left to read. */
struct cursor {
	const unsigned char *at;
	size_t left;
};

static bool take(struct cursor *cursor, size_t size, const unsigned char **ret_bytes)
{
	if (cursor->left < size)
		return false;
	*ret_bytes = cursor->at;
	cursor->at += size;
	cursor->left -= size;
	return true;
}

static bool take_number(struct cursor *cursor, size_t size, uint32_t *ret_number)
{
	const unsigned char *bytes;
	uint32_t number = 0;

	if (!take(cursor, size, &bytes))
		return false;
	for (size_t i = 0; i < size; i++)
		number = number << 8 | bytes[i];
	*ret_number = number;
	return true;
}

/* Bytes behind their length, which takes length_size bytes. */
static bool take_block(
	struct cursor *cursor, size_t length_size, const unsigned char **ret_bytes, uint32_t *ret_size)
{
	return take_number(cursor, length_size, ret_size) && take(cursor, *ret_size, ret_bytes);
}

static bool take_alias(struct cursor *cursor, char alias[static ALIAS_MAX + 1])
{
	const unsigned char *bytes;
	uint32_t size;

	if (!take_block(cursor, 2, &bytes, &size))
		return false;
	size = MIN(size, (uint32_t)ALIAS_MAX);
	if (size)
		memcpy(alias, bytes, size);
	alias[size] = '\0';
	for (uint32_t i = 0; i < size; i++)
		if (iscntrl((unsigned char)alias[i]))
			alias[i] = '?';
	utf8_repair(alias, size);
	return true;
}

static bool take_certificate(struct cursor *cursor, uint32_t version, const char *alias, unsigned entry,
	bool trusted, struct bundle *bundle)
{
	const unsigned char *bytes;
	uint32_t size;

	/* the type, always "X.509" */
	if (version == 2 && !take_block(cursor, 2, &bytes, &size))
		return false;
	if (!take_block(cursor, 4, &bytes, &size))
		return false;
	return bundle_add_der(bundle, bytes, size, alias, entry, trusted) != -E2BIG;
}

static bool take_key(
	struct cursor *cursor, uint32_t version, const char *alias, unsigned entry, struct bundle *bundle)
{
	const unsigned char *bytes;
	uint32_t size, count;

	if (!take_block(cursor, 4, &bytes, &size) || !take_number(cursor, 4, &count) || count > CHAIN_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!take_certificate(cursor, version, alias, entry, false, bundle))
			return false;
	return true;
}

static bool take_entry(struct cursor *cursor, uint32_t version, unsigned entry, struct bundle *bundle)
{
	char alias[ALIAS_MAX + 1];
	const unsigned char *date;
	uint32_t tag;

	if (!take_number(cursor, 4, &tag) || !take_alias(cursor, alias) || !take(cursor, 8, &date))
		return false;
	switch (tag) {
	case TAG_KEY:
		return take_key(cursor, version, alias, entry, bundle);
	case TAG_TRUSTED:
		return take_certificate(cursor, version, alias, entry, true, bundle);
	case TAG_SECRET:
		/* A serialised Java object: where it ends only Java knows. */
		findings_add(&bundle->findings, GAVEA_UNKNOWN, 0, "keep secret keys in a store of their own",
			"entry %s is a secret key: what follows it cannot be read", alias);
		cursor->left = 0;
		return true;
	default:
		return false;
	}
}

static void check_digest(const char *content, size_t size, const char *password, struct bundle *bundle)
{
	unsigned char digest[EVP_MAX_MD_SIZE], wide[2 * PASSWORD_MAX];
	size_t length = MIN(strlen(password), (size_t)PASSWORD_MAX);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done;

	for (size_t i = 0; i < length; i++) {
		wide[2 * i] = 0;
		wide[2 * i + 1] = (unsigned char)password[i];
	}
	done = ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) && EVP_DigestUpdate(ctx, wide, 2 * length) &&
		EVP_DigestUpdate(ctx, "Mighty Aphrodite", 16) &&
		EVP_DigestUpdate(ctx, content, size - DIGEST_SIZE) && EVP_DigestFinal_ex(ctx, digest, NULL);
	EVP_MD_CTX_free(ctx);
	explicit_bzero(wide, sizeof(wide));
	if (!done)
		findings_add(&bundle->findings, GAVEA_UNKNOWN, 0, NULL,
			"the digest of the key store cannot be computed");
	else if (CRYPTO_memcmp(digest, content + size - DIGEST_SIZE, DIGEST_SIZE) != 0)
		findings_add(&bundle->findings, GAVEA_CRITICAL, FINDING_BREAKS,
			"correct password, or restore the file",
			"the key store was changed, or the password is wrong");
}

bool jks_is(const char *content, size_t size)
{
	struct cursor cursor = {(const unsigned char *)content, size};
	uint32_t magic;

	return take_number(&cursor, 4, &magic) && (magic == MAGIC_JKS || magic == MAGIC_JCEKS);
}

int jks_read(const char *content, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle)
{
	struct cursor cursor = {(const unsigned char *)content, size - MIN(size, (size_t)DIGEST_SIZE)};
	uint32_t magic, version, count;

	bundle->form = "JKS";
	if (!take_number(&cursor, 4, &magic) || !take_number(&cursor, 4, &version) ||
		!take_number(&cursor, 4, &count) || version < 1 || version > 2) {
		bundle_broken(bundle, "restore the file", "the key store is damaged or cut off");
		return 0;
	}
	if (magic == MAGIC_JCEKS)
		bundle->form = "JCEKS";
	for (uint32_t i = 0; i < count && (i == 0 || cursor.left > 0); i++)
		if (!take_entry(&cursor, version, i + 1, bundle)) {
			if (!bundle->broken)
				bundle_broken(bundle, "restore the file",
					"the key store is damaged or cut off in entry %u", i + 1);
			return 0;
		}
	if (secrets->password)
		check_digest(content, size, secrets->password, bundle);
	return bundle->findings.lost ? -ENOMEM : 0;
}
