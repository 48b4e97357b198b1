/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore.h"

#include "base/util.h"

#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <stdbool.h>
#include <stdint.h>

#define ITERATIONS_MAX 200000
#define DIGEST_SIZE 20
#define JKS_TRUSTED 2 /* an entry that is a certificate alone */

static const char *const trivial[] = {
	"", "changeit", "changeme", "password", "secret", "123456", "keystore", "test"};

/* The end of a JKS is the SHA-1 of the password in UTF-16, a phrase and all that comes before. */
static bool jks_opens(const unsigned char *bytes, size_t size, const char *password)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	bool same;

	EVP_DigestInit_ex(context, EVP_sha1(), NULL);
	for (const char *p = password; *p; p++) {
		unsigned char pair[2] = {0, (unsigned char)*p};

		EVP_DigestUpdate(context, pair, sizeof(pair));
	}
	EVP_DigestUpdate(context, "Mighty Aphrodite", 16);
	EVP_DigestUpdate(context, bytes, size - DIGEST_SIZE);
	EVP_DigestFinal_ex(context, digest, NULL);
	EVP_MD_CTX_free(context);
	same = memcmp(digest, bytes + size - DIGEST_SIZE, DIGEST_SIZE) == 0;
	return same;
}

/* ---- Whether there is something to protect: a store of certificates that are trusted is public ---- */

/* A cursor that says false once for all when it would leave the bytes. */
struct cursor {
	const unsigned char *at;
	const unsigned char *end;
	bool broken;
};

static uint32_t take_number(struct cursor *cursor, unsigned size)
{
	uint32_t number = 0;

	if ((size_t)(cursor->end - cursor->at) < size) {
		cursor->broken = true;
		return 0;
	}
	for (unsigned i = 0; i < size; i++)
		number = number << 8 | *cursor->at++;
	return number;
}

static void skip(struct cursor *cursor, size_t size)
{
	if ((size_t)(cursor->end - cursor->at) < size)
		cursor->broken = true;
	else
		cursor->at += size;
}

/* What cannot be followed counts as a key. */
static bool jks_has_key(const unsigned char *bytes, size_t size)
{
	struct cursor cursor = {bytes + 4, bytes + size - DIGEST_SIZE, false};
	uint32_t version = take_number(&cursor, 4), count = take_number(&cursor, 4);

	for (uint32_t i = 0; i < count && !cursor.broken; i++) {
		if (take_number(&cursor, 4) != JKS_TRUSTED)
			return true;
		skip(&cursor, take_number(&cursor, 2)); /* alias */
		skip(&cursor, 8); /* time */
		if (version == 2)
			skip(&cursor, take_number(&cursor, 2)); /* type */
		skip(&cursor, take_number(&cursor, 4));
	}
	return cursor.broken;
}

static bool bags_have_key(const STACK_OF(PKCS12_SAFEBAG) * bags)
{
	for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		int type = PKCS12_SAFEBAG_get_nid(sk_PKCS12_SAFEBAG_value(bags, i));

		if (type != NID_certBag && type != NID_crlBag)
			return true;
	}
	return false;
}

/* Keys are locked one by one, in the part that is open; what is locked as a whole are certificates. */
static bool pkcs12_has_key(const PKCS12 *store)
{
	STACK_OF(PKCS7) *parts = PKCS12_unpack_authsafes(store);
	bool found = !parts;

	for (int i = 0; !found && i < sk_PKCS7_num(parts); i++) {
		PKCS7 *part = sk_PKCS7_value(parts, i);
		STACK_OF(PKCS12_SAFEBAG) *bags = PKCS7_type_is_data(part) ? PKCS12_unpack_p7data(part) : NULL;

		found = bags && bags_have_key(bags);
		sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	}
	sk_PKCS7_pop_free(parts, PKCS7_free);
	return found;
}

static int pkcs12_is_trivial(const unsigned char *bytes, size_t size)
{
	PKCS12 *store = d2i_PKCS12(NULL, &bytes, (long)size);
	const ASN1_INTEGER *iterations = NULL;
	int r = 0;

	if (store && PKCS12_mac_present(store) && pkcs12_has_key(store)) {
		PKCS12_get0_mac(NULL, NULL, NULL, &iterations, store);
		if (iterations &&
			(ASN1_INTEGER_get(iterations) < 0 || ASN1_INTEGER_get(iterations) > ITERATIONS_MAX))
			r = -E2BIG;
		for (size_t i = 0; r == 0 && i < ARRAY_SIZE(trivial); i++)
			r = PKCS12_verify_mac(store, trivial[i], -1) == 1;
		if (r == 0)
			r = PKCS12_verify_mac(store, NULL, 0) == 1;
	}
	PKCS12_free(store);
	ERR_clear_error();
	return r;
}

int keystore_is_trivial(const void *bytes, size_t size)
{
	static const unsigned char jks[] = {0xfe, 0xed, 0xfe, 0xed}, jceks[] = {0xce, 0xce, 0xce, 0xce};

	if (size > DIGEST_SIZE + 12 &&
		(memcmp(bytes, jks, sizeof(jks)) == 0 || memcmp(bytes, jceks, sizeof(jceks)) == 0)) {
		for (size_t i = 0; jks_has_key(bytes, size) && i < ARRAY_SIZE(trivial); i++)
			if (jks_opens(bytes, size, trivial[i]))
				return 1;
		return 0;
	}
	return size > 16 && *(const unsigned char *)bytes == 0x30 ? pkcs12_is_trivial(bytes, size) : 0;
}
