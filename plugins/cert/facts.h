/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a certificate after it was judged: plain text and numbers, bounded, so that a thousand targets cost
 * a few megabytes.
 */
#ifndef CERT_FACTS_H
#define CERT_FACTS_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#define FACTS_FINGERPRINT_SIZE 32

struct facts {
	bool present;
	unsigned char fingerprint[FACTS_FINGERPRINT_SIZE]; /* SHA-256 of the DER form */
	int64_t not_before; /* seconds since 1970, UTC */
	int64_t not_after;
	int64_t earliest_not_after; /* of the leaf and all that came with it */
	int64_t chain_not_after; /* earliest of the verified chain; 0: none was verified */
	int64_t surplus_not_after; /* earliest of what came and is not in that chain; 0: nothing */
	char *subject; /* these are owned; NULL when memory ran out */
	char *issuer;
	char *serial; /* hexadecimal */
	char *names; /* "DNS:a, DNS:b, IP:192.0.2.1" */
	char *key; /* "RSA 2048", "EC prime256v1" */
	char *signature; /* "sha256WithRSAEncryption" */
	char *chain; /* "subject (until DATE) <- subject (until DATE)" */
};

/* Seconds since 1970. 0 or -EINVAL (not a date). */
int facts_time(const ASN1_TIME *time, int64_t *ret_seconds);

/* "2026-01-31" for people. Returns buffer. */
char *facts_date(char buffer[static 32], int64_t seconds);

/* The subject as one line of text, control characters escaped, at most 200 bytes; to be freed. NULL: no memory. */
char *facts_name(const X509_NAME *name);

/* The first 16 hexadecimal digits of a fingerprint, for people. Returns buffer. */
char *facts_short(char buffer[static 24], const unsigned char *fingerprint);
/* All 64. */
char *facts_hex(char buffer[static 65], const unsigned char *fingerprint);

/* Fills ret_facts from a certificate and what came with it (may be NULL; may hold the leaf as well). Dates that cannot
 * be read are 0. */
void facts_read(X509 *leaf, STACK_OF(X509) * others, struct facts *ret_facts);
void facts_done(struct facts *facts);

#endif
