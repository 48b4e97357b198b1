/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/api_json.h"

#include "base/clock.h"
#include "base/status.h"

#include <math.h>
#include <stdio.h>

static void kv_time(struct json *json, const char *key, int64_t unix_ms)
{
	char text[32];

	json_key(json, key);
	if (unix_ms > 0)
		json_string(json, clock_format_utc(text, unix_ms, 1));
	else
		json_null(json);
}

static void kv_labels(struct json *json, const char *key, const struct model_label *labels, size_t count)
{
	json_key(json, key);
	json_object_begin(json);
	for (size_t i = 0; i < count; i++)
		json_kv_string(json, labels[i].name, labels[i].value);
	json_object_end(json);
}

static void write_host(struct json *json, const struct model_host *host, struct model_time now)
{
	size_t counts[4] = {};

	for (size_t i = 0; i < host->check_count; i++)
		counts[model_check_shown(host, host->checks[i], now)]++;
	json_kv_string(json, "id", host->id);
	json_kv_string(json, "name", host->name);
	json_kv_string(json, "state", host->liveness == MODEL_LOST ? "lost" : "live");
	kv_time(json, "since", host->liveness_since_ms);
	json_kv_string(json, "status", status_name(model_host_status(host, now)));
	kv_labels(json, "labels", host->labels, host->label_count);
	json_kv_string(json, "version", host->version);
	json_kv_string(json, "address", host->address);
	kv_time(json, "first_seen", host->first_seen_ms);
	kv_time(json, "last_seen", host->last_seen_ms);
	json_kv_int(json, "next_within_ms", host->next_within_ms);
	json_kv_int(json, "clock_skew_ms", host->skew_ms);
	json_kv_bool(json, "conflict", host->conflict);
	json_key(json, "check_counts");
	json_object_begin(json);
	for (int i = GAVEA_OK; i <= GAVEA_UNKNOWN; i++)
		json_kv_int(json, status_name((enum gavea_status)i), (int64_t)counts[i]);
	json_object_end(json);
}

void api_host(struct json *json, const struct model_host *host, struct model_time now)
{
	json_object_begin(json);
	write_host(json, host, now);
	json_object_end(json);
}

static void write_item(struct json *json, const struct model_item *item)
{
	json_object_begin(json);
	json_kv_string(json, "name", item->name);
	json_kv_string(json, "status", status_name(item->status));
	json_kv_string(json, "summary", item->summary);
	kv_labels(json, "attributes", item->attributes, item->attribute_count);
	json_object_end(json);
}

void api_check(struct json *json, const struct model_host *host, const struct model_check *check,
	struct model_time now, bool with_host)
{
	json_object_begin(json);
	if (with_host) {
		json_key(json, "host");
		json_object_begin(json);
		json_kv_string(json, "id", host->id);
		json_kv_string(json, "name", host->name);
		json_kv_string(json, "state", host->liveness == MODEL_LOST ? "lost" : "live");
		json_object_end(json);
	}
	json_kv_string(json, "check", check->name);
	json_kv_string(json, "status", status_name(model_check_shown(host, check, now)));
	json_kv_string(json, "summary", check->summary);
	kv_time(json, "started_at", check->has_result ? check->started_ms : 0);
	json_kv_double(json, "duration_ms", (double)check->duration_us / 1000);
	json_key(json, "items");
	json_array_begin(json);
	for (size_t i = 0; i < check->item_count; i++)
		write_item(json, &check->items[i]);
	json_array_end(json);
	json_kv_int(json, "items_left_out", (int64_t)check->items_left_out);
	json_kv_string(json, "run_status", status_name(check->status));
	json_kv_int(json, "attempt", check->attempt);
	json_kv_bool(json, "flapping", check->flapping);
	kv_time(json, "since", check->since_ms);
	json_kv_bool(json, "overdue", model_check_overdue(host, check, now));
	json_kv_int(json, "every_ms", (int64_t)MIN(check->every_ms, (uint64_t)INT64_MAX));
	kv_labels(json, "labels", check->labels, check->label_count);
	json_object_end(json);
}

