/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver.h"

#include "base/clock.h"
#include "base/parse.h"
#include "proto/report.pb-c.h"
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* What is left of a batch after so many requests is offered again: a server that refuses much must not hold
 * the worker. */
#define REQUESTS_MAX 200
#define SIFT_REQUESTS_MAX 1000

#define REFUSED_EVENT "record-refused"

struct delivery {
	const struct delivery_settings *settings;
	struct gavea_check *check;
	struct gavea_batch *batch;
	struct records records;
	struct records declarations; /* those before the batch; empty until the server asks */
	struct buf report; /* the one in the making */
	size_t position; /* the first record that has not been dealt with */
	size_t window; /* records in a report, at most */
	unsigned requests;
	uint64_t known_seq; /* the server can't have more of this spool from here; UINT64_MAX: nobody knows */
	bool declare; /* the next report repeats the declarations */
	bool too_large; /* a report was: don't try that size again */
};

static void delivery_done(struct delivery *delivery)
{
	records_done(&delivery->records);
	records_done(&delivery->declarations);
	buf_done(&delivery->report);
}

/* ---- Sending ---- */

static int begin_report(struct delivery *delivery)
{
	buf_reset(&delivery->report);
	return report_add_head(&delivery->report, delivery->check, delivery->batch, clock_unix_ms());
}

/* Sends what stands in delivery->report. */
static int post(struct delivery *delivery, bool last_try, struct verdict *ret_verdict)
{
	verdict_done(ret_verdict);
	if (buf_error(&delivery->report) < 0)
		return buf_error(&delivery->report);
	if (gavea_cancelled(delivery->check)) {
		verdict_set(ret_verdict, VERDICT_FAILED, -ECANCELED, "cancelled");
		return 0;
	}
	delivery->requests++;
	delivery->settings->post(delivery->settings->userdata, &delivery->report, last_try, ret_verdict);
	return 0;
}

/* A report with these declarations and no records. */
static int post_declarations(
	struct delivery *delivery, size_t first, size_t count, struct verdict *ret_verdict)
{
	int r = begin_report(delivery);

	for (size_t i = first; r == 0 && i < first + count; i++)
		report_add_record(&delivery->report, REPORT_DECLARATIONS, &delivery->declarations.items[i]);
	return r < 0 ? r : post(delivery, true, ret_verdict);
}

/*
 * Adds the declarations to the report. Those that would fill it go ahead of it in reports of their own, in
 * which case ret_verdict says what came of that (VERDICT_STORED: go on).
 */
static int add_declarations(struct delivery *delivery, struct verdict *ret_verdict)
{
	const struct records *declarations = &delivery->declarations;
	size_t first = 0, bytes = 0;
	int r;

	ret_verdict->kind = VERDICT_STORED;
	for (size_t i = 0; i < declarations->count; i++) {
		bytes += report_record_size(&declarations->items[i]);
		if (bytes <= delivery->settings->max_report / 2)
			continue;
		r = post_declarations(delivery, first, i + 1 - first, ret_verdict);
		if (r < 0 || ret_verdict->kind != VERDICT_STORED)
			return r;
		first = i + 1;
		bytes = 0;
	}
	r = begin_report(delivery);
	for (size_t i = first; r == 0 && i < declarations->count; i++)
		report_add_record(&delivery->report, REPORT_DECLARATIONS, &declarations->items[i]);
	return r;
}

/* Sends as many records as fit, *ret_count of them. */
static int send_records(struct delivery *delivery, size_t *ret_count, struct verdict *ret_verdict)
{
	const struct record *records = delivery->records.items + delivery->position;
	size_t left = delivery->records.count - delivery->position, count = 0;
	int r;

	if (delivery->declare) {
		r = add_declarations(delivery, ret_verdict);
		if (r < 0 || ret_verdict->kind != VERDICT_STORED)
			return r;
	} else {
		r = begin_report(delivery);
		if (r < 0)
			return r;
	}
	while (count < left && count < delivery->window) {
		if (count > 0 &&
			delivery->report.size + report_record_size(&records[count]) >
				delivery->settings->max_report)
			break;
		report_add_record(&delivery->report, REPORT_RECORDS, &records[count++]);
	}
	*ret_count = count;
	return post(delivery, count <= 1, ret_verdict);
}

