/* SPDX-License-Identifier: Apache-2.0 */
/* What a check wants to know of others, and what came of it with a job: the SDK's gavea_watch() and gavea_evidence_…(). */
#ifndef CORE_WORKER_EVIDENCE_H
#define CORE_WORKER_EVIDENCE_H

#include "proto/worker.pb-c.h"

#include <gavea/plugin.h>

#define WATCHES_MAX 64

struct watches {
	Gavea__Worker__V1__Watch *list[WATCHES_MAX];
	size_t count;
};

void watches_done(struct watches *watches);

/* The number of the watch; -EINVAL, -ENOSPC or -ENOMEM. */
int watches_add(struct watches *watches, const char *checks, const char *samples);

/* The next one of a watch in a list as it came, after that one (NULL: from the start). */
const struct gavea_evidence *evidence_find(Gavea__Worker__V1__Evidence *const *list, size_t count, int watch,
	const struct gavea_evidence *after);

const char *evidence_check(const struct gavea_evidence *evidence);
int evidence_status(const struct gavea_evidence *evidence, const char **ret_summary);
int64_t evidence_age(const struct gavea_evidence *evidence, int64_t *ret_interval);
int evidence_sample(
	const struct gavea_evidence *evidence, size_t index, const char **ret_series, double *ret_value);

#endif
