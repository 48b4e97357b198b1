/* SPDX-License-Identifier: Apache-2.0 */
/* gavea spool: what waits on this host for its receivers, whether it is whole, and what it says. */
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/say.h"
#include "cli/spool_export.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- The folder ---- */

static int open_state(const char *state, struct spool_folder *folder, int *ret_code)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/spool", state) < 0) {
		path = NULL;
		*ret_code = complain(CLI_FAILED, "out of memory");
		return -ENOMEM;
	}
	r = spool_folder_open(path, folder, &error);
	if (r < 0)
		*ret_code = complain_error(CLI_FAILED, &error, r);
	return r;
}

/* Reads all segments. The first one that can't be read is said and makes it fail. */
static int read_all(struct spool_folder *folder)
{
	for (size_t i = 0; i < folder->count; i++) {
		int r = spool_folder_read(folder, &folder->segments[i], NULL);

		if (r < 0)
			return complain(CLI_FAILED, "%s: %s", folder->segments[i].name, strerror(-r));
	}
	return 0;
}

static const char *end_name(const struct spool_segment *segment)
{
	switch (segment->end) {
	case SEGMENT_TORN:
		return "torn end";
	case SEGMENT_DAMAGED:
		return "DAMAGED";
	case SEGMENT_GONE:
		return "gone";
	default:
		return "good";
	}
}

/* ---- Inspect ---- */

static void kv_uint(struct json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_uint(json, value);
}

static void kv_time(struct json *json, const char *key, int64_t ms)
{
	char time[32];

	json_key(json, key);
	if (ms)
		json_string(json, clock_format_utc(time, ms, 1));
	else
		json_null(json);
}

static void segment_json(struct json *json, const struct spool_segment *segment)
{
	json_object_begin(json);
	json_kv_string(json, "file", segment->name);
	json_kv_string(json, "spool", segment->spool_id);
	kv_uint(json, "stream", segment->stream);
	kv_uint(json, "bytes", segment->size);
	kv_uint(json, "first_seq", segment->first_seq);
	kv_uint(json, "last_seq", segment->last_seq);
	kv_uint(json, "records", segment->records);
	kv_uint(json, "samples", segment->samples);
	kv_uint(json, "results", segment->results);
	kv_uint(json, "events", segment->events);
	kv_uint(json, "losses", segment->losses);
	kv_uint(json, "skipped_seqs", segment->skipped);
	kv_time(json, "oldest_at", segment->oldest_ms);
	kv_time(json, "newest_at", segment->newest_ms);
	json_kv_string(json, "state", end_name(segment));
	json_object_end(json);
}

static void folder_json(const struct spool_folder *folder, struct buf *out)
{
	struct json json;

	json_init(&json, out);
	json_object_begin(&json);
	json_key(&json, "segments");
	json_array_begin(&json);
	for (size_t i = 0; i < folder->count; i++)
		segment_json(&json, &folder->segments[i]);
	json_array_end(&json);
	json_key(&json, "outputs");
	json_array_begin(&json);
	for (size_t i = 0; i < folder->position_count; i++) {
		json_object_begin(&json);
		json_kv_string(&json, "name", folder->positions[i].name);
		kv_uint(&json, "acknowledged_seq", folder->positions[i].seq);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_key(&json, "set_aside");
	json_array_begin(&json);
	for (size_t i = 0; i < folder->aside_count; i++)
		json_string(&json, folder->aside[i]);
	json_array_end(&json);
	json_object_end(&json);
	buf_add_char(out, '\n');
}

static void segments_text(const struct spool_folder *folder, const struct terminal *terminal, struct buf *out)
{
	static const struct table_column columns[] = {
		{"SEGMENT", false},
		{"SIZE", true},
		{"SEQ", false},
		{"SAMPLES", true},
		{"RESULTS", true},
		{"EVENTS", true},
		{"LOSSES", true},
		{"AGE", true},
		{"STATE", false},
	};
	_cleanup_table_ struct table table;
	int64_t now = clock_unix_ms();

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < folder->count; i++) {
		const struct spool_segment *segment = &folder->segments[i];
		char text[FORMAT_SIZE];

		table_add(&table, STYLE_PLAIN, "%" PRIx64, segment->stream);
		table_add(&table, STYLE_PLAIN, "%s", format_size(text, segment->size));
		if (segment->records)
			table_add(&table, STYLE_PLAIN, "%" PRIu64 "-%" PRIu64, segment->first_seq,
				segment->last_seq);
		else
			table_add(&table, STYLE_PLAIN, "-");
		table_add(&table, STYLE_PLAIN, "%" PRIu64, segment->samples);
		table_add(&table, STYLE_PLAIN, "%" PRIu64, segment->results);
		table_add(&table, STYLE_PLAIN, "%" PRIu64, segment->events);
		table_add(&table, STYLE_PLAIN, "%" PRIu64, segment->losses);
		table_add(&table, STYLE_PLAIN, "%s", format_age(text, segment->oldest_ms, now));
		table_add(&table, segment->end == SEGMENT_DAMAGED ? STYLE_CRITICAL : STYLE_PLAIN, "%s",
			end_name(segment));
	}
	table_write(&table, terminal, 0, out);
}

