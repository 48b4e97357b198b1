/* SPDX-License-Identifier: Apache-2.0 */
/* What a file holds: certificates, the public halves of private keys, and what is wrong with it. */
#ifndef CERT_BUNDLE_H
#define CERT_BUNDLE_H

#include "base/buf.h"
#include "finding.h"

#include <openssl/x509.h>
#include <stdbool.h>

#define BUNDLE_CERTIFICATES_MAX 2000
#define BUNDLE_ROUNDS_MAX 5000000 /* of hashing for all that a file has locked: a few seconds at most */

struct bundle_certificate {
	X509 *certificate;
	char *label; /* alias, or place in a kubeconfig; NULL: has none */
	unsigned entry; /* certificates of one entry belong together, as leaf and chain; 0: unknown */
	bool is_authority; /* stands there as one that is trusted */
};

struct bundle_key {
	EVP_PKEY *key; /* the public half only; NULL: it is locked */
	unsigned entry; /* the certificate it belongs to; 0: the first one */
};

struct bundle {
	const char *form; /* "PEM"; NULL: not recognised */
	struct bundle_certificate *certificates;
	size_t count;
	size_t room;
	struct bundle_key *keys;
	size_t key_count;
	size_t key_room;
	STACK_OF(X509_CRL) * lists; /* NULL: none */
	struct findings findings;
	long rounds; /* of hashing that were spent on passwords */
	bool broken; /* something in it could not be read; findings say what */
};

/* Secrets that may open it; NULL: none. Borrowed. */
struct bundle_secrets {
	const char *password; /* of PKCS#12 and JKS */
	const char *key_password; /* of private keys in PEM */
};

void bundle_done(struct bundle *bundle);

/* Takes the certificate over, whatever is returned. label is copied and may be NULL. 0, -ENOMEM or -E2BIG (too many,
 * with a finding). */
int bundle_add(
	struct bundle *bundle, X509 *certificate, const char *label, unsigned entry, bool is_authority);

/* The same from DER; what cannot be read becomes a finding, and -EBADMSG. */
int bundle_add_der(struct bundle *bundle, const unsigned char *der, size_t size, const char *label,
	unsigned entry, bool is_authority);

/* Keeps the public half; key (borrowed) NULL: there is one, and it is locked. */
int bundle_add_key(struct bundle *bundle, EVP_PKEY *key, unsigned entry);

/* Whether the file may cost so many rounds more; they are counted when it may. */
bool bundle_spend(struct bundle *bundle, long rounds);

/* Adds a finding and marks the bundle as broken. Returns -EBADMSG. */
int bundle_broken(struct bundle *bundle, const char *remedy, const char *format, ...) _printf_(3, 4);

#endif
