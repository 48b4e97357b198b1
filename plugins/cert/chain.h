/* SPDX-License-Identifier: Apache-2.0 */
/* From a certificate up to what is trusted. */
#ifndef CERT_CHAIN_H
#define CERT_CHAIN_H

#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdint.h>

struct chain {
	int error; /* X509_V_…; X509_V_OK also when only dates are wrong */
	bool out_of_time; /* the path holds, but for a date in it */
	STACK_OF(X509) *
		path; /* leaf first; the best that was found, also after an error. Owned; may be NULL. */
};

struct chain_request {
	X509_STORE *store;
	bool partial; /* anything in the store is trusted, not roots alone */
	bool for_server; /* it must be fit for a TLS server */
	X509 *leaf;
	STACK_OF(X509) * others; /* may be NULL */
	int64_t now; /* seconds since 1970 */
};

/* 0 or -ENOMEM. */
int chain_find(const struct chain_request *request, struct chain *ret_chain);
void chain_done(struct chain *chain);

/* Whether a certificate is part of the path. */
bool chain_has(const struct chain *chain, X509 *certificate);

#endif
