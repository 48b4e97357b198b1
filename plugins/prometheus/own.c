/* SPDX-License-Identifier: Apache-2.0 */
#include "own.h"

#include "base/status.h"
#include "text.h"

#define MS_PER_S 1e3
#define US_PER_S 1e6

/* The labels of a check, and one more. */
static void write_check(
	struct writer *writer, const struct check *check, const char *name, const char *value, double number)
{
	_cleanup_buf_ struct buf labels = BUF_INIT;

	text_add_label(&labels, "check", check->name);
	if (name) {
		buf_add_char(&labels, ',');
		text_add_label(&labels, name, value);
	}
	writer_sample(writer, buf_str(&labels), NULL, number, INT64_MIN);
}

/* ---- Checks ---- */

static double last_run(const struct check *check)
{
	return (double)check->started_ms / MS_PER_S;
}

static double duration(const struct check *check)
{
	return (double)check->duration_us / US_PER_S;
}

static double interval(const struct check *check)
{
	return (double)check->every_ms / MS_PER_S;
}

static double since(const struct check *check)
{
	return (double)check->since_ms / MS_PER_S;
}

static double flapping(const struct check *check)
{
	return check->flapping;
}

static double changes(const struct check *check)
{
	return (double)check->changes;
}

static void write_status(struct writer *writer, const struct check *check, bool stale)
{
	int state = stale ? GAVEA_UNKNOWN : check->state;

	for (int status = 0; status < PICTURE_STATUSES; status++)
		write_check(writer, check, "status", status_name((enum gavea_status)status), status == state);
}

static void write_items(struct writer *writer, const struct check *check, bool stale)
{
	(void)stale;
	for (int status = 0; status < PICTURE_STATUSES; status++)
		write_check(writer, check, "status", status_name((enum gavea_status)status),
			(double)check->items[status]);
}

static void write_info(struct writer *writer, const struct check *check, bool stale)
{
	_cleanup_buf_ struct buf labels = BUF_INIT;

	(void)stale;
	text_add_label(&labels, "check", check->name);
	if (*check->labels) {
		buf_add_char(&labels, ',');
		buf_add_str(&labels, check->labels);
	}
	writer_sample(writer, buf_str(&labels), NULL, 1, INT64_MIN);
}

/* In the order of their names. */
static const struct check_family {
	const char *name;
	enum written_type type;
	const char *unit;
	const char *help;
	double (*value)(const struct check *check); /* of a family with one sample a check; else: */
	void (*write)(struct writer *writer, const struct check *check, bool stale);
} check_families[] = {
	{"gavea_check_duration_seconds", WRITTEN_GAUGE, "seconds", "How long the last run of the check took.",
		duration, NULL},
	{"gavea_check_flapping", WRITTEN_GAUGE, "", "Whether the state of the check changes too often.",
		flapping, NULL},
	{"gavea_check_info", WRITTEN_GAUGE, "", "The labels that the configuration gives the check.", NULL,
		write_info},
	{"gavea_check_interval_seconds", WRITTEN_GAUGE, "seconds", "How often the check runs.", interval,
		NULL},
	{"gavea_check_items", WRITTEN_GAUGE, "", "Items of the last result, by their status.", NULL,
		write_items},
	{"gavea_check_last_run_timestamp_seconds", WRITTEN_GAUGE, "seconds",
		"When the last run of the check began.", last_run, NULL},
	{"gavea_check_state_changes_total", WRITTEN_COUNTER, "", "Changes of the state of the check.",
		changes, NULL},
	{"gavea_check_state_since_timestamp_seconds", WRITTEN_GAUGE, "seconds",
		"Since when the check has been in its state.", since, NULL},
	{"gavea_check_status", WRITTEN_GAUGE, "",
		"State of the check: 1 for the present one. Unknown also when its last result is too old.",
		NULL, write_status},
};

static void write_check_family(
	struct writer *writer, const struct picture *picture, const struct check_family *family, int64_t now)
{
	bool begun = false;

	for (size_t i = 0; i < picture->check_count; i++) {
		const struct check *check = picture->checks[i];

		if (!check->judged)
			continue;
		if (!begun)
			writer_family(writer, family->name, family->type, family->unit, family->help);
		begun = true;
		if (family->value)
			write_check(writer, check, NULL, NULL, family->value(check));
		else
			family->write(writer, check, picture_is_stale(picture, check, now));
	}
}

/* ---- The agent ---- */

