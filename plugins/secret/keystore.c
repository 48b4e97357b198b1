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

static int pkcs12_is_trivial(const unsigned char *bytes, size_t size)
{
	PKCS12 *store = d2i_PKCS12(NULL, &bytes, (long)size);
	const ASN1_INTEGER *iterations = NULL;
	int r = 0;

	if (store && PKCS12_mac_present(store)) {
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
		for (size_t i = 0; i < ARRAY_SIZE(trivial); i++)
			if (jks_opens(bytes, size, trivial[i]))
				return 1;
		return 0;
	}
	return size > 16 && *(const unsigned char *)bytes == 0x30 ? pkcs12_is_trivial(bytes, size) : 0;
}
