/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/spool_export.h"
#include "agent/result_json.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "base/strmap.h"
#include "base/util.h"
#include "proto/report.pb-c.h"
#include "wire/convert.h"

#include <gavea/plugin.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define PIECE ((size_t)64 << 10)

struct exporting {
	const struct spool_export *export;
	struct spool_segment *segment;
	int (*write)(const struct buf *text);
	struct strmap checks; /* "NUMBER" -> name */
	struct strmap series; /* "NUMBER" -> Gavea__V1__Record */
	struct buf out;
};

const char *spool_kind_name(int kind)
{
	static const char *const names[] = {
		[GAVEA_RECORD_SERIES] = "series",
		[GAVEA_RECORD_CHECK] = "check",
		[GAVEA_RECORD_SAMPLES] = "samples",
		[GAVEA_RECORD_RESULT] = "result",
		[GAVEA_RECORD_EVENT] = "event",
		[GAVEA_RECORD_LOSS] = "loss",
		[GAVEA_RECORD_CHECK_GONE] = "check-gone",
		[GAVEA_RECORD_SPAN] = "span",
	};

	return kind >= 0 && kind < (int)ARRAY_SIZE(names) ? names[kind] : NULL;
}

static void free_record(void *record)
{
	gavea__v1__record__free_unpacked(record, NULL);
}

/* ---- What numbers mean ---- */

static const char *number_key(uint32_t number, char key[static 16])
{
	snprintf(key, 16, "%" PRIu32, number);
	return key;
}

static const char *check_name(struct exporting *exporting, uint32_t number)
{
	char key[16];
	const char *name = number ? strmap_get(&exporting->checks, number_key(number, key)) : NULL;

	return name ? name : "";
}

static void keep(struct strmap *map, uint32_t number, void *value, void (*release)(void *value))
{
	void *old = NULL;
	char key[16];

	if (strmap_set(map, number_key(number, key), value, &old) < 0)
		release(value);
	else if (old)
		release(old);
}

/* Takes the record when it is a declaration of a series. Returns whether it did. */
static bool remember(struct exporting *exporting, Gavea__V1__Record *record)
{
	if (record->body_case == GAVEA__V1__RECORD__BODY_CHECK) {
		char *name = strdup(record->check->name);

		if (name)
			keep(&exporting->checks, record->check->number, name, free);
	}
	if (record->body_case != GAVEA__V1__RECORD__BODY_SERIES)
		return false;
	keep(&exporting->series, record->series->number, record, free_record);
	return true;
}

/* ---- JSON ---- */

static void kv_uint(struct json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_uint(json, value);
}

static void add_map(struct json *json, const char *key, void *entries, size_t count)
{
	/* All maps of strings have entries of one form. */
	Gavea__V1__Event__AttributesEntry **list = entries;

	json_key(json, key);
	json_object_begin(json);
	for (size_t i = 0; i < count; i++)
		json_kv_string(json, list[i]->key, list[i]->value);
	json_object_end(json);
}

/* Opens the object of a sample; the caller closes it. */
static void begin_sample(struct exporting *exporting, struct json *json, uint32_t number)
{
	char key[16];
	const Gavea__V1__Record *record = strmap_get(&exporting->series, number_key(number, key));

	json_object_begin(json);
	if (!record) {
		kv_uint(json, "series", number); /* its declaration can't be read */
		return;
	}
	json_kv_string(json, "name", record->series->name);
	json_kv_string(json, "type", sample_type_name(record->series->type));
	json_kv_string(json, "unit", record->series->unit);
	add_map(json, "labels", record->series->labels, record->series->n_labels);
}

static void add_samples(struct exporting *exporting, struct json *json, const Gavea__V1__Samples *samples)
{
	uint32_t number = 0;

	json_kv_string(json, "check", check_name(exporting, samples->check));
	json_key(json, "samples");
	json_array_begin(json);
	for (size_t i = 0; i < samples->n_series && i < samples->n_values; i++) {
		number += (uint32_t)samples->series[i];
		begin_sample(exporting, json, number);
		json_kv_double(json, "value", samples->values[i]);
		json_object_end(json);
	}
	for (size_t i = 0; i < samples->n_histograms; i++) {
		begin_sample(exporting, json, samples->histograms[i]->series);
		json_kv_double(json, "sum", samples->histograms[i]->sum);
		json_object_end(json);
	}
	json_array_end(json);
}

static void add_event(struct exporting *exporting, struct json *json, const Gavea__V1__Event *event)
{
	json_kv_string(json, "check", check_name(exporting, event->check));
	json_kv_string(json, "event", event->kind);
	json_kv_string(json, "status", status_name(status_from_wire(event->status)));
	json_kv_string(json, "summary", event->summary);
	add_map(json, "attributes", event->attributes, event->n_attributes);
}

static void add_result(struct exporting *exporting, struct json *json, const Gavea__V1__Result *result)
{
	json_kv_string(json, "state", status_name(status_from_wire(result->state)));
	result_json_members(json, check_name(exporting, result->check), result, NULL, 0);
}