static void write_agent(struct writer *writer, const struct picture *picture)
{
	_cleanup_buf_ struct buf labels = BUF_INIT;

	if (!picture->agent_name)
		return;
	text_add_label(&labels, "name", picture->agent_name);
	if (picture->agent_labels && *picture->agent_labels) {
		buf_add_char(&labels, ',');
		buf_add_str(&labels, picture->agent_labels);
	}
	writer_family(writer, "gavea_agent_info", WRITTEN_GAUGE, "", "Name and labels of the agent.");
	writer_sample(writer, buf_str(&labels), NULL, 1, INT64_MIN);
}

static void write_events(struct writer *writer, const struct picture *picture)
{
	if (picture->kind_count > 0)
		writer_family(writer, "gavea_events_total", WRITTEN_COUNTER, "", "Events, by their kind.");
	for (size_t i = 0; i < picture->kind_count; i++)
		writer_labelled(writer, "kind", picture->kinds[i].word, (double)picture->kinds[i].count);
}

static void write_spool(struct writer *writer, const struct picture *picture)
{
	writer_family(writer, "gavea_spool_dropped_total", WRITTEN_COUNTER, "",
		"Records that the spool dropped before this output had them.");
	writer_labelled(writer, "class", "events", (double)picture->dropped_events);
	writer_labelled(writer, "class", "results", (double)picture->dropped_results);
	writer_labelled(writer, "class", "samples", (double)picture->dropped_samples);
}

/* ---- The output itself ---- */

static const char *const code_names[SCRAPE_CODES] = {"200", "400", "401", "403", "404", "405", "503"};
static const char *const drop_names[DROPS] = {"peer-limit", "limit", "time", "memory"};
static const char *const left_out_names[LEFT_OUT_REASONS] = {"limit", "name", "clash"};

static void write_single(struct writer *writer, const char *name, enum written_type type, const char *unit,
	const char *help, double value)
{
	writer_family(writer, name, type, unit, help);
	writer_sample(writer, "", NULL, value, INT64_MIN);
}

static void write_by_word(struct writer *writer, const char *label, const char *const *words,
	const uint64_t *counts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		writer_labelled(writer, label, words[i], (double)counts[i]);
}

static void write_scrapes(
	struct writer *writer, const struct picture *picture, const struct scrape_counters *counters)
{
	write_single(writer, "gavea_scrape_connections", WRITTEN_GAUGE, "", "Connections of scrapers.",
		(double)counters->connections);
	writer_family(writer, "gavea_scrape_connections_dropped_total", WRITTEN_COUNTER, "",
		"Connections that were ended, by the reason.");
	write_by_word(writer, "reason", drop_names, counters->drops, DROPS);
	write_single(writer, "gavea_scrape_damaged_records_total", WRITTEN_COUNTER, "",
		"Records that could not be read.", (double)picture->damaged);
	write_single(writer, "gavea_scrape_render_seconds_total", WRITTEN_COUNTER, "seconds",
		"Time that went into writing metrics.", counters->render_seconds);
	write_single(writer, "gavea_scrape_renders_total", WRITTEN_COUNTER, "",
		"How often metrics were written: answers without news between them share one.",
		(double)counters->renderings);
	writer_family(writer, "gavea_scrape_requests_total", WRITTEN_COUNTER, "",
		"Requests, by the answer's code.");
	write_by_word(writer, "code", code_names, counters->answers, SCRAPE_CODES);
	write_single(writer, "gavea_scrape_response_bytes_total", WRITTEN_COUNTER, "bytes",
		"Bytes of metrics that were sent, before TLS.", (double)counters->bytes);
	write_single(writer, "gavea_scrape_series", WRITTEN_GAUGE, "", "Series of checks that are held.",
		(double)picture->series_count);
	writer_family(writer, "gavea_scrape_series_left_out", WRITTEN_GAUGE, "",
		"Series that are not shown, by the reason.");
	write_by_word(writer, "reason", left_out_names, picture->left_out, LEFT_OUT_REASONS);
}

void own_write(struct writer *writer, const struct picture *picture, bool agent_info, int64_t now,
	const struct scrape_counters *counters)
{
	if (agent_info)
		write_agent(writer, picture);
	writer_family(writer, "gavea_build_info", WRITTEN_GAUGE, "", "Version of the agent.");
	writer_labelled(writer, "version", picture->version ? picture->version : "", 1);
	for (size_t i = 0; i < ARRAY_SIZE(check_families); i++)
		write_check_family(writer, picture, &check_families[i], now);
	write_events(writer, picture);
	write_scrapes(writer, picture, counters);
	write_spool(writer, picture);
}
