/* SPDX-License-Identifier: Apache-2.0 */
/* Text with -----BEGIN…: certificates, chains, private keys, CRLs, PKCS#7. And private keys wherever they stand. */
#ifndef CERT_PEM_H
#define CERT_PEM_H

#include "bundle.h"

/* Reads every block; what is damaged becomes a finding. 0 or a negative errno. */
int pem_read(const char *text, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle);

/*
 * Opens an encrypted PKCS#8 key, unless it asks for more work than the bundle may still cost. NULL when it cannot be
 * opened: *ret_why says so, as a constant.
 */
EVP_PKEY *pem_unlock(
	struct bundle *bundle, const X509_SIG *locked, const char *password, const char **ret_why);

/* Whether an algorithm that derives a key from a password is known, and its rounds may still be spent; they then are. */
bool pem_is_affordable(struct bundle *bundle, const X509_ALGOR *algorithm);

#endif
