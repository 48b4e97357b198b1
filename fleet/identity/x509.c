/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/x509.h"

#include "base/random.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#define EARLY_MS 300000

int x509_error(struct error *error, const char *what)
{
	unsigned long code = ERR_get_error();
	char text[160] = "out of memory";

	if (code)
		ERR_error_string_n(code, text, sizeof text);
	ERR_clear_error();
	return error_set(error, code ? -EINVAL : -ENOMEM, "%s: %s", what, text);
}

EVP_PKEY *x509_make_key(void)
{
	return EVP_EC_gen("P-256");
}

bool x509_is_p256(const EVP_PKEY *key)
{
	char group[32];

	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
		(streq(group, "prime256v1") || streq(group, "P-256"));
}

void x509_hash_key(const EVP_PKEY *key, uint8_t ret_hash[static 32])
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key, &der);

	SHA256(der, size > 0 ? (size_t)size : 0, ret_hash);
	OPENSSL_free(der);
}

static void hexadecimal(const uint8_t *bytes, size_t size, char *text)
{
	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

void x509_fingerprint(const X509 *certificate, char ret_text[static 65])
{
	uint8_t hash[32] = {};

	X509_digest(certificate, EVP_sha256(), hash, NULL);
	hexadecimal(hash, sizeof hash, ret_text);
}

void x509_serial(const X509 *certificate, char ret_text[static 33])
{
	uint8_t bytes[16] = {};
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);

	if (number && BN_num_bytes(number) <= (int)sizeof bytes)
		BN_bn2binpad(number, bytes, sizeof bytes);
	BN_free(number);
	hexadecimal(bytes, sizeof bytes, ret_text);
}

static int64_t to_ms(const ASN1_TIME *time)
{
	struct tm tm = {};

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

int64_t x509_not_before_ms(const X509 *certificate)
{
	return to_ms(X509_get0_notBefore(certificate));
}

int64_t x509_not_after_ms(const X509 *certificate)
{
	return to_ms(X509_get0_notAfter(certificate));
}

static bool set_serial(X509 *certificate)
{
	uint8_t bytes[16];
	BIGNUM *number;
	bool good;

	random_bytes(bytes, sizeof bytes);
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and always as long */
	number = BN_bin2bn(bytes, sizeof bytes, NULL);
	good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return good;
}

X509 *x509_new(const char *common_name, EVP_PKEY *key, int64_t now_ms, int64_t lifetime_ms)
{
	X509 *certificate = X509_new();
	int64_t begin_ms = now_ms - MIN(lifetime_ms / 10, EARLY_MS);
	X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;

	if (certificate && X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
		X509_NAME_add_entry_by_txt(
			name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) &&
		ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(begin_ms / 1000)) &&
		ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)((now_ms + lifetime_ms) / 1000)) &&
		X509_set_pubkey(certificate, key))
		return certificate;
	X509_free(certificate);
	return NULL;
}

int x509_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	int good;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&context);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	good = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return good ? 0 : -EINVAL;
}

static int take_memory(BIO *bio, struct buf *out)
{
	char *text;
	long size = BIO_get_mem_data(bio, &text);

	buf_add(out, text, (size_t)size);
	return buf_error(out);
}

int x509_add_pem(const X509 *certificate, struct buf *out)
{
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

	return bio && PEM_write_bio_X509(bio, certificate) ? take_memory(bio, out) : -ENOMEM;
}

int x509_add_key_pem(const EVP_PKEY *key, struct buf *out)
{
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_secmem());

	return bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
		? take_memory(bio, out)
		: -ENOMEM;
}

X509 *x509_read_pem(const char *text, size_t size)
{
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(text, (int)size);

	return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

/* No password is asked for at a terminal. */
static int no_password(
	char *buffer _unused_, int size _unused_, int writing _unused_, void *userdata _unused_)
{
	return -1;
}

EVP_PKEY *x509_read_key_pem(const char *text, size_t size)
{
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(text, (int)size);

	return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
}