/* ---- Judging ---- */

static int fail(struct delivery *delivery, const struct verdict *verdict)
{
	if (verdict->retry_after > 0)
		gavea_batch_retry_after(delivery->check, delivery->batch, verdict->retry_after);
	return gavea_fail(delivery->check, verdict->error, "%s",
		verdict->text ? verdict->text : strerror(-verdict->error));
}

/* Whether the server has more of this spool than ever was sent, or lay here when the agent started. */
static int judge_ahead(struct delivery *delivery, uint64_t sent, const struct verdict *verdict)
{
	if (verdict->kind != VERDICT_STORED || verdict->acked_seq <= MAX(sent, delivery->known_seq))
		return 0;
	return gavea_fail(delivery->check, -ESTALE,
		"the server has records of this spool up to seq %" PRIu64 ", but only %" PRIu64
		" came from here: the state directory was rolled back, or another agent has a copy of it",
		verdict->acked_seq, MAX(sent, delivery->known_seq));
}

/* The server has count records from the position on, or says so. */
static int records_stored(struct delivery *delivery, size_t count, const struct verdict *verdict)
{
	const struct record *records = delivery->records.items + delivery->position;
	uint64_t acked = MIN(verdict->acked_seq, records[count - 1].seq);
	size_t stored = 0;
	int r = judge_ahead(delivery, records[count - 1].seq, verdict);

	if (r < 0)
		return r;
	while (stored < count && records[stored].seq <= acked)
		stored++;
	if (stored == 0)
		return gavea_fail(delivery->check, -EPROTO,
			"the server acknowledged seq %" PRIu64 ", but %" PRIu64 " to %" PRIu64 " were sent",
			verdict->acked_seq, records[0].seq, records[count - 1].seq);
	gavea_batch_acknowledge(delivery->check, delivery->batch, records[stored - 1].seq);
	delivery->position += stored;
	delivery->declare = false;
	if (!delivery->too_large && delivery->window <= SIZE_MAX / 2)
		delivery->window *= 2;
	return 0;
}

/* The server does not know the declarations before this report. */
static int declarations_wanted(struct delivery *delivery, const struct verdict *verdict)
{
	int r;

	delivery->declare = true;
	if (delivery->declarations.count > 0)
		return 0;
	r = gavea_batch_declarations(delivery->check, delivery->batch);
	if (r >= 0)
		r = records_collect(&delivery->declarations, delivery->check, delivery->batch);
	if (r < 0)
		return gavea_fail(delivery->check, r, "%s, which cannot be read from the spool: %s",
			verdict->text ? verdict->text : "the server asks for declarations", strerror(-r));
	return 0;
}

static const char *kind_name(int kind)
{
	switch (kind) {
	case GAVEA_RECORD_SERIES:
		return "series";
	case GAVEA_RECORD_CHECK:
		return "check";
	case GAVEA_RECORD_SAMPLES:
		return "samples";
	case GAVEA_RECORD_RESULT:
		return "result";
	case GAVEA_RECORD_EVENT:
		return "event";
	case GAVEA_RECORD_LOSS:
		return "loss";
	case GAVEA_RECORD_CHECK_GONE:
		return "check-gone";
	case GAVEA_RECORD_SPAN:
		return "span";
	default:
		return "unknown";
	}
}

/* Whether the record is itself the news of a refused record: more news of it would never end. */
static bool is_refusal(const struct record *record)
{
	Gavea__V1__Record *message;
	bool is;

	if (record->kind != GAVEA_RECORD_EVENT)
		return false;
	message = gavea__v1__record__unpack(NULL, record->size, record->bytes);
	is = message && message->body_case == GAVEA__V1__RECORD__BODY_EVENT &&
		streq(message->event->kind, REFUSED_EVENT);
	if (message)
		gavea__v1__record__free_unpacked(message, NULL);
	return is;
}

