/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/credential.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#define AGENT_URI "gavea://agent/"
#define MACHINE_URI "gavea://machine/"
#define CERTIFICATES_MAX 8

DEFINE_CLEANUP(X509 *, X509_free);
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free);
DEFINE_CLEANUP(BIO *, BIO_free_all);

void credential_wipe(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->room);
	buf_done(buf);
}

static int take_memory(BIO *bio, struct buf *out)
{
	char *text;
	long size = BIO_get_mem_data(bio, &text);

	buf_add(out, text, (size_t)size);
	return buf_error(out);
}

int credential_make_key(struct buf *ret_pem)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_secmem());

	if (!key || !bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
		ERR_clear_error();
		return -ENOMEM;
	}
	return take_memory(bio, ret_pem);
}

/* No password is asked for at a terminal. */
static int no_password(
	char *buffer _unused_, int size _unused_, int writing _unused_, void *userdata _unused_)
{
	return -1;
}

static EVP_PKEY *read_key(const char *pem)
{
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

	ERR_clear_error();
	return key;
}

int credential_make_request(const char *key_pem, const char *name, struct buf *ret_csr, struct error *error)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = read_key(key_pem);
	_cleanup_(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME *subject = request ? X509_REQ_get_subject_name(request) : NULL;
	bool made;

	if (!key)
		return error_set(error, -EINVAL, "there is no private key in PEM");
	made = subject && bio && X509_REQ_set_version(request, X509_REQ_VERSION_1) &&
		X509_NAME_add_entry_by_txt(
			subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) &&
		X509_REQ_set_pubkey(request, key) && X509_REQ_sign(request, key, EVP_sha256()) &&
		PEM_write_bio_X509_REQ(bio, request);
	ERR_clear_error();
	if (!made || take_memory(bio, ret_csr) < 0)
		return error_set(error, -ENOMEM, "a request for a certificate cannot be made");
	return 0;
}

static void take_uri(const ASN1_STRING *uri, const char *prefix, char id[static CREDENTIAL_ID_SIZE])
{
	const char *text = (const char *)ASN1_STRING_get0_data(uri);
	size_t length = strlen(prefix);

	if ((size_t)ASN1_STRING_length(uri) != length + CREDENTIAL_ID_SIZE - 1 ||
		memcmp(text, prefix, length) != 0)
		return;
	memcpy(id, text + length, CREDENTIAL_ID_SIZE - 1);
	if (strspn(id, "0123456789abcdef") != CREDENTIAL_ID_SIZE - 1)
		id[0] = 0;
}

static int64_t to_ms(const ASN1_TIME *time)
{
	struct tm tm = {};

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

static void read_certificate(X509 *certificate, struct own_credential *credential)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int type;
		const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);

		if (type != GEN_URI)
			continue;
		take_uri(value, AGENT_URI, credential->agent_id);
		take_uri(value, MACHINE_URI, credential->machine_id);
	}
	GENERAL_NAMES_free(names);
	credential->not_before_ms = to_ms(X509_get0_notBefore(certificate));
	credential->not_after_ms = to_ms(X509_get0_notAfter(certificate));
}

/* The at-th certificate of a text, or NULL. */
static X509 *certificate_at(const char *pem, int at)
{
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = NULL;

	for (int i = 0; bio && i <= at; i++) {
		X509_free(certificate);
		certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		if (!certificate)
			break;
	}
	ERR_clear_error();
	return certificate;
}

/* NULL: there is none. */
static X509 *find_authority(const char *pem)
{
	for (int i = 0; i < CERTIFICATES_MAX; i++) {
		_cleanup_(X509_freep) X509 *certificate = certificate_at(pem, i);

		if (!certificate)
			return NULL;
		if (X509_check_ca(certificate) > 0)
			return TAKE_PTR(certificate);
	}
	return NULL;
}

int credential_read(const char *pem, struct own_credential *ret_credential, struct error *error)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = read_key(pem);
	_cleanup_(X509_freep) X509 *certificate = certificate_at(pem, 0);
	_cleanup_(X509_freep) X509 *authority = find_authority(pem);
	struct own_credential credential = {.pinned = authority != NULL};
	bool pair = key && certificate && X509_check_private_key(certificate, key) == 1;

	ERR_clear_error();
	if (!pair)
		return error_set(error, -EINVAL, "there is no private key with its certificate in it");
	read_certificate(certificate, &credential);
	if (!credential.agent_id[0] || !credential.machine_id[0])
		return error_set(error, -EINVAL, "the certificate in it is not that of an agent");
	*ret_credential = credential;
	return 0;
}

int credential_fingerprint(const char *pem, char ret_text[static CREDENTIAL_FINGERPRINT_SIZE])
{
	_cleanup_(X509_freep) X509 *certificate = certificate_at(pem, 0);
	unsigned char hash[32];

	if (!certificate || X509_digest(certificate, EVP_sha256(), hash, NULL) != 1)
		return -EINVAL;
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

void credential_add_authority(const char *pem, struct buf *out)
{
	_cleanup_(X509_freep) X509 *authority = find_authority(pem);
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

	if (authority && bio && PEM_write_bio_X509(bio, authority))
		(void)take_memory(bio, out);
	ERR_clear_error();
}
