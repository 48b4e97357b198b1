/* SPDX-License-Identifier: Apache-2.0 */
/* Perfdata as samples and items, judged by thresholds of the configuration and by its own. */
#ifndef EXEC_METRICS_H
#define EXEC_METRICS_H

#include "base/buf.h"
#include "base/strmap.h"

#include <gavea/plugin.h>

#define METRICS_LABELS_MAX 256 /* different labels of one check, for as long as its worker lives */
#define METRICS_ITEMS_MAX 1024 /* perfdata of one run; what is beyond is left out */

struct threshold;

struct metrics {
	struct gavea_check *check;
	struct strmap known; /* unit and label -> struct known */
	struct threshold *thresholds;
	size_t threshold_count, threshold_room;
	unsigned run;
	bool full; /* said once that METRICS_LABELS_MAX is reached */
};

/* Reads the options "warning" and "critical". On failure gavea_fail() was called. */
int metrics_open(struct metrics *metrics, struct gavea_check *check);
void metrics_done(struct metrics *metrics);

/*
 * Takes the perfdata of one run, which is changed. status is what the program said by its exit status: by its own
 * thresholds an item is never worse than that. Says in reason, for the summary, which of our thresholds is not met,
 * and puts the worst status by these into *ret_status. What is malformed is added to malformed.
 */
void metrics_take(struct metrics *metrics, char *perfdata, enum gavea_status status,
	enum gavea_status *ret_status, struct buf *reason, struct buf *malformed);

#endif
