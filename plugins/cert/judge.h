/* SPDX-License-Identifier: Apache-2.0 */
/* Judges one certificate with what came with it. Nothing here reads clocks, files or networks. */
#ifndef CERT_JUDGE_H
#define CERT_JUDGE_H

#include "revocation.h"
#include "threshold.h"
#include "verdict.h"

/* What is the same for all targets of a run. */
struct judge_settings {
	X509_STORE *store;
	bool partial; /* anything in the store is trusted, not roots alone */
	bool store_empty; /* the system has no trust store */
	STACK_OF(X509_CRL) * lists; /* NULL: none are configured */
	struct threshold warning;
	struct threshold critical;
	enum ocsp_mode ocsp;
	int64_t now; /* seconds since 1970 */
};

struct judge_case {
	X509 *leaf;
	STACK_OF(X509) * others; /* what came with it; may hold the leaf; may be NULL */
	bool verify; /* the chain up to the store, and the name */
	bool served; /* by a server, else from a file */
	bool is_authority; /* it stands there as an authority: being a CA is right */
	const char *name; /* that it must be for; NULL: any */
	const unsigned char *staple;
	long staple_size;
};

/* Adds findings to verdict and fills its facts. */
void judge(const struct judge_settings *settings, const struct judge_case *subject, struct verdict *verdict);

#endif