/* {a="b",c="d"} as an object. */
static void write_series_labels(struct json *json, const char *text)
{
	_cleanup_buf_ struct buf part = BUF_INIT;

	json_key(json, "labels");
	json_object_begin(json);
	while (*text && *text != '}') {
		text++; /* '{' or ',' */
		buf_reset(&part);
		buf_add(&part, text, strcspn(text, "="));
		text += strcspn(text, "=");
		json_key(json, buf_str(&part));
		buf_reset(&part);
		for (text += *text ? strlen("=\"") : 0; *text && *text != '"'; text++) {
			if (text[0] != '\\' || !text[1]) {
				buf_add_char(&part, *text);
				continue;
			}
			text++;
			buf_add_char(&part, *text == 'n' ? '\n' : *text);
		}
		json_string(json, buf_str(&part));
		text += *text == '"';
	}
	json_object_end(json);
}

static void write_series(struct json *json, const struct model_series *series)
{
	static const char *const types[] = {"unknown", "gauge", "counter", "histogram"};

	json_object_begin(json);
	json_kv_string(json, "name", series->name);
	json_kv_string(json, "type", types[series->type <= GAVEA_HISTOGRAM ? series->type : 0]);
	json_kv_string(json, "unit", series->unit);
	write_series_labels(json, series->labels);
	json_kv_double(json, "value", series->value);
	if (series->type == GAVEA_HISTOGRAM)
		json_kv_int(json, "count", (int64_t)MIN(series->count, (uint64_t)INT64_MAX));
	json_kv_double(json, "rate", series->rate);
	kv_time(json, "time", series->time_ms);
	json_kv_string(json, "check", series->check);
	json_object_end(json);
}

void api_host_detail(
	struct json *json, const struct model_host *host, struct model_time now, bool with_series)
{
	json_object_begin(json);
	write_host(json, host, now);
	kv_time(json, "deadline", model_host_deadline_ms(host, now));
	json_key(json, "checks");
	json_array_begin(json);
	for (size_t i = 0; i < host->check_count; i++)
		api_check(json, host, host->checks[i], now, false);
	json_array_end(json);
	if (with_series) {
		json_key(json, "samples");
		json_array_begin(json);
		for (size_t i = 0; i < host->series_count; i++)
			write_series(json, host->series[i]);
		json_array_end(json);
	}
	json_object_end(json);
}

void api_event(struct json *json, const struct store_event *event)
{
	json_object_begin(json);
	json_kv_int(json, "id", (int64_t)event->id);
	json_key(json, "host");
	json_object_begin(json);
	json_kv_string(json, "id", event->agent_id);
	json_kv_string(json, "name", event->host);
	json_object_end(json);
	kv_time(json, "time", event->time_ms);
	kv_time(json, "received", event->received_ms);
	json_kv_string(json, "kind", event->kind);
	json_kv_string(json, "check", event->check);
	json_kv_string(json, "status", status_name(event->status));
	json_kv_string(json, "summary", event->summary);
	json_key(json, "attributes");
	buf_add_str(json->out, event->attributes); /* an object already: batch.c wrote it */
	json->comma = true;
	json_object_end(json);
}

static void kv_id(struct json *json, const char *key, const uint8_t *id, size_t size)
{
	char text[33];

	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
	json_kv_string(json, key, text);
}

void api_span(struct json *json, const struct store_span *span)
{
	json_object_begin(json);
	json_kv_int(json, "id", (int64_t)span->id);
	kv_id(json, "trace_id", span->trace_id, sizeof span->trace_id);
	kv_id(json, "span_id", span->span_id, sizeof span->span_id);
	if (span->has_parent)
		kv_id(json, "parent_id", span->parent_id, sizeof span->parent_id);
	json_key(json, "host");
	json_object_begin(json);
	json_kv_string(json, "id", span->agent_id);
	json_kv_string(json, "name", span->host);
	json_object_end(json);
	json_kv_string(json, "check", span->check);
	json_kv_string(json, "name", span->name);
	kv_time(json, "start", span->start_us / 1000);
	json_kv_int(json, "start_us", span->start_us);
	kv_time(json, "received", span->received_ms);
	json_kv_double(json, "duration_seconds", (double)span->duration_us / 1e6);
	json_kv_string(json, "error", span->error);
	json_key(json, "attributes");
	buf_add_str(json->out, span->attributes); /* an object already: batch.c wrote it */
	json->comma = true;
	json_object_end(json);
}
