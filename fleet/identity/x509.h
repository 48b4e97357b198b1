/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates by OpenSSL, as the authority needs them. */
#ifndef FLEET_IDENTITY_X509_H
#define FLEET_IDENTITY_X509_H

#include "base/buf.h"
#include "base/error.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

DEFINE_CLEANUP(X509 *, X509_free);
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free);
DEFINE_CLEANUP(BIO *, BIO_free_all);

/* All: NULL or -errno, with error filled from OpenSSL's own where there is something. */
int x509_error(struct error *error, const char *what);

EVP_PKEY *x509_make_key(void);
bool x509_is_p256(const EVP_PKEY *key);
void x509_hash_key(const EVP_PKEY *key, uint8_t ret_hash[static 32]);

/* Lower-case hexadecimal digits and a NUL. */
void x509_fingerprint(const X509 *certificate, char ret_text[static 65]);
void x509_serial(const X509 *certificate, char ret_text[static 33]);
int64_t x509_not_before_ms(const X509 *certificate);
int64_t x509_not_after_ms(const X509 *certificate);

/* A certificate with a random serial, not signed yet. It begins a little early: clocks differ. */
X509 *x509_new(const char *common_name, EVP_PKEY *key, int64_t now_ms, int64_t lifetime_ms);

/* value as in openssl's configuration: "critical,CA:FALSE". 0 or -EINVAL. */
int x509_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value);

int x509_add_pem(const X509 *certificate, struct buf *out);
int x509_add_key_pem(const EVP_PKEY *key, struct buf *out);
X509 *x509_read_pem(const char *text, size_t size);
EVP_PKEY *x509_read_key_pem(const char *text, size_t size);

#endif
