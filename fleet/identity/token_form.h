/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody wants in a new token, as text from the API or the command line. */
#ifndef FLEET_IDENTITY_TOKEN_FORM_H
#define FLEET_IDENTITY_TOKEN_FORM_H

#include "fleet/identity/identity.h"

struct token_form {
	const char *scopes; /* "read", "read,report", …; required */
	const char *name; /* NULL: none */
	const char *expires; /* a duration; NULL: 30 days, and a day for "enroll" */
	const char *agent_id; /* NULL: any */
	int64_t uses; /* 0: the default, 1 for "enroll" and any number else; LEDGER_USES_ANY */
};

/* Makes the token and enters it; its text, to be shown once, is appended to the caller's secret buffer. 0; -EINVAL:
 * something in the form, which error names; or another -errno. */
int token_form_make(const struct token_form *form, const struct identity *identity, const struct actor *actor,
	struct ledger_token *ret_token, struct buf *ret_text, struct error *error);

#endif
