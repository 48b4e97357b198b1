/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's lists as JSON, for the API and for the commands. Tokens never stand in them, but for a new one once. */
#ifndef FLEET_IDENTITY_JSON_H
#define FLEET_IDENTITY_JSON_H

#include "fleet/identity/ledger.h"

/* Each appends an object. 0 or -errno with error filled. */
int identity_json_tokens(struct ledger *ledger, struct buf *out, struct error *error);
int identity_json_agents(struct ledger *ledger, int64_t now_ms, struct buf *out, struct error *error);
int identity_json_audit(
	struct ledger *ledger, uint64_t before, size_t limit, struct buf *out, struct error *error);

void identity_json_new_token(const struct ledger_token *token, const char *text, struct buf *out);

#endif