static void add_loss(struct json *json, const Gavea__V1__Loss *loss)
{
	kv_uint(json, "first_seq", loss->first_seq);
	kv_uint(json, "last_seq", loss->last_seq);
	kv_uint(json, "samples", loss->samples);
	kv_uint(json, "results", loss->results);
	kv_uint(json, "events", loss->events);
	json_kv_string(json, "reason", loss->reason);
}

static void add_span(struct exporting *exporting, struct json *json, const Gavea__V1__Span *span)
{
	json_kv_string(json, "check", check_name(exporting, span->check));
	json_kv_string(json, "name", span->name);
	json_kv_int(json, "start_us", span->start_us);
	json_kv_int(json, "end_us", span->end_us);
	json_kv_string(json, "error", span->error);
	add_map(json, "attributes", span->attributes, span->n_attributes);
}

static void add_body(struct exporting *exporting, struct json *json, const Gavea__V1__Record *record)
{
	switch (record->body_case) {
	case GAVEA__V1__RECORD__BODY_SAMPLES:
		add_samples(exporting, json, record->samples);
		break;
	case GAVEA__V1__RECORD__BODY_RESULT:
		add_result(exporting, json, record->result);
		break;
	case GAVEA__V1__RECORD__BODY_EVENT:
		add_event(exporting, json, record->event);
		break;
	case GAVEA__V1__RECORD__BODY_LOSS:
		add_loss(json, record->loss);
		break;
	case GAVEA__V1__RECORD__BODY_CHECK:
		json_kv_string(json, "check", record->check->name);
		break;
	case GAVEA__V1__RECORD__BODY_CHECK_GONE:
		json_kv_string(json, "check", check_name(exporting, record->check_gone->check));
		break;
	case GAVEA__V1__RECORD__BODY_SERIES:
		json_kv_string(json, "name", record->series->name);
		add_map(json, "labels", record->series->labels, record->series->n_labels);
		break;
	case GAVEA__V1__RECORD__BODY_SPAN:
		add_span(exporting, json, record->span);
		break;
	default:
		break;
	}
}

static void add_json(struct exporting *exporting, const Gavea__V1__Record *record, uint64_t seq)
{
	const char *kind = spool_kind_name((int)record->body_case);
	struct json json;
	char time[32];

	json_init(&json, &exporting->out);
	json_object_begin(&json);
	kv_uint(&json, "seq", seq);
	json_kv_string(&json, "spool", exporting->segment->spool_id);
	kv_uint(&json, "stream", exporting->segment->stream);
	json_kv_string(&json, "time", clock_format_utc(time, record->time_ms, 1));
	json_kv_string(&json, "kind", kind ? kind : "unknown");
	add_body(exporting, &json, record);
	json_object_end(&json);
	buf_add_char(&exporting->out, '\n');
}

/* ---- Protobuf ---- */

static void add_varint(struct buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_add_char(out, (char)(value | 0x80));
	buf_add_char(out, (char)value);
}

static int add_protobuf(struct buf *out, Gavea__V1__Record *record, uint64_t seq)
{
	size_t size;
	char *at;

	record->seq = seq;
	size = gavea__v1__record__get_packed_size(record);
	add_varint(out, size);
	at = buf_extend(out, size);
	if (!at)
		return buf_error(out);
	out->size += gavea__v1__record__pack(record, (uint8_t *)at);
	return 0;
}

/* ---- Records ---- */

static bool is_wanted(const struct spool_export *export, const Gavea__V1__Record *record)
{
	bool declares = record->body_case == GAVEA__V1__RECORD__BODY_SERIES ||
		record->body_case == GAVEA__V1__RECORD__BODY_CHECK;
	const char *kind = spool_kind_name((int)record->body_case);

	/* Without their declarations, numbers mean nothing to whoever reads protobuf. */
	if (declares && export->protobuf)
		return true;
	if (record->time_ms < export->since_ms)
		return false;
	return export->kind ? kind && streq(kind, export->kind) : !declares;
}

static int flush(struct exporting *exporting, size_t at_least)
{
	int r = 0;

	if (exporting->out.size > at_least)
		r = exporting->write(&exporting->out);
	if (exporting->out.size > at_least)
		buf_reset(&exporting->out);
	return r;
}

static int export_record(uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata)
{
	struct exporting *exporting = userdata;
	Gavea__V1__Record *record = gavea__v1__record__unpack(NULL, length, payload);
	int r = 0;

	(void)next;
	if (!record)
		return 0;
	if (is_wanted(exporting->export, record)) {
		if (exporting->export->protobuf)
			r = add_protobuf(&exporting->out, record, seq);
		else
			add_json(exporting, record, seq);
	}
	if (!remember(exporting, record))
		free_record(record);
	return r < 0 ? r : flush(exporting, PIECE);
}

int spool_export_segment(const struct spool_export *export, struct spool_folder *folder,
	struct spool_segment *segment, int (*write)(const struct buf *text))
{
	struct exporting exporting = {.export = export, .segment = segment, .write = write};
	struct segment_visit visit = {export_record, &exporting};
	int r = spool_folder_read(folder, segment, &visit);

	if (r == 0)
		r = flush(&exporting, 0);
	strmap_done(&exporting.checks, free);
	strmap_done(&exporting.series, free_record);
	buf_done(&exporting.out);
	return r;
}
