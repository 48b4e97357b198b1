/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the steps of a plan, one after the other, against the host or one of its addresses. */
#ifndef HTTP_SEQUENCE_H
#define HTTP_SEQUENCE_H

#include "client.h"
#include "plan.h"
#include "report.h"

struct sequence {
	struct gavea_check *check;
	struct plan *plan;
	struct client *client;
	struct report *report;
	int64_t step_timeout, retry_pause; /* nanoseconds */
	int retries;
	bool stop_on_failure;
	const char *host; /* of the plan's url */
	/* What it starts with: user, password and the like. Each sequence learns for itself. */
	const struct variables *given;
};

/* address: NULL or one that host has. deadline: CLOCK_MONOTONIC. Every step is reported, those that could not be run as
 * unknown. 0, -ECANCELED, or -ENOMEM. */
int sequence_run(const struct sequence *sequence, const char *address, int64_t deadline);

#endif
