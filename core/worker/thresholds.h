/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that the operator set for the samples of a check: whatever plugin says them, they are judged here. */
#ifndef CORE_WORKER_THRESHOLDS_H
#define CORE_WORKER_THRESHOLDS_H

#include "base/error.h"
#include "core/worker/series.h"
#include "core/worker/text.h"
#include "proto/worker.pb-c.h"

struct thresholds;

/* 0 with *ret_thresholds, NULL when open has none; -ENOMEM; -EINVAL with error. registry is borrowed. */
int thresholds_new(const Gavea__Worker__V1__Open *open, struct series_registry *registry,
	struct thresholds **ret_thresholds, struct error *error);
void thresholds_free(struct thresholds *thresholds);
DEFINE_CLEANUP(struct thresholds *, thresholds_free);

/* Forgets the samples of the last run. */
void thresholds_begin(struct thresholds *thresholds);

/* Takes a sample of the run. */
void thresholds_take(struct thresholds *thresholds, int series, double value);

/* Adds an item for each sample that is beyond its limit or can't be judged, or one for a threshold whose samples all are
 * well. Returns whether any is not ok; first then says which, in one line. */
bool thresholds_judge(struct thresholds *thresholds, struct gavea_check *check,
	char first[static TEXT_ROOM(TEXT_SUMMARY_MAX)]);

#endif
