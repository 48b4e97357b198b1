/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/status_text.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/status.h"
#include "cli/format.h"
#include "cli/result_text.h"
#include "cli/table.h"
#include "wire/convert.h"

#include <errno.h>
#include <inttypes.h>

typedef Gavea__Control__V1__AgentStatus agent_t;
typedef Gavea__Control__V1__SpoolStatus spool_t;
typedef Gavea__Control__V1__OutputStatus output_t;

/* ---- The agent ---- */

static void add_alert(const struct terminal *terminal, const char *title, const char *text, struct buf *out)
{
	style_begin(terminal, STYLE_CRITICAL, out);
	buf_add_str(out, title);
	style_end(terminal, STYLE_CRITICAL, out);
	text_clean(text, out);
	buf_add_char(out, '\n');
}

/* "1200 samples, 3 results since 2026-11-24 10:00:00: at its bound 1100, too old 103" */
static void add_drops(const spool_t *spool, struct buf *out)
{
	const struct {
		const char *class;
		uint64_t records;
	} classes[] = {
		{"sample records", spool->dropped_samples},
		{"results", spool->dropped_results},
		{"events", spool->dropped_events},
	};
	static const char *const causes[][2] = {
		{"bound", "for lack of room (agent.spool_size gives more)"},
		{"age", "too old (agent.spool_age)"},
		{"memory", "for lack of memory while the disk failed"},
		{"disk", "taken by neither disk nor memory"},
		{"size", "larger than a record may be"},
		{"damage", "damaged"},
	};
	char time[FORMAT_SIZE];
	const char *comma = "";

	buf_add_str(out, "       dropped");
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (classes[i].records == 0)
			continue;
		buf_printf(out, "%s %" PRIu64 " %s", comma, classes[i].records, classes[i].class);
		comma = ",";
	}
	if (spool->dropped_since_ms > 0)
		buf_printf(out, " since %s", format_time(time, spool->dropped_since_ms));
	comma = ":";
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		uint64_t records = 0;

		for (size_t j = 0; j < spool->n_drops; j++)
			if (streq(spool->drops[j]->cause, causes[i][0]))
				records += spool->drops[j]->records;
		if (records == 0)
			continue;
		buf_printf(out, "%s %" PRIu64 " %s", comma, records, causes[i][1]);
		comma = ",";
	}
	buf_add_char(out, '\n');
}

static void add_spool(const spool_t *spool, const struct terminal *terminal, int64_t now_ms, struct buf *out)
{
	uint64_t dropped = spool->dropped_samples + spool->dropped_results + spool->dropped_events;
	char bytes[32], limit[32], age[FORMAT_SIZE];

	buf_printf(out, "spool: %s of %s", format_size(bytes, spool->bytes),
		format_size(limit, spool->max_bytes));
	if (spool->last_seq >= spool->first_seq && spool->last_seq > 0)
		buf_printf(out, ", records %" PRIu64 " to %" PRIu64, spool->first_seq, spool->last_seq);
	if (spool->oldest_ms > 0)
		buf_printf(out, ", oldest %s", format_age(age, spool->oldest_ms, now_ms));
	buf_add_char(out, '\n');
	if (dropped > 0)
		add_drops(spool, out);
	if (!str_empty(spool->error))
		add_alert(
			terminal, "spool cannot be written, records are kept in memory: ", spool->error, out);
}

static void add_agent(const agent_t *agent, const struct terminal *terminal, int64_t now_ms, struct buf *out)
{
	char age[FORMAT_SIZE];

	style_begin(terminal, STYLE_BOLD, out);
	text_clean(agent->name, out);
	style_end(terminal, STYLE_BOLD, out);
	buf_printf(out, "  gavead ");
	text_clean(agent->version, out);
	buf_printf(out, ", up %s", format_age(age, agent->started_at_ms, now_ms));
	buf_printf(out, ", configuration of %s\n", format_time(age, agent->config_loaded_at_ms));
	if (agent->spool)
		add_spool(agent->spool, terminal, now_ms, out);
	if (agent->n_config_errors == 0)
		return;
	add_alert(terminal, "the last reload FAILED, the old configuration is in force:", "", out);
	for (size_t i = 0; i < agent->n_config_errors; i++) {
		buf_add_str(out, "  ");
		text_clean(agent->config_errors[i], out);
		buf_add_char(out, '\n');
	}
	buf_add_str(out, "  mend these and run `gavea reload`\n");
}

