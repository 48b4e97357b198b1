/* SPDX-License-Identifier: Apache-2.0 */
/* Findings about the zone as a whole: delegation, glue, serials, signatures. */
#ifndef DNS_JUDGE_ZONE_H
#define DNS_JUDGE_ZONE_H

#include "finding.h"
#include "probe.h"
#include "serials.h"
#include "settings.h"
#include "walk.h"

/* Whether parent and zone name the same servers, and each of them has an address. */
void judge_delegation(const struct walk_zone *zone, struct findings *findings);

/* Whether the addresses that the parent hands out for servers within the zone are those that the zone gives. */
void judge_glue(const struct walk_zone *zone, const struct probes *probes, struct findings *findings);

/* Whether a server within the zone, whose addresses nobody else can know. */
bool needs_glue(const struct walk_zone *zone, const struct walk_server *server);

/* Whether the servers have the same version of the zone. history is brought up to date. */
void judge_serials(const struct settings *settings, const struct probes *probes,
	struct serial_history *history, int64_t now_ms, struct findings *findings);

#endif
