/* SPDX-License-Identifier: Apache-2.0 */
/* Findings about DNSSEC: the validation, the life of signatures, DS against DNSKEY. */
#ifndef DNS_JUDGE_DNSSEC_H
#define DNS_JUDGE_DNSSEC_H

#include "finding.h"
#include "probe.h"
#include "settings.h"
#include "validate.h"

/* What became of the validation. r and error are those of validate(). */
void judge_validation(const struct settings *settings, int r, const struct error *error,
	const struct validation *validation, struct findings *findings);

/* The signatures that the servers sent, one finding. secure: the validation found the zone signed. *ret_left: seconds until
 * the first runs out; INT64_MAX: none. */
void judge_signatures(const struct settings *settings, const struct probes *probes, int64_t now, bool secure,
	struct findings *findings, int64_t *ret_left);

/* Whether the parent's DS records fit the zone's keys. */
void judge_ds(const struct probes *probes, struct findings *findings);

#endif