static void folder_text(const struct spool_folder *folder, struct buf *out)
{
	struct terminal terminal = terminal_get();
	const char *id = NULL;
	uint64_t bytes = 0, last = 0;
	char text[FORMAT_SIZE];

	for (size_t i = 0; i < folder->count; i++) {
		const struct spool_segment *segment = &folder->segments[i];

		bytes += segment->size;
		last = MAX(last, segment->last_seq);
		if (*segment->spool_id && (!id || !streq(id, segment->spool_id)))
			buf_printf(out, "spool %s, from segment %" PRIx64 " on\n", segment->spool_id,
				segment->stream);
		if (*segment->spool_id)
			id = segment->spool_id;
	}
	buf_printf(out, "%zu segment%s, %s\n\n", folder->count, folder->count == 1 ? "" : "s",
		format_size(text, bytes));
	segments_text(folder, &terminal, out);
	for (size_t i = 0; i < folder->position_count; i++) {
		const struct spool_position *position = &folder->positions[i];

		buf_add_str(out, i == 0 ? "\n" : "");
		text_clean(position->name, out);
		buf_printf(out, ": acknowledged up to seq %" PRIu64, position->seq);
		if (position->seq < last)
			buf_printf(out, " of %" PRIu64, last);
		buf_add_char(out, '\n');
	}
	for (size_t i = 0; i < folder->aside_count; i++) {
		buf_add_str(out, "set aside as damaged: ");
		text_clean(folder->aside[i], out);
		buf_add_char(out, '\n');
	}
}

int cmd_spool(struct cli *cli, const struct command *command, int argc, char **argv)
{
	_cleanup_(spool_folder_done) struct spool_folder folder = SPOOL_FOLDER_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *state = GAVEA_STATE_DIR;
	const struct argument options[] = {
		{.name = "state",
			.value = "DIR",
			.doc = "the agent's state directory (" GAVEA_STATE_DIR ")",
			.text = &state},
		{.name = "json", .doc = "as one JSON object", .flag = &cli->json},
	};
	int code,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){0, 0},
			argc, argv, &code);

	if (n < 0 || open_state(state, &folder, &code) < 0)
		return code;
	code = read_all(&folder);
	if (code)
		return code;
	if (cli->json)
		folder_json(&folder, &out);
	else
		folder_text(&folder, &out);
	return say(&out);
}

/* ---- Verify ---- */

/* Within one spool id seq rises over segments too. */
static void judge_order(const struct spool_folder *folder, struct spool_segment *segment, size_t i)
{
	for (size_t j = i; j > 0 && segment->records; j--) {
		const struct spool_segment *before = &folder->segments[j - 1];

		if (!before->records || !streq(before->spool_id, segment->spool_id))
			continue;
		if (segment->end != SEGMENT_DAMAGED && segment->first_seq <= before->last_seq) {
			segment->end = SEGMENT_DAMAGED;
			segment->good = SEGMENT_HEADER_SIZE;
			snprintf(segment->problem, sizeof segment->problem,
				"its records do not follow those of segment %" PRIx64, before->stream);
		}
		return;
	}
}

static void verdict(const struct spool_folder *folder, struct buf *out, size_t *ret_bad)
{
	uint64_t records = 0, skipped = 0, losses = 0;

	for (size_t i = 0; i < folder->count; i++) {
		const struct spool_segment *segment = &folder->segments[i];

		records += segment->records;
		skipped += segment->skipped;
		losses += segment->losses;
		if (segment->end == SEGMENT_DAMAGED) {
			buf_printf(out, "%s: offset %" PRIu64 ", after seq %" PRIu64 ": %s\n", segment->name,
				segment->good, segment->last_seq, segment->problem);
			++*ret_bad;
		} else if (segment->end == SEGMENT_TORN) {
			buf_printf(out,
				"%s: ends within a record at offset %" PRIu64
				": a write under way, or one that a crash tore; the next start cuts it off\n",
				segment->name, segment->good);
		}
	}
	for (size_t i = 0; i < folder->aside_count; i++) {
		text_clean(folder->aside[i], out);
		buf_add_str(out, ": was set aside as damaged at an earlier start\n");
	}
	if (*ret_bad)
		buf_printf(out, "%zu of %zu segments damaged; ", *ret_bad, folder->count);
	buf_printf(out, "%" PRIu64 " record%s in %zu segment%s are good", records, records == 1 ? "" : "s",
		folder->count, folder->count == 1 ? "" : "s");
	if (skipped || losses)
		buf_printf(out,
			"; %" PRIu64 " seqs are skipped where records were dropped, %" PRIu64
			" Loss records tell of losses",
			skipped, losses);
	buf_add_char(out, '\n');
}

