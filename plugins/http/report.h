/* SPDX-License-Identifier: Apache-2.0 */
/* From what a step came to, to items, samples and the summary of the check. */
#ifndef HTTP_REPORT_H
#define HTTP_REPORT_H

#include "plan.h"

struct report {
	struct gavea_check *check;
	const char *shown_url; /* of the plan */
	bool insecure;
	size_t counts[4]; /* of items, by enum gavea_status */
	int64_t total; /* nanoseconds, of all steps */
	struct buf worst; /* what the worst ones say */
	enum gavea_status worst_status;
	size_t named; /* how many stand in worst */
};

/* How a step went. */
struct outcome {
	const struct step *step;
	const char *address; /* when each is tried by itself; "": any */
	enum gavea_status status;
	const char *text;
	const struct response *response; /* NULL: it was not run */
};

void report_add(struct report *report, struct step *step, const struct outcome *outcome);
/* Sets the result of the run. */
void report_end(struct report *report);

#endif
