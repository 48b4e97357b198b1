/* SPDX-License-Identifier: Apache-2.0 */
/* What one server's answer to the check's question is worth: a finding with causes and remedies. */
#ifndef DNS_JUDGE_SERVER_H
#define DNS_JUDGE_SERVER_H

#include "finding.h"
#include "probe.h"
#include "settings.h"

/* One finding about the server: its answer against what is expected, its TTL, its latency, EDNS, TCP. */
void judge_server(const struct settings *settings, const struct probes *probes,
	const struct endpoint *endpoint, struct findings *findings);

/* Says why no usable message came: "no answer in 3 tries …". Only for a probe that was not answered. */
void judge_silence(const struct settings *settings, const struct probe *probe, struct finding *finding,
	const char *prefix);

/* A finding when the servers, without being told what to expect, disagree. */
void judge_agreement(const struct settings *settings, const struct probes *probes, struct findings *findings);

#endif
