/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/decode.h"

#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

#define NAME_MAX_BYTES 255
#define TEXT_MAX_BYTES 4096
#define PAIRS_MAX 64
#define SAMPLES_MAX 20000
#define BUCKETS_MAX 8192
#define YEAR_2200_MS INT64_C(7258118400000)

static bool is_id(const char *id)
{
	return strspn(id, "0123456789abcdef") == 32 && !id[32];
}

/* One that stands in lists, logs and addresses: short, printable, and unambiguous. */
static bool is_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > NAME_MAX_BYTES || !utf8_valid(name, length))
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return false;
	return true;
}

static bool is_metric_name(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isalpha((unsigned char)name[i]) && name[i] != '_' && name[i] != ':' &&
			(i == 0 || !isdigit((unsigned char)name[i])))
			return false;
	return i > 0 && i <= NAME_MAX_BYTES;
}

/* Text for people may come from a program that a plugin ran: better mended than lost. */
static void mend(char *text)
{
	size_t length = strlen(text);

	if (length > TEXT_MAX_BYTES) {
		length = utf8_cut(text, length, TEXT_MAX_BYTES);
		text[length] = 0;
	}
	if (!utf8_valid(text, length))
		utf8_repair(text, length);
}

static int64_t clamp_time(int64_t ms)
{
	return ms < 0 ? 0 : MIN(ms, YEAR_2200_MS);
}

/* The generated pair types all have this form. */
struct pair {
	ProtobufCMessage base;
	char *key;
	char *value;
};
_Static_assert(sizeof(struct pair) == sizeof(Gavea__V1__Item__AttributesEntry), "a pair of protobuf-c");

/* Of a key that comes twice the last one counts, as everywhere in protobuf. */
static size_t drop_doubles(struct pair **pairs, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		size_t at = 0;

		while (at < kept && !streq(pairs[at]->key, pairs[i]->key))
			at++;
		pairs[at] = pairs[i];
		kept += at == kept;
	}
	return kept;
}

static int judge_pairs(void *entries, size_t *count, bool strict, const char *what, struct error *error)
{
	struct pair **pairs = entries;

	if (*count > PAIRS_MAX) {
		if (strict)
			return error_set(error, -EBADMSG, "%s: more than %d labels", what, PAIRS_MAX);
		*count = PAIRS_MAX;
	}
	for (size_t i = 0; i < *count; i++) {
		if (!is_name(pairs[i]->key))
			return error_set(error, -EBADMSG, "%s: a label or attribute has a bad name", what);
		mend(pairs[i]->value);
	}
	*count = drop_doubles(pairs, *count);
	return 0;
}

static int judge_number(uint32_t number, bool zero_too, const char *what, struct error *error)
{
	if ((number == 0 && !zero_too) || number > REPORT_NUMBER_MAX)
		return error_set(error, -EBADMSG, "%s: the number %" PRIu32 " is out of range", what, number);
	return 0;
}

static int judge_series(Gavea__V1__Series *series, struct error *error)
{
	int r;

	if (!is_metric_name(series->name))
		return error_set(error, -EBADMSG, "series %" PRIu32 ": its name is not one of a metric",
			series->number);
	r = judge_number(series->number, false, series->name, error);
	if (r == 0)
		r = judge_number(series->check, true, series->name, error);
	if (r == 0)
		r = judge_pairs(series->labels, &series->n_labels, true, series->name, error);
	for (size_t i = 0; i < series->n_labels && r == 0; i++)
		if (!is_metric_name(series->labels[i]->key))
			r = error_set(error, -EBADMSG, "%s: a label's name is none", series->name);
	mend(series->unit);
	mend(series->help);
	return r;
}

static int judge_check(Gavea__V1__Check *check, struct error *error)
{
	int r;

	if (!is_name(check->name))
		return error_set(error, -EBADMSG, "check %" PRIu32 " has a bad name", check->number);
	r = judge_number(check->number, false, check->name, error);
	if (r == 0)
		r = judge_pairs(check->labels, &check->n_labels, true, check->name, error);
	return r;
}

static int judge_samples(Gavea__V1__Samples *samples, struct error *error)
{
	int64_t number = 0;

	if (samples->n_series != samples->n_values)
		return error_set(error, -EBADMSG, "samples: %zu numbers of series but %zu values",
			samples->n_series, samples->n_values);
	if (samples->n_series > SAMPLES_MAX || samples->n_histograms > SAMPLES_MAX)
		return error_set(error, -EBADMSG, "samples: more than %d", SAMPLES_MAX);
	for (size_t i = 0; i < samples->n_series; i++) {
		number += samples->series[i];
		if (number < 1 || number > REPORT_NUMBER_MAX)
			return error_set(error, -EBADMSG,
				"samples: the series' number %" PRId64 " is out of range", number);
	}
	for (size_t i = 0; i < samples->n_histograms; i++) {
		if (judge_number(samples->histograms[i]->series, false, "histogram", error) < 0)
			return -EBADMSG;
		if (samples->histograms[i]->n_buckets > BUCKETS_MAX)
			return error_set(
				error, -EBADMSG, "a histogram has more than %d buckets", BUCKETS_MAX);
	}
	return judge_number(samples->check, true, "samples", error);
}