/* ---- Checks ---- */

static int compare_checks(const void *a, const void *b)
{
	const check_status_t *x = *(check_status_t *const *)a, *y = *(check_status_t *const *)b;
	int severity =
		status_severity((int)check_status_state(y)) - status_severity((int)check_status_state(x));

	return severity ? severity : strcmp(x->name, y->name);
}

/* The worst first. NULL: no memory. */
static check_status_t **sorted(const struct snapshot *snapshot)
{
	check_status_t **checks = calloc(snapshot->check_count + 1, sizeof *checks);

	if (!checks)
		return NULL;
	if (snapshot->check_count)
		memcpy(checks, snapshot->checks, snapshot->check_count * sizeof *checks);
	qsort(checks, snapshot->check_count, sizeof *checks, compare_checks);
	return checks;
}

/* What stands in the last column: the summary, and what is special about it. */
static void add_summary(const check_status_t *status, struct buf *out)
{
	const Gavea__V1__Result *result = status->result;

	if (status->running && status->progress > 0)
		buf_printf(out, "(%.0f%%) ", status->progress * 100);
	if (status->running && !str_empty(status->progress_what))
		buf_printf(out, "(%s) ", status->progress_what);
	if (!str_empty(status->cause) && (!result || !streq(status->cause, result->summary)))
		buf_printf(out, "%s; ", status->cause);
	if (result && result->attempt > 0)
		buf_printf(out, "[%s, attempt %" PRIu32 "] ", status_name(status_from_wire(result->status)),
			result->attempt);
	if (result && result->flapping)
		buf_add_str(out, "[flapping] ");
	buf_add_str(out, result ? result->summary : "has not run yet");
}

static void add_check_row(
	struct table *table, const check_status_t *status, const struct terminal *terminal, int64_t now_ms)
{
	_cleanup_buf_ struct buf summary = BUF_INIT;
	enum gavea_status state = check_status_state(status);
	char text[FORMAT_SIZE];

	add_summary(status, &summary);
	table_add(table, style_of_status(state), "%s %s", status_icon(terminal, state),
		status->result ? status_name(state) : "pending");
	table_add(table, STYLE_PLAIN, "%s", status->name);
	table_add(table, STYLE_PLAIN, "%s",
		format_age(text, status->result ? status->result->state_since_ms : 0, now_ms));
	table_add(table, STYLE_PLAIN, "%s",
		format_age(text, status->result ? status->result->started_at_ms : 0, now_ms));
	table_add(table, STYLE_PLAIN, "%s",
		status->running ? "running" : format_wait(text, status->next_run_ms, now_ms));
	table_add(table, STYLE_PLAIN, "%s", buf_str(&summary));
}

static int add_checks(
	const struct snapshot *snapshot, const struct terminal *terminal, int64_t now_ms, struct buf *out)
{
	static const struct table_column columns[] = {{.title = "STATUS"}, {.title = "CHECK"},
		{.title = "SINCE", .right = true}, {.title = "LAST RUN", .right = true},
		{.title = "NEXT", .right = true}, {.title = "SUMMARY"}};
	_cleanup_free_ check_status_t **checks = sorted(snapshot);
	_cleanup_table_ struct table table = {.columns = NULL};

	if (!checks)
		return -ENOMEM;
	buf_add_char(out, '\n');
	if (snapshot->check_count == 0) {
		buf_add_str(out, "There are no checks; /etc/gavea/conf.d is where they are configured.\n");
		return 0;
	}
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < snapshot->check_count; i++)
		add_check_row(&table, checks[i], terminal, now_ms);
	return table_write(&table, terminal, 0, out);
}

