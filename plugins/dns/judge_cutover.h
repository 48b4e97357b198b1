/* SPDX-License-Identifier: Apache-2.0 */
/* The cutover gate over a run's answers: which side each server is on, and the finding about the whole. */
#ifndef DNS_JUDGE_CUTOVER_H
#define DNS_JUDGE_CUTOVER_H

#include "cutover.h"
#include "finding.h"
#include "probe.h"
#include "settings.h"

/* Which answer that server gives. */
struct cutover_voice judge_voice(const struct settings *settings, const struct probe *probe);

/* Says it in the server's own finding. */
void judge_side(const struct settings *settings, const struct probe *probe, struct finding *finding);

/* The gate itself; memory is brought up to date. */
void judge_cutover(const struct settings *settings, const struct probes *probes,
	struct cutover_memory *memory, int64_t now_ms, struct findings *findings,
	struct cutover_verdict *ret);

/* Tells memories of different expectations apart. */
uint32_t judge_cutover_fingerprint(const struct settings *settings);

#endif
