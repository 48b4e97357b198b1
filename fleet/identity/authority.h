/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's own certificate authority: ECDSA P-256, made at the first start and kept in the state directory as
 * "authority.pem" (key and certificate, 0600). It signs the certificates of agents, and that of the server where none is
 * configured. An agent's certificate names who it is in two addresses: gavea://agent/ID and gavea://machine/HASH.
 */
#ifndef FLEET_IDENTITY_AUTHORITY_H
#define FLEET_IDENTITY_AUTHORITY_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct authority;

enum {
	AUTHORITY_ID_SIZE = 33, /* 32 hexadecimal digits and a NUL */
	AUTHORITY_FINGERPRINT_SIZE = 65,
	AUTHORITY_CSR_MAX = 8192,
};

/* What a certificate of an agent says. */
struct credential {
	char serial[AUTHORITY_ID_SIZE];
	char agent_id[AUTHORITY_ID_SIZE];
	char machine_id[AUTHORITY_ID_SIZE];
	uint8_t key_hash[32]; /* SHA-256 of its public key */
	int64_t not_before_ms, not_after_ms;
};

/* Reads the authority of a state directory, or makes it if it may. 1: it was made, 0: it was there, -errno with error filled
 * (-ENOENT: it may not). Blocks. */
int authority_open(const char *folder, bool may_make, struct authority **ret_authority, struct error *error);
void authority_free(struct authority *authority);
DEFINE_CLEANUP(struct authority *, authority_free);

/* Its certificate in PEM, and the SHA-256 of that in hexadecimal digits. */
const char *authority_pem(const struct authority *authority);
const char *authority_fingerprint(const struct authority *authority);
int64_t authority_not_after_ms(const struct authority *authority);

/* The hash of the key in a request for a certificate (PEM). -EINVAL with error: it is none, is not signed by its key, or
 * the key is not of P-256. */
int authority_judge_request(const char *csr_pem, uint8_t ret_key_hash[static 32], struct error *error);

/* Signs: nothing but the key is taken from the request. Fills *ret_credential and appends the certificate in PEM. 0 or
 * -errno with error filled. */
int authority_issue(const struct authority *authority, const char *csr_pem, const char *agent_id,
	const char *machine_id, int64_t now_ms, int64_t lifetime_ms, struct credential *ret_credential,
	struct buf *ret_pem, struct error *error);

/* Reads a certificate (DER) that a client has shown. -EACCES with error: not of this authority, or not of an agent.
 * Dates are not judged. */
int authority_verify(const struct authority *authority, const void *der, size_t size,
	struct credential *ret_credential, struct error *error);

/* The server's certificate and its key, from "server.pem" in the folder; made anew when it is not there, not of this
 * authority, not for these names, or past two thirds of its life. 1: it was made, 0: it was there, -errno with error
 * filled. Names are DNS names and IP addresses. Blocks. */
int authority_server(const struct authority *authority, const char *folder, const char *const *names,
	size_t count, int64_t now_ms, int64_t lifetime_ms, struct buf *ret_certificate, struct buf *ret_key,
	struct error *error);

#endif