/* ---- Outputs ---- */

static void add_output_row(struct table *table, const output_t *output, int64_t now_ms)
{
	char text[FORMAT_SIZE], wait[FORMAT_SIZE], bytes[32];
	_cleanup_buf_ struct buf last = BUF_INIT;

	if (!str_empty(output->error))
		buf_printf(&last, "%s (next try %s)", output->error,
			format_wait(wait, output->next_try_ms, now_ms));
	if (output->lost_records)
		buf_printf(&last, "%s%" PRIu64 " records were lost at the spool's bound",
			last.size ? "; " : "", output->lost_records);
	table_add(table, str_empty(output->error) ? STYLE_OK : STYLE_CRITICAL, "%s", output->name);
	table_add(table, STYLE_PLAIN, "%" PRIu64, output->behind_records);
	table_add(table, STYLE_PLAIN, "%s", format_size(bytes, output->behind_bytes));
	table_add(table, STYLE_PLAIN, "%s", format_age(text, output->last_success_ms, now_ms));
	table_add(table, STYLE_PLAIN, "%s", buf_str(&last));
}

static int add_outputs(
	const struct snapshot *snapshot, const struct terminal *terminal, int64_t now_ms, struct buf *out)
{
	static const struct table_column columns[] = {{.title = "OUTPUT"}, {.title = "BEHIND", .right = true},
		{.title = "BYTES", .right = true}, {.title = "DELIVERED", .right = true}, {.title = "ERROR"}};
	_cleanup_table_ struct table table = {.columns = NULL};

	if (snapshot->output_count == 0)
		return 0;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < snapshot->output_count; i++)
		add_output_row(&table, snapshot->outputs[i], now_ms);
	buf_add_char(out, '\n');
	return table_write(&table, terminal, 0, out);
}

int status_text(
	const struct snapshot *snapshot, const struct terminal *terminal, int64_t now_ms, struct buf *out)
{
	int r;

	if (snapshot->agent)
		add_agent(snapshot->agent, terminal, now_ms, out);
	r = add_checks(snapshot, terminal, now_ms, out);
	return r < 0 ? r : add_outputs(snapshot, terminal, now_ms, out);
}

/* ---- One check ---- */

int status_text_check(
	const check_status_t *status, const struct terminal *terminal, int64_t now_ms, struct buf *out)
{
	_cleanup_free_ struct result_sample *samples = check_status_samples(status);
	const Gavea__V1__Result *result = status->result;
	struct result_view view = {.check = status->name,
		.result = result,
		.samples = samples,
		.sample_count = status->n_samples,
		.all_samples = true,
		.all_attributes = true};
	enum gavea_status state = check_status_state(status);
	char text[FORMAT_SIZE], every[32];
	int r = samples ? result_text(&view, terminal, out) : -ENOMEM;

	if (r < 0)
		return r;
	buf_add_char(out, '\n');
	if (!str_empty(status->cause)) {
		buf_add_str(out, "  cause:    ");
		text_clean(status->cause, out);
		buf_add_char(out, '\n');
	}
	if (result) {
		buf_printf(out, "  state:    %s for %s%s", status_name(state),
			format_age(text, result->state_since_ms, now_ms),
			result->flapping ? ", flapping" : "");
		if (result->attempt)
			buf_printf(out, "; %" PRIu32 " runs in a row have said otherwise", result->attempt);
		buf_printf(out, "\n  last run: %s ago\n", format_age(text, result->started_at_ms, now_ms));
	}
	buf_printf(out, "  next run: %s, every %s\n",
		status->running ? "is running" : format_wait(text, status->next_run_ms, now_ms),
		format_duration(every, (int64_t)MIN(status->every_ms, UINT64_C(1) << 40) * NSEC_PER_MSEC));
	return buf_error(out);
}