static void tell_refusal(
	struct delivery *delivery, const struct record *record, const struct verdict *verdict)
{
	const char *reason = verdict->text ? verdict->text : "";
	uint64_t refused = ++delivery->settings->memory->refused;
	char seq[24], count[24], summary[64];
	const struct gavea_pair attributes[] = {
		{"seq", seq},
		{"kind", kind_name(record->kind)},
		{"reason", reason},
		{"refused", count},
	};

	snprintf(seq, sizeof(seq), "%" PRIu64, record->seq);
	snprintf(count, sizeof(count), "%" PRIu64, refused);
	snprintf(summary, sizeof(summary), "the server refused record %" PRIu64, record->seq);
	gavea_log(delivery->check, GAVEA_LOG_WARNING, "record %" PRIu64 " (%s) is given up: %s", record->seq,
		kind_name(record->kind), reason);
	if (!is_refusal(record))
		gavea_event(delivery->check, REFUSED_EVENT, GAVEA_WARNING, summary, attributes,
			ARRAY_SIZE(attributes));
}

static bool is_refusing(const struct verdict *verdict)
{
	return verdict->kind == VERDICT_MALFORMED || verdict->kind == VERDICT_TOO_LARGE;
}

/* Takes a declaration out. It is told once a stream: the server may ask for the rest of them again and again.
 */
static void give_up_declaration(struct delivery *delivery, size_t at, const struct verdict *verdict)
{
	struct records *declarations = &delivery->declarations;
	const struct delivery_memory *memory = delivery->settings->memory;
	uint64_t stream = gavea_batch_stream(delivery->check, delivery->batch);

	if (!memory->broken || memory->broken_stream != stream)
		tell_refusal(delivery, &declarations->items[at], verdict);
	declarations->count--;
	memmove(&declarations->items[at], &declarations->items[at + 1],
		(declarations->count - at) * sizeof(declarations->items[0]));
}

/* Looks for refused declarations among these, the last first, and takes them out. *ret_found counts them. */
static int sift_declarations(struct delivery *delivery, size_t first, size_t count, size_t *ret_found)
{
	_cleanup_verdict_ struct verdict verdict = VERDICT_INIT;
	size_t half = count / 2;
	int r;

	if (count == 0 || delivery->requests >= SIFT_REQUESTS_MAX)
		return 0;
	r = post_declarations(delivery, first, count, &verdict);
	if (r < 0)
		return r;
	if (!is_refusing(&verdict))
		return verdict.kind == VERDICT_FAILED ? fail(delivery, &verdict) : 0;
	if (count == 1) {
		give_up_declaration(delivery, first, &verdict);
		++*ret_found;
		return 0;
	}
	r = sift_declarations(delivery, first + half, count - half, ret_found);
	return r < 0 ? r : sift_declarations(delivery, first, half, ret_found);
}

/* Whether the server refuses declarations that it asked for: 1, and the bad ones are taken out. */
static int declarations_refused(struct delivery *delivery)
{
	struct delivery_memory *memory = delivery->settings->memory;
	size_t found = 0;
	int r;

	if (!delivery->declare)
		return 0;
	r = sift_declarations(delivery, 0, delivery->declarations.count, &found);
	if (found > 0) {
		memory->broken = true;
		memory->broken_stream = gavea_batch_stream(delivery->check, delivery->batch);
	}
	return r < 0 ? r : found > 0;
}

/* A report with a single record, or with nothing but declarations, was refused: what is at fault? */
static int single_refused(struct delivery *delivery, size_t count, const struct verdict *refusal)
{
	_cleanup_verdict_ struct verdict probe = VERDICT_INIT;
	const struct record *record;
	int r = begin_report(delivery);

	if (r == 0)
		r = post(delivery, true, &probe);
	if (r < 0)
		return r;
	if (is_refusing(&probe) || probe.kind == VERDICT_DECLARE)
		return gavea_fail(delivery->check, probe.error ? probe.error : -EPROTO,
			"the server refuses even a report without records: %s", probe.text ? probe.text : "");
	if (probe.kind != VERDICT_STORED)
		return fail(delivery, &probe);
	r = declarations_refused(delivery);
	if (r != 0)
		return MIN(r, 0);
	if (count == 0)
		return fail(delivery, refusal);
	record = &delivery->records.items[delivery->position];
	tell_refusal(delivery, record, refusal);
	gavea_batch_acknowledge(delivery->check, delivery->batch, record->seq);
	delivery->position++;
	return 0;
}

