/* SPDX-License-Identifier: Apache-2.0 */
/* What is trusted, and the revocation lists: read anew for each run. */
#ifndef CERT_TRUST_H
#define CERT_TRUST_H

#include "base/error.h"

#include <openssl/x509_vfy.h>
#include <stdbool.h>

struct trust {
	X509_STORE *store;
	STACK_OF(X509_CRL) * lists; /* NULL: none are configured */
	bool partial; /* what is in the store is trusted as it is, roots or not */
	bool empty; /* the system has no trust store */
};

/*
 * ca: a file or a folder with certificates, whatever their form; NULL: the system's store. crls: crl_count files.
 * 0, or a negative errno with an error that names the option and the file. Blocks on the disk.
 */
int trust_load(const char *ca, const char *const *crls, size_t crl_count, struct trust *ret_trust,
	struct error *error);
void trust_done(struct trust *trust);

#endif
