/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of a run as samples: blackbox_exporter's names where it has one, gavea_dns_* beyond. */
#ifndef DNS_SAMPLE_H
#define DNS_SAMPLE_H

#include "cutover.h"
#include "finding.h"
#include "probe.h"

/* Of the whole run. */
struct sample_totals {
	bool success;
	size_t right; /* servers */
	size_t wrong;
	int64_t duration; /* nanoseconds */
	int64_t signatures_left; /* seconds; INT64_MAX: there are none */
	const struct cutover_verdict *cutover; /* NULL: not a cutover */
	int64_t now_ms;
};

void sample_probes(struct gavea_check *check, const struct probes *probes);
void sample_totals(struct gavea_check *check, const struct sample_totals *totals);

#endif