static int records_refused(struct delivery *delivery, size_t count, const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_TOO_LARGE)
		delivery->too_large = true;
	if (count <= 1)
		return single_refused(delivery, count, verdict);
	delivery->window = count / 2;
	return 0;
}

/* It was just sent them. That is the server's fault, unless it refused some of them before. */
static int declarations_wanted_again(struct delivery *delivery, size_t count, const struct verdict *verdict)
{
	const struct delivery_memory *memory = delivery->settings->memory;

	if (count > 0 && memory->broken &&
		memory->broken_stream == gavea_batch_stream(delivery->check, delivery->batch))
		return records_refused(delivery, count, verdict);
	return gavea_fail(
		delivery->check, -EPROTO, "the server asks again for declarations that it was just sent");
}

/* ---- The loop ---- */

static int deliver_some(struct delivery *delivery)
{
	_cleanup_verdict_ struct verdict verdict = VERDICT_INIT;
	size_t count = 0;
	int r = send_records(delivery, &count, &verdict);

	if (r < 0)
		return gavea_fail(delivery->check, r, "the report cannot be built: %s", strerror(-r));
	switch (verdict.kind) {
	case VERDICT_STORED:
		return records_stored(delivery, count, &verdict);
	case VERDICT_DECLARE:
		return delivery->declare ? declarations_wanted_again(delivery, count, &verdict)
					 : declarations_wanted(delivery, &verdict);
	case VERDICT_TOO_LARGE:
	case VERDICT_MALFORMED:
		return records_refused(delivery, count, &verdict);
	default:
		return fail(delivery, &verdict);
	}
}

/* A sign of life. A server that has forgotten everything may ask for the declarations even so. */
static int deliver_nothing(struct delivery *delivery)
{
	_cleanup_verdict_ struct verdict verdict = VERDICT_INIT;
	size_t count;
	int r;

	do {
		r = send_records(delivery, &count, &verdict);
		if (r < 0)
			return gavea_fail(delivery->check, r, "the report cannot be built: %s", strerror(-r));
		if (verdict.kind == VERDICT_DECLARE)
			r = delivery->declare ? declarations_wanted_again(delivery, 0, &verdict)
					      : declarations_wanted(delivery, &verdict);
	} while (r == 0 && verdict.kind == VERDICT_DECLARE);
	if (r == 0)
		r = judge_ahead(delivery, 0, &verdict);
	if (r < 0 || verdict.kind == VERDICT_STORED)
		return r;
	return fail(delivery, &verdict);
}

static void take_known_seq(struct delivery *delivery)
{
	const char *text = gavea_batch_info(delivery->check, delivery->batch, "known_seq");

	delivery->known_seq = UINT64_MAX;
	if (text && parse_uint64(text, &delivery->known_seq) < 0)
		delivery->known_seq = UINT64_MAX;
}

static int deliver_all(struct delivery *delivery)
{
	int r = records_collect(&delivery->records, delivery->check, delivery->batch);

	if (r == -EBADMSG && delivery->records.count == 0)
		return gavea_fail(delivery->check, r, "the next record in the spool is damaged");
	if (r < 0 && r != -EBADMSG)
		return gavea_fail(delivery->check, r, "the batch cannot be read: %s", strerror(-r));
	if (delivery->records.count == 0)
		return deliver_nothing(delivery);
	r = 0;
	while (r == 0 && delivery->position < delivery->records.count && delivery->requests < REQUESTS_MAX)
		r = deliver_some(delivery);
	if (r == 0 && delivery->position == 0)
		r = gavea_fail(delivery->check, -EPROTO, "no progress after %u requests", delivery->requests);
	return r;
}

int deliver_batch(
	const struct delivery_settings *settings, struct gavea_check *check, struct gavea_batch *batch)
{
	_cleanup_(delivery_done) struct delivery delivery = {
		.settings = settings,
		.check = check,
		.batch = batch,
		.window = SIZE_MAX,
	};

	take_known_seq(&delivery);
	return deliver_all(&delivery);
}
