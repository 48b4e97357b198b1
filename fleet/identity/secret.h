/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of tokens that this server makes: "gavea_KIND_" with 256 random bits and a check sum in hexadecimal digits, so
 * that scanners for secrets know one when they see it, and a typing error is told from a token that is not known. That
 * of an enrolment token goes on with "." and the fingerprint of the authority that its user may trust.
 */
#ifndef FLEET_IDENTITY_SECRET_H
#define FLEET_IDENTITY_SECRET_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	SECRET_ID_SIZE = 9, /* with the NUL: 8 hexadecimal digits, by which people name a token */
	SECRET_HASH_SIZE = 32, /* SHA-256 */
};

/* Makes a token. kind is "api" or "enroll"; fingerprint (hexadecimal) may be NULL. The text is the caller's to zero. */
void secret_make(const char *kind, const char *fingerprint, struct buf *out);

/* What is kept of it: the hash of all before the ".". false: it is not of our form, or its sum is wrong. */
bool secret_hash(const char *text, uint8_t ret_hash[static SECRET_HASH_SIZE]);

/* The token in an Authorization header: "Bearer TOKEN", or the password of "Basic". Appends it to out, which the caller
 * zeroes. false: there is none. */
bool secret_from_header(const char *authorization, struct buf *out);

/* Frees a buffer that held a secret. */
void secret_done(struct buf *buf);
#define _cleanup_secret_ _cleanup_(secret_done)

#endif
