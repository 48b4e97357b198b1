/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent tells of its own spool: to `gavea status`, as events, and as samples that go with everything else. */
#ifndef MANAGER_SPOOL_REPORT_H
#define MANAGER_SPOOL_REPORT_H

#include "core/manager/recorder.h"
#include "proto/control.pb-c.h"

/* A status message with what it points to; it borrows from the spool too. */
struct spool_description {
	Gavea__Control__V1__SpoolStatus status;
	Gavea__Control__V1__SpoolDrop drops[DROP_CLASSES * DROP_CAUSES];
	Gavea__Control__V1__SpoolDrop *pointers[DROP_CLASSES * DROP_CAUSES];
};

/* Fills all but the bounds, which the configuration has. */
void spool_describe(const struct spool *spool, struct spool_description *ret_description);

struct spool_report {
	uint64_t dropped; /* seen so far */
	bool failing; /* told that it can't write */
	int64_t last_drop; /* CLOCK_BOOTTIME; 0: none in this run */
	int64_t last_samples; /* CLOCK_BOOTTIME */
};

/* Once, after the start: events for what was found when the spool was opened. */
void spool_report_begin(struct spool_report *report, struct recorder *recorder);

/* To be called at every flush: samples now and then, events when something begins or ends. */
void spool_report_watch(struct spool_report *report, struct recorder *recorder);

#endif
