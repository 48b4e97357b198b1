/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, and whether they may: certificates of agents, tokens of the ledger, tokens of the configuration. */
#ifndef FLEET_ACCESS_H
#define FLEET_ACCESS_H

#include "fleet/identity/identity.h"
#include "fleet/token.h"
#include "net/httpd.h"

#include <pthread.h>

enum principal_kind {
	PRINCIPAL_ANYBODY, /* nothing is asked for */
	PRINCIPAL_CONFIGURED, /* a token of the configuration */
	PRINCIPAL_TOKEN, /* one of the ledger */
	PRINCIPAL_AGENT, /* an agent with its certificate */
};

struct principal {
	enum principal_kind kind;
	unsigned scopes;
	struct credential credential; /* of an agent */
	struct ledger_token token; /* of a token */
};

void principal_done(struct principal *principal);

/* How the log calls it: "token 1a2b3c4d (anna)". */
void principal_format(const struct principal *principal, struct buf *out);

struct access {
	struct identity *identity;
	pthread_mutex_t mutex; /* of what follows */
	struct token report_token, read_token; /* of the configuration */
	bool open; /* without these, everybody may read and report */
};

/*
 * Judges a request by its head. needed is one scope; an agent's certificate is good for SCOPE_REPORT only. 0 and the
 * principal, which the caller frees; or -401, -403, -503 with the refusal set.
 */
int access_judge(struct access *access, struct httpd_request *request, unsigned needed,
	struct principal *ret_principal);

/* An agent by its certificate, and nobody else. */
int access_judge_agent(struct access *access, struct httpd_request *request, struct principal *ret_principal);

#endif
