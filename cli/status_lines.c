/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/status.h"
#include "cli/status_text.h"

#include <inttypes.h>

typedef Gavea__Control__V1__AgentStatus agent_t;
typedef Gavea__Control__V1__OutputStatus output_t;

void status_line_check(const check_status_t *status, int64_t now_ms, struct buf *out)
{
	char time[32];

	buf_printf(out, "%s ", clock_format_utc(time, now_ms, 0));
	text_clean(status->name, out);
	if (status->gone) {
		buf_add_str(out, " gone: it was taken out of the configuration\n");
		return;
	}
	buf_printf(out, " %s: ", status->result ? status_name(check_status_state(status)) : "pending");
	text_clean(status->result ? status->result->summary : "has not run yet", out);
	buf_add_char(out, '\n');
}

void status_line_output(const output_t *output, int64_t now_ms, struct buf *out)
{
	char time[32];

	buf_printf(out, "%s ", clock_format_utc(time, now_ms, 0));
	text_clean(output->name, out);
	buf_printf(out, " %" PRIu64 " records behind", output->behind_records);
	if (!str_empty(output->error)) {
		buf_add_str(out, ": ");
		text_clean(output->error, out);
	}
	buf_add_char(out, '\n');
}

/* ---- JSON ---- */

static void kv_uint(struct json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_uint(json, value);
}

static void kv_time(struct json *json, const char *key, int64_t unix_ms)
{
	char text[32];

	json_key(json, key);
	if (unix_ms)
		json_string(json, clock_format_utc(text, unix_ms, 1));
	else
		json_null(json);
}

void status_json_check(struct json *json, const check_status_t *status)
{
	_cleanup_free_ struct result_sample *samples = check_status_samples(status);
	const Gavea__V1__Result *result = status->result;

	json_object_begin(json);
	result_json_members(json, status->name, result, samples, samples ? status->n_samples : 0);
	json_kv_string(json, "state", status_name(check_status_state(status)));
	kv_time(json, "since", result ? result->state_since_ms : 0);
	kv_uint(json, "attempt", result ? result->attempt : 0);
	json_kv_bool(json, "flapping", result && result->flapping);
	kv_uint(json, "items_left_out", result ? result->items_left_out : 0);
	kv_uint(json, "every_ms", status->every_ms);
	kv_time(json, "next_run_at", status->next_run_ms);
	json_kv_bool(json, "running", status->running);
	json_kv_string(json, "cause", status->cause);
	json_kv_bool(json, "gone", status->gone);
	json_object_end(json);
}

void status_json_output(struct json *json, const output_t *output)
{
	json_object_begin(json);
	json_kv_string(json, "output", output->name);
	kv_uint(json, "cursor_seq", output->cursor_seq);
	kv_uint(json, "behind_records", output->behind_records);
	kv_uint(json, "behind_bytes", output->behind_bytes);
	kv_time(json, "last_success_at", output->last_success_ms);
	kv_time(json, "next_try_at", output->next_try_ms);
	kv_uint(json, "lost_records", output->lost_records);
	json_kv_string(json, "error", output->error);
	json_object_end(json);
}

static void add_drops(struct json *json, const Gavea__Control__V1__SpoolStatus *spool)
{
	kv_time(json, "oldest_at", spool->oldest_ms);
	kv_uint(json, "max_age_ms", spool->max_age_ms);
	kv_time(json, "dropped_since", spool->dropped_since_ms);
	json_key(json, "drops");
	json_array_begin(json);
	for (size_t i = 0; i < spool->n_drops; i++) {
		json_object_begin(json);
		json_kv_string(json, "class", spool->drops[i]->class_);
		json_kv_string(json, "cause", spool->drops[i]->cause);
		kv_uint(json, "records", spool->drops[i]->records);
		json_object_end(json);
	}
	json_array_end(json);
}

static void add_agent(struct json *json, const agent_t *agent)
{
	const Gavea__Control__V1__SpoolStatus *spool = agent->spool;

	json_object_begin(json);
	json_kv_string(json, "name", agent->name);
	json_kv_string(json, "version", agent->version);
	json_kv_string(json, "agent_id", agent->agent_id);
	kv_time(json, "started_at", agent->started_at_ms);
	kv_time(json, "config_loaded_at", agent->config_loaded_at_ms);
	json_key(json, "config_errors");
	json_array_begin(json);
	for (size_t i = 0; i < agent->n_config_errors; i++)
		json_string(json, agent->config_errors[i]);
	json_array_end(json);
	if (spool) {
		json_key(json, "spool");
		json_object_begin(json);
		kv_uint(json, "first_seq", spool->first_seq);
		kv_uint(json, "last_seq", spool->last_seq);
		kv_uint(json, "bytes", spool->bytes);
		kv_uint(json, "max_bytes", spool->max_bytes);
		kv_uint(json, "dropped_samples", spool->dropped_samples);
		kv_uint(json, "dropped_results", spool->dropped_results);
		kv_uint(json, "dropped_events", spool->dropped_events);
		add_drops(json, spool);
		json_kv_string(json, "error", spool->error);
		json_object_end(json);
	}
	json_object_end(json);
}

void status_json(const struct snapshot *snapshot, struct buf *out)
{
	struct json json;

	json_init(&json, out);
	json_object_begin(&json);
	if (snapshot->agent) {
		json_key(&json, "agent");
		add_agent(&json, snapshot->agent);
	}
	json_key(&json, "checks");
	json_array_begin(&json);
	for (size_t i = 0; i < snapshot->check_count; i++)
		status_json_check(&json, snapshot->checks[i]);
	json_array_end(&json);
	json_key(&json, "outputs");
	json_array_begin(&json);
	for (size_t i = 0; i < snapshot->output_count; i++)
		status_json_output(&json, snapshot->outputs[i]);
	json_array_end(&json);
	json_object_end(&json);
	buf_add_char(out, '\n');
}
