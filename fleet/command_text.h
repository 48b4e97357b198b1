/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's lists for people: a line each, with columns. 0 or -errno with error filled. */
#ifndef FLEET_COMMAND_TEXT_H
#define FLEET_COMMAND_TEXT_H

#include "fleet/identity/ledger.h"

int command_text_tokens(struct ledger *ledger, int64_t now_ms, struct buf *out, struct error *error);
int command_text_agents(struct ledger *ledger, int64_t now_ms, struct buf *out, struct error *error);
int command_text_audit(struct ledger *ledger, size_t last, struct buf *out, struct error *error);

#endif
