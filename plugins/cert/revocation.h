/* SPDX-License-Identifier: Apache-2.0 */
/* Whether certificates were called back: by the lists that are configured, and by the answer that a server staples. */
#ifndef CERT_REVOCATION_H
#define CERT_REVOCATION_H

#include "chain.h"
#include "verdict.h"

enum ocsp_mode {
	OCSP_OFF,
	OCSP_IF_STAPLED,
	OCSP_REQUIRE,
};

/* Looks each certificate of the path up in the lists of its issuer. */
void revocation_by_lists(
	const struct chain *chain, STACK_OF(X509_CRL) * lists, int64_t now, struct findings *findings);

/* Judges the stapled answer (size 0: none came) and says in verdict->ocsp what it was. */
void revocation_by_staple(const struct chain *chain, X509_STORE *store, enum ocsp_mode mode,
	const unsigned char *staple, long size, int64_t now, struct verdict *verdict);

#endif
