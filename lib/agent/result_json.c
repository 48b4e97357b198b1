/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/result_json.h"
#include "base/clock.h"
#include "base/status.h"
#include "wire/convert.h"

const char *sample_type_name(Gavea__V1__SampleType type)
{
	switch (type) {
	case GAVEA__V1__SAMPLE_TYPE__GAUGE:
		return "gauge";
	case GAVEA__V1__SAMPLE_TYPE__COUNTER:
		return "counter";
	case GAVEA__V1__SAMPLE_TYPE__HISTOGRAM:
		return "histogram";
	default:
		return "unknown";
	}
}

static void add_item(struct json *json, const Gavea__V1__Item *item)
{
	json_object_begin(json);
	json_kv_string(json, "name", item->name);
	json_kv_string(json, "status", status_name(status_from_wire(item->status)));
	json_kv_string(json, "summary", item->summary);
	json_key(json, "attributes");
	json_object_begin(json);
	for (size_t i = 0; i < item->n_attributes; i++)
		json_kv_string(json, item->attributes[i]->key, item->attributes[i]->value);
	json_object_end(json);
	json_object_end(json);
}

static void add_histogram(struct json *json, const Gavea__V1__Histogram *histogram)
{
	json_object_begin(json);
	json_kv_double(json, "sum", histogram->sum);
	json_key(json, "zero_count");
	json_uint(json, histogram->zero_count);
	json_kv_int(json, "first", histogram->first);
	json_key(json, "buckets");
	json_array_begin(json);
	for (size_t i = 0; i < histogram->n_buckets; i++)
		json_uint(json, histogram->buckets[i]);
	json_array_end(json);
	json_object_end(json);
}

static void add_sample(struct json *json, const struct result_sample *sample)
{
	const Gavea__V1__Series *series = sample->series;

	json_object_begin(json);
	json_kv_string(json, "name", series->name);
	json_kv_string(json, "type", sample_type_name(series->type));
	json_kv_string(json, "unit", series->unit);
	json_key(json, "labels");
	json_object_begin(json);
	for (size_t i = 0; i < series->n_labels; i++)
		json_kv_string(json, series->labels[i]->key, series->labels[i]->value);
	json_object_end(json);
	json_key(json, "value");
	if (sample->histogram)
		add_histogram(json, sample->histogram);
	else
		json_double(json, sample->value);
	json_object_end(json);
}

static void add_times(struct json *json, const Gavea__V1__Result *result)
{
	char text[32];

	json_key(json, "started_at");
	if (result && result->started_at_ms > 0)
		json_string(json, clock_format_utc(text, result->started_at_ms, 1));
	else
		json_null(json);
	json_key(json, "duration_ms");
	if (result)
		json_double(json, (double)result->duration_us / 1000);
	else
		json_null(json);
}

void result_json_members(struct json *json, const char *check, const Gavea__V1__Result *result,
	const struct result_sample *samples, size_t count)
{
	enum gavea_status status = result ? status_from_wire(result->status) : GAVEA_UNKNOWN;

	json_kv_string(json, "check", check);
	json_kv_string(json, "status", status_name(status));
	json_kv_string(json, "summary", result ? result->summary : "has not run yet");
	add_times(json, result);
	json_key(json, "items");
	json_array_begin(json);
	for (size_t i = 0; result && i < result->n_items; i++)
		add_item(json, result->items[i]);
	json_array_end(json);
	json_key(json, "samples");
	json_array_begin(json);
	for (size_t i = 0; i < count; i++)
		add_sample(json, &samples[i]);
	json_array_end(json);
}

void result_json(struct json *json, const char *check, const Gavea__V1__Result *result,
	const struct result_sample *samples, size_t count)
{
	json_object_begin(json);
	result_json_members(json, check, result, samples, count);
	json_object_end(json);
}
