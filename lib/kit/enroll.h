/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an agent gets its identity from a fleet server (docs/protocol.md), and a new one before it ends. The key is made
 * here and never leaves the folder.
 *
 *   FOLDER/identity.pem   the identity (kit/credential.h)
 *   FOLDER/pending.pem    the key of a request that has not been answered, and the authority that was verified for it
 *
 * After a crash at any point the same call goes on: the server gives the same certificate for the same key again.
 * All calls block, until the timeout at most.
 */
#ifndef KIT_ENROLL_H
#define KIT_ENROLL_H

#include "kit/credential.h"

#define ENROLL_FILE "identity.pem"

struct enroll_request {
	const char *url; /* of the server; its path is not used */
	const char *folder; /* made, 0700, when it is not there */
	const char *
		token; /* of enrolment; what stands behind a "." in it is the fingerprint of the authority to trust */
	const char *agent_id, *machine_id, *name;
	const char *ca_file; /* authorities of the server's certificate; NULL: the system's */
	const char *
		fingerprint; /* the server's authority, "sha256:…" or just the digits; NULL: from the token, if there */
	int64_t timeout; /* nanoseconds for each request */
	bool (*cancelled)(void *userdata); /* NULL: never */
	void *userdata;
};

/* What came of it, beside the error. */
struct enroll_result {
	struct own_credential credential;
	char code[48]; /* the server's word for why not: "token-expired", …; "": it had none */
	int64_t skew_ms; /* this host's clock minus the server's */
};

/* Gets a first identity with a token. 0; or -errno with error: -EACCES refused, -EKEYREJECTED not the authority that was
 * to be trusted, -EINVAL arguments, others as http_perform() has them. */
int enroll_begin(const struct enroll_request *request, struct enroll_result *ret_result, struct error *error);

/* Gets the next identity with the one that is there. token and fingerprint are not used. The same errors. */
int enroll_renew(const struct enroll_request *request, struct enroll_result *ret_result, struct error *error);

#endif
