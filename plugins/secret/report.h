/* SPDX-License-Identifier: Apache-2.0 */
/* Says what a run found: items, the summary, samples. */
#ifndef SECRET_REPORT_H
#define SECRET_REPORT_H

#include "present.h"
#include "scan.h"

struct report_counts {
	size_t states[3]; /* by enum finding_state */
	size_t unjudged; /* configured targets that could not be judged */
};

/* An item for a target of the configuration that could not be judged. */
void report_unjudged(struct gavea_check *check, struct report_counts *counts, const char *path, int error);

void report_unjudged_journal(struct gavea_check *check, struct report_counts *counts, int error);

void report_findings(struct gavea_check *check, struct report_counts *counts, const struct findings *findings,
	bool lasting);

/* The summary and the samples. scan: NULL when nothing was searched; present: NULL when nothing had to be there. */
void report_end(struct gavea_check *check, const struct report_counts *counts, const struct scan *scan,
	const struct present *present);

#endif
