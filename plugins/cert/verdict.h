/* SPDX-License-Identifier: Apache-2.0 */
/* All that is known about one target in the end: what was found, and the facts for its item. */
#ifndef CERT_VERDICT_H
#define CERT_VERDICT_H

#include "facts.h"
#include "finding.h"

struct verdict {
	struct findings findings;
	struct facts facts;
	char ocsp[96]; /* what the stapled answer says; "": was not asked */
	char key[64]; /* "matches the certificate"; "": there was none */
};

static inline void verdict_done(struct verdict *verdict)
{
	findings_done(&verdict->findings);
	facts_done(&verdict->facts);
}

#endif
