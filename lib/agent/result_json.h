/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON form of a check's result, the same wherever it is shown:
 *
 *   {"check","status","summary","started_at","duration_ms",
 *    "items":[{"name","status","summary","attributes":{}}],
 *    "samples":[{"name","type","unit","labels":{},"value"}]}
 */
#ifndef AGENT_RESULT_JSON_H
#define AGENT_RESULT_JSON_H

#include "base/json.h"
#include "proto/report.pb-c.h"

struct result_sample {
	const Gavea__V1__Series *series;
	double value;
	const Gavea__V1__Histogram *histogram; /* of a histogram, where it is known; else NULL */
};

/*
 * Writes the members of the object, for a caller that puts it into braces and may add members of its own.
 * result may be NULL: the check has not run yet (unknown, the times null). status is that of the last run.
 * The value of a histogram is {"sum","zero_count","first","buckets":[]}, or its sum where that is all there
 * is.
 */
void result_json_members(struct json *json, const char *check, const Gavea__V1__Result *result,
	const struct result_sample *samples, size_t count);

/* The same as a whole object. */
void result_json(struct json *json, const char *check, const Gavea__V1__Result *result,
	const struct result_sample *samples, size_t count);

/* "gauge", "counter", "histogram"; "unknown" for what is none of them. */
const char *sample_type_name(Gavea__V1__SampleType type);

#endif