static int judge_result(Gavea__V1__Result *result, struct error *error)
{
	int r = judge_number(result->check, false, "result", error);

	mend(result->summary);
	result->started_at_ms = clamp_time(result->started_at_ms);
	result->state_since_ms = clamp_time(result->state_since_ms);
	for (size_t i = 0; i < result->n_items && r == 0; i++) {
		Gavea__V1__Item *item = result->items[i];

		mend(item->name);
		mend(item->summary);
		r = judge_pairs(item->attributes, &item->n_attributes, false, "item", error);
	}
	return r;
}

static int judge_event(Gavea__V1__Event *event, struct error *error)
{
	int r = judge_number(event->check, true, "event", error);

	if (!is_name(event->kind))
		return error_set(error, -EBADMSG, "an event has a bad kind");
	mend(event->summary);
	if (r == 0)
		r = judge_pairs(event->attributes, &event->n_attributes, false, event->kind, error);
	return r;
}

/* An id of zeros is none, by W3C trace context. */
static bool is_trace_id(const ProtobufCBinaryData *id, size_t size)
{
	static const uint8_t none[16];

	return id->len == size && memcmp(id->data, none, size) != 0;
}

static int judge_span(Gavea__V1__Span *span, struct error *error)
{
	int r = judge_number(span->check, true, "span", error);

	if (!is_trace_id(&span->trace_id, 16) || !is_trace_id(&span->span_id, 8) ||
		(span->parent_span_id.len > 0 && !is_trace_id(&span->parent_span_id, 8)))
		return error_set(error, -EBADMSG, "a span has a bad id");
	if (!is_name(span->name))
		return error_set(error, -EBADMSG, "a span has a bad name");
	mend(span->error);
	span->start_us = MAX(INT64_C(0), MIN(span->start_us, YEAR_2200_MS * 1000));
	span->end_us = MAX(span->start_us, MIN(span->end_us, YEAR_2200_MS * 1000));
	if (r == 0)
		r = judge_pairs(span->attributes, &span->n_attributes, false, span->name, error);
	return r;
}

static int judge_record(Gavea__V1__Record *record, struct error *error)
{
	record->time_ms = clamp_time(record->time_ms);
	switch (record->body_case) {
	case GAVEA__V1__RECORD__BODY_SERIES:
		return judge_series(record->series, error);
	case GAVEA__V1__RECORD__BODY_CHECK:
		return judge_check(record->check, error);
	case GAVEA__V1__RECORD__BODY_SAMPLES:
		return judge_samples(record->samples, error);
	case GAVEA__V1__RECORD__BODY_RESULT:
		return judge_result(record->result, error);
	case GAVEA__V1__RECORD__BODY_EVENT:
		return judge_event(record->event, error);
	case GAVEA__V1__RECORD__BODY_SPAN:
		return judge_span(record->span, error);
	case GAVEA__V1__RECORD__BODY_LOSS:
		mend(record->loss->reason);
		return 0;
	case GAVEA__V1__RECORD__BODY_CHECK_GONE:
		return judge_number(record->check_gone->check, false, "check_gone", error);
	default:
		return 0; /* of a later version, or one that this server has no use for: kept in the count
			     alone */
	}
}

static int judge_head(Gavea__V1__Report *report, struct error *error)
{
	const Gavea__V1__Agent *agent = report->agent;

	if (report->protocol != 1)
		return error_set(
			error, -EBADMSG, "protocol %" PRIu32 " is not spoken here, only 1", report->protocol);
	if (!is_id(report->agent_id))
		return error_set(error, -EBADMSG, "agent_id is not 32 hexadecimal digits");
	if (!is_id(report->spool_id))
		return error_set(error, -EBADMSG, "spool_id is not 32 hexadecimal digits");
	if (!agent)
		return error_set(error, -EBADMSG, "agent is missing");
	if (!is_name(agent->name))
		return error_set(error, -EBADMSG, "agent.name is not a name");
	if (*agent->machine_id && !is_name(agent->machine_id))
		return error_set(error, -EBADMSG, "agent.machine_id is bad");
	if (*agent->boot_id && !is_name(agent->boot_id))
		return error_set(error, -EBADMSG, "agent.boot_id is bad");
	mend(agent->version);
	report->sent_at_ms = clamp_time(report->sent_at_ms);
	return judge_pairs(agent->labels, &report->agent->n_labels, true, "agent", error);
}

int report_judge(Gavea__V1__Report *report, struct error *error)
{
	uint64_t last = 0;
	int r = judge_head(report, error);

	for (size_t i = 0; i < report->n_declarations && r == 0; i++) {
		Gavea__V1__Record *record = report->declarations[i];

		if (record->body_case != GAVEA__V1__RECORD__BODY_SERIES &&
			record->body_case != GAVEA__V1__RECORD__BODY_CHECK)
			return error_set(error, -EBADMSG, "declarations hold more than series and checks");
		r = judge_record(record, error);
	}
	for (size_t i = 0; i < report->n_records && r == 0; i++) {
		Gavea__V1__Record *record = report->records[i];

		if (record->seq <= last || record->seq > INT64_MAX)
			return error_set(error, -EBADMSG, "seq does not rise: %" PRIu64 " after %" PRIu64,
				record->seq, last);
		last = record->seq;
		r = judge_record(record, error);
	}
	return r;
}
