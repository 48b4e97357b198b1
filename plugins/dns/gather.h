/* SPDX-License-Identifier: Apache-2.0 */
/* Finds whom to ask: listed servers, those of resolv.conf, and the zone's authorities. */
#ifndef DNS_GATHER_H
#define DNS_GATHER_H

#include "exchange.h"
#include "finding.h"
#include "settings.h"
#include "walk.h"

struct gathered {
	struct endpoints endpoints;
	struct walk_zone zone;
	bool has_zone;
};

/* Blocks. What cannot be found becomes a finding. 0 or -ENOMEM. */
int gather(const struct settings *settings, const struct exchange_limits *limits, struct gathered *gathered,
	struct findings *findings);

void gathered_done(struct gathered *gathered);

#endif
