/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a run. Each reports what it finds; what it could not ask is reported as unknown. */
#ifndef SYSTEMD_PARTS_H
#define SYSTEMD_PARTS_H

#include "report.h"

/* Units that failed, those that should be in some state, and those that are restarted again and again. */
void part_failed(struct systemd *systemd);
void part_expected(struct systemd *systemd);
void part_restarts(struct systemd *systemd);

/* Timers that are overdue, have no next run, or whose last run is too long ago. */
void part_timers(struct systemd *systemd);

/* Samples and thresholds of the units that `metrics` names; watchdogs and sockets among them. */
void part_metrics(struct systemd *systemd);

/* Errors in the journal by unit. */
void part_journal(struct systemd *systemd);

/* Thresholds of `warning` and `critical`. On failure gavea_fail() was called. */
int thresholds_open(struct systemd *systemd);
void thresholds_free(struct thresholds *thresholds);

#endif
