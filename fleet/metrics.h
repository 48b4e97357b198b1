/* SPDX-License-Identifier: Apache-2.0 */
/* What the server counts about itself, for /metrics. Counters may be raised by any thread. */
#ifndef FLEET_METRICS_H
#define FLEET_METRICS_H

#include "base/buf.h"
#include "fleet/model.h"

#include <stdatomic.h>
#include <stdint.h>

enum metrics_outcome {
	METRICS_ACCEPTED,
	METRICS_KNOWN, /* replayed, or only a sign of life */
	METRICS_NEED_DECLARATIONS,
	METRICS_MALFORMED,
	METRICS_UNAUTHORISED,
	METRICS_TOO_LARGE,
	METRICS_BUSY,
	METRICS_LIMITED, /* the agent is over its allowance */
	METRICS_TOO_MANY_HOSTS,
	METRICS_STORE_FAILED,
	METRICS_LAST_OUTCOME
};

#define METRICS_COMMIT_BUCKETS 10

struct metrics {
	atomic_ullong reports[METRICS_LAST_OUTCOME];
	atomic_ullong records;
	atomic_ullong body_bytes;
	atomic_ullong events;
	atomic_ullong spans;
	atomic_ullong commits;
	atomic_ullong commit_ns;
	atomic_ullong commit_buckets[METRICS_COMMIT_BUCKETS];
	atomic_ullong requests;
	atomic_ullong queue_reports; /* now */
	atomic_ullong queue_bytes;
};

void metrics_count_commit(struct metrics *metrics, int64_t ns);

/* Appends Prometheus' text form. */
void metrics_write(const struct metrics *metrics, const struct model_counts *counts, uint64_t store_bytes,
	bool healthy, struct buf *out);

#endif
