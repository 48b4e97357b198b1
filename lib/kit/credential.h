/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent's identity towards a fleet server: one file in PEM, mode 0600, with a private key, its certificate, and (where
 * the server's authority was pinned) the certificate of that. One file, so that no crash leaves a key beside the
 * certificate of another one.
 */
#ifndef KIT_CREDENTIAL_H
#define KIT_CREDENTIAL_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	CREDENTIAL_ID_SIZE = 33, /* 32 hexadecimal digits and a NUL */
	CREDENTIAL_FINGERPRINT_SIZE = 65,
};

/* What a certificate says of its agent. */
struct own_credential {
	char agent_id[CREDENTIAL_ID_SIZE];
	char machine_id[CREDENTIAL_ID_SIZE]; /* the hash of the machine that it was given to */
	int64_t not_before_ms, not_after_ms;
	bool pinned; /* the authority stands in the file, too */
};

/* Makes an ECDSA key on P-256 and appends it in PEM; the buffer is the caller's to zero. 0 or -ENOMEM. */
int credential_make_key(struct buf *ret_pem);

/* Appends a PKCS #10 request for the (first) key in this text, in PEM. 0, -EINVAL with error: there is no usable key in
 * it, or -ENOMEM. */
int credential_make_request(const char *key_pem, const char *name, struct buf *ret_csr, struct error *error);

/* Reads what stands in an identity file. -EINVAL with error: not key and certificate of each other, or not of an agent. */
int credential_read(const char *pem, struct own_credential *ret_credential, struct error *error);

/* SHA-256 of the first certificate in the text. -EINVAL: there is none. */
int credential_fingerprint(const char *pem, char ret_text[static CREDENTIAL_FINGERPRINT_SIZE]);

/* Appends the authority in an identity file, in PEM; nothing when there is none. */
void credential_add_authority(const char *pem, struct buf *out);

/* Zeroes and frees a buffer that held a key or a token. */
void credential_wipe(struct buf *buf);
#define _cleanup_wipe_ _cleanup_(credential_wipe)

#endif
