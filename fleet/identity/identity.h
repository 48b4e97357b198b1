/* SPDX-License-Identifier: Apache-2.0 */
/* What the server has of identities: the ledger always, an authority where `identity = true` asks for one. */
#ifndef FLEET_IDENTITY_IDENTITY_H
#define FLEET_IDENTITY_IDENTITY_H

#include "fleet/identity/ledger.h"
#include "fleet/identity/sightings.h"

#include <stdbool.h>

struct identity_settings {
	const char *folder; /* the state directory */
	bool authority;
	bool server_certificate; /* the authority makes that of the server, too */
	const char *const *names; /* for which; none: those of this host, and the address it listens on */
	size_t name_count;
	const char *address; /* of the listener */
	int64_t lifetime_ms; /* of all certificates */
};

struct identity {
	struct ledger *ledger;
	struct authority *authority; /* NULL: certificates are not used */
	struct sightings *sightings;
	int64_t lifetime_ms;
	char *folder;
	bool server_certificate;
	char **names;
	size_t name_count;
};

/* 0 or -errno with error filled. Blocks. */
int identity_open(
	const struct identity_settings *settings, struct identity **ret_identity, struct error *error);
void identity_close(struct identity *identity);

/* The certificate to serve with. 1: it is a new one; 0: the one from before; -errno with error filled. Blocks. */
int identity_server_certificate(struct identity *identity, int64_t now_ms, struct buf *ret_certificate,
	struct buf *ret_key, struct error *error);

/* Whether a certificate of the authority (authority_verify()) counts now: 0; or -EACCES with a code for programs and error
 * filled. -EIO and the like: it can't be said. */
int identity_judge(struct identity *identity, const struct credential *credential, int64_t now_ms,
	const char **ret_code, struct error *error);

/* What an agent asks for. Strings are borrowed; judged by identity_enroll() and identity_renew(). */
struct enrollment {
	const char *agent_id, *machine_id, *name, *csr;
};

/* How it was answered: an HTTP status, and a code and a text for what is not 200 or 201. */
struct verdict {
	int status;
	const char *code;
	bool cloned; /* this is worth an event */
};

/* Gives an agent its first certificate, against a token that was found to be good but for the number of its uses. The
 * verdict, with the certificate in PEM or error filled. */
struct verdict identity_enroll(struct identity *identity, const struct ledger_token *token,
	const struct enrollment *request, const char *address, int64_t now_ms, struct buf *ret_pem,
	struct error *error);

/* The next one, against the present one. */
struct verdict identity_renew(struct identity *identity, const struct credential *present,
	const struct enrollment *request, const char *address, int64_t now_ms, struct buf *ret_pem,
	struct error *error);

/* Who a report says that it is from. Strings are borrowed. */
struct claim {
	const char *agent_id, *machine_id, *spool_id, *boot_id;
	const char *address;
};

/* Whether it may say so. credential NULL: it came with a token. */
struct verdict identity_judge_report(struct identity *identity, const struct credential *credential,
	const struct claim *claim, int64_t now_ms, struct error *error);

#endif
