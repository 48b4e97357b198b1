/* SPDX-License-Identifier: Apache-2.0 */
/* Writes families of metrics in one of the two formats of exposition. */
#ifndef PROMETHEUS_WRITER_H
#define PROMETHEUS_WRITER_H

#include "base/buf.h"
#include "buckets.h"
#include "negotiate.h"

#include <stdbool.h>
#include <stdint.h>

struct writer {
	struct buf *out;
	enum format format;
	const char *common; /* labels that all series bear, as they are written; "" none */
	bool timestamps; /* of the samples are written */
	/* The family in the making: */
	const char *name;
	uint64_t samples; /* that were written, all families together */
};

enum written_type {
	WRITTEN_GAUGE,
	WRITTEN_COUNTER,
	WRITTEN_HISTOGRAM,
	WRITTEN_UNTYPED,
};

/*
 * Begins a family. A counter whose name does not end in "_total" is written without a type, as the node exporter does:
 * OpenMetrics has no such counters, and the name must be the same in both formats. name is borrowed until the next one.
 */
void writer_family(
	struct writer *writer, const char *name, enum written_type type, const char *unit, const char *help);

/* A sample with these labels (as they are written; "" none). check: the value of another label "check"; NULL: none.
 * time_ms: INT64_MIN: none. */
void writer_sample(
	struct writer *writer, const char *labels, const char *check, double value, int64_t time_ms);

void writer_histogram(struct writer *writer, const char *labels, const char *check,
	const struct buckets *buckets, int64_t time_ms);

/* A sample with one label. */
void writer_labelled(struct writer *writer, const char *name, const char *value, double number);

/* What stands at the end of all. */
void writer_end(struct writer *writer);

#endif