int cmd_spool_verify(struct cli *cli, const struct command *command, int argc, char **argv)
{
	_cleanup_(spool_folder_done) struct spool_folder folder = SPOOL_FOLDER_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *state = GAVEA_STATE_DIR;
	const struct argument options[] = {
		{.name = "state",
			.value = "DIR",
			.doc = "the agent's state directory (" GAVEA_STATE_DIR ")",
			.text = &state},
	};
	int code,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){0, 0},
			argc, argv, &code);
	size_t bad = 0;

	if (n < 0 || open_state(state, &folder, &code) < 0)
		return code;
	code = read_all(&folder);
	if (code)
		return code;
	for (size_t i = 1; i < folder.count; i++)
		judge_order(&folder, &folder.segments[i], i);
	verdict(&folder, &out, &bad);
	code = say(&out);
	return code ? code : bad ? CLI_FAILED : 0;
}

/* ---- Export ---- */

/* "2h": ago; "2026-01-31T12:00:00Z": then. */
static int parse_since(const char *text, int64_t *ret_ms)
{
	struct tm tm = {0};
	int64_t ago;
	const char *end;

	if (parse_duration(text, &ago) == 0 && ago >= 0) {
		*ret_ms = clock_unix_ms() - ago / NSEC_PER_MSEC;
		return 0;
	}
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return -EINVAL;
	*ret_ms = (int64_t)timegm(&tm) * 1000;
	return 0;
}

static bool is_kind(const char *text)
{
	for (int kind = 1; kind < 32; kind++) {
		const char *name = spool_kind_name(kind);

		if (name && streq(name, text))
			return true;
	}
	return false;
}

static int judge_export(struct spool_export *export, const char *since, const char *kind, const char *format)
{
	if (since && parse_since(since, &export->since_ms) < 0)
		return complain(CLI_USAGE,
			"--since: \"%s\" is neither a duration (2h) nor a time (2026-01-31T12:00:00Z)",
			since);
	if (kind && !is_kind(kind))
		return complain(CLI_USAGE,
			"--kind: \"%s\" is none of samples, result, event, loss, span, check, check-gone, "
			"series",
			kind);
	if (!streq(format, "json") && !streq(format, "protobuf"))
		return complain(CLI_USAGE, "--format: \"%s\" is neither json nor protobuf", format);
	export->kind = kind;
	export->protobuf = streq(format, "protobuf");
	return 0;
}

static int write_out(const struct buf *text)
{
	return say(text) ? -EIO : 0;
}

/* Goes on behind damage: what can be read is what one wants then. */
static int export_all(const struct spool_export *export, struct spool_folder *folder)
{
	int code = 0;

	for (size_t i = 0; i < folder->count; i++) {
		struct spool_segment *segment = &folder->segments[i];
		int r = spool_export_segment(export, folder, segment, write_out);

		if (r == -EIO && ferror(stdout))
			return CLI_FAILED;
		if (r < 0)
			code = complain(CLI_FAILED, "%s: %s", segment->name, strerror(-r));
		else if (segment->end == SEGMENT_DAMAGED)
			code = complain(CLI_FAILED, "%s: damaged at offset %" PRIu64 ": %s", segment->name,
				segment->good, segment->problem);
	}
	return code;
}

int cmd_spool_export(struct cli *cli, const struct command *command, int argc, char **argv)
{
	_cleanup_(spool_folder_done) struct spool_folder folder = SPOOL_FOLDER_INIT;
	const char *state = GAVEA_STATE_DIR, *since = NULL, *kind = NULL, *format = "json";
	const struct argument options[] = {
		{.name = "state",
			.value = "DIR",
			.doc = "the agent's state directory (" GAVEA_STATE_DIR ")",
			.text = &state},
		{.name = "since",
			.value = "TIME",
			.doc = "from then on: 2h ago, or a time in UTC",
			.text = &since},
		{.name = "kind",
			.value = "KIND",
			.doc = "only samples, result, event, loss or span",
			.text = &kind},
		{.name = "format",
			.value = "FORMAT",
			.doc = "json: an object a line (the default); protobuf: gavea.v1.Record behind its "
			       "length",
			.text = &format},
	};
	struct spool_export export = {.since_ms = INT64_MIN};
	int code,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){0, 0},
			argc, argv, &code);

	if (n < 0)
		return code;
	code = judge_export(&export, since, kind, format);
	if (code || open_state(state, &folder, &code) < 0)
		return code;
	return export_all(&export, &folder);
}
