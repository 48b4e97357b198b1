/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are short or broken, and signatures that nobody should believe. */
#ifndef CERT_WEAK_H
#define CERT_WEAK_H

#include "finding.h"

#include <openssl/x509.h>

/* Judges the key of a certificate. what ("the certificate", "issuer CN=...") begins the texts. */
void weak_key(X509 *certificate, const char *what, struct findings *findings);

/* Judges the signature on a certificate; not that of one that signed itself, which proves nothing anyway. */
void weak_signature(X509 *certificate, const char *what, struct findings *findings);

/* Whether a modulus bears the mark of the Infineon library (ROCA, CVE-2017-15361). */
bool weak_is_roca(const BIGNUM *modulus);

/* Whether Fermat's method splits a modulus within a few steps: its primes are too close (CVE-2022-26320). */
bool weak_has_close_primes(const BIGNUM *modulus);

#endif
