/* SPDX-License-Identifier: Apache-2.0 */
/* Identity files as a server would have them written. */
#ifndef TESTS_IDENTITY_FILE_H
#define TESTS_IDENTITY_FILE_H

#include "base/buf.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define IDENTITY_NAMES(agent, machine) "URI:gavea://agent/" agent ",URI:gavea://machine/" machine

/* Appends a certificate of that key, which it signs itself. Seconds since 1970. */
static inline void identity_file_add(const char *key_pem, const char *names, const char *constraints,
	time_t not_before, time_t not_after, struct buf *out)
{
	BIO *in = BIO_new_mem_buf(key_pem, -1), *bio = BIO_new(BIO_s_mem());
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	X509 *certificate = X509_new();
	X509_EXTENSION *extension;
	char *text;
	long size;

	assert(key);
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
	ASN1_TIME_set(X509_getm_notBefore(certificate), not_before);
	ASN1_TIME_set(X509_getm_notAfter(certificate), not_after);
	X509_set_pubkey(certificate, key);
	extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, constraints);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	if (X509_sign(certificate, key, EVP_sha256()) <= 0)
		abort();
	PEM_write_bio_X509(bio, certificate);
	size = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)size);
	X509_free(certificate);
	EVP_PKEY_free(key);
	BIO_free(in);
	BIO_free(bio);
}

#endif
