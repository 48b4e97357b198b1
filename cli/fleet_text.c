/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/status.h"
#include "cli/fleet.h"
#include "cli/format.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

/* Milliseconds of "2026-01-31T12:00:00.123Z"; 0 for what is none. */
static int64_t time_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	struct tm tm = {.tm_isdst = 0};

	if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

static void add_status(struct table *table, const struct terminal *terminal, const char *name)
{
	int r = status_from_name(name);
	enum gavea_status status = r < 0 ? GAVEA_UNKNOWN : (enum gavea_status)r;

	table_add(table, style_of_status(status), "%s %s", status_icon(terminal, status), name);
}

static void add_age(struct table *table, const json_t *object, const char *key, int64_t now_ms)
{
	char text[FORMAT_SIZE];

	table_add(table, STYLE_PLAIN, "%s", format_age(text, time_of(object, key), now_ms));
}

/* "3 critical, 1 warning of 20" */
static void add_counts(struct table *table, const json_t *host)
{
	static const char *const names[] = {"critical", "unknown", "warning", "ok"};
	const json_t *counts = json_object_get(host, "check_counts");
	_cleanup_buf_ struct buf text = BUF_INIT;
	json_int_t all = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		json_int_t count = json_integer_value(json_object_get(counts, names[i]));

		all += count;
		if (count > 0 && !streq(names[i], "ok"))
			buf_printf(
				&text, "%s%" PRId64 " %s", text.size ? ", " : "", (int64_t)count, names[i]);
	}
	table_add(table, STYLE_PLAIN, "%s%s%" PRId64, text.size ? buf_str(&text) : "",
		text.size ? " of " : "", (int64_t)all);
}

static void add_host(struct table *table, const struct terminal *terminal, const json_t *host, int64_t now_ms)
{
	const char *state = text_of(host, "state");
	bool lost = streq(state, "lost");

	add_status(table, terminal, text_of(host, "status"));
	table_add(table, STYLE_PLAIN, "%s", text_of(host, "name"));
	table_add(table, lost ? STYLE_CRITICAL : STYLE_PLAIN, "%s%s", state,
		json_is_true(json_object_get(host, "conflict")) ? ", two machines with one id" : "");
	add_age(table, host, "since", now_ms);
	add_age(table, host, "last_seen", now_ms);
	table_add(table, STYLE_PLAIN, "%s", text_of(host, "version"));
	add_counts(table, host);
}

static void add_check(
	struct table *table, const struct terminal *terminal, const json_t *check, int64_t now_ms)
{
	const json_t *host = json_object_get(check, "host");
	bool lost = streq(text_of(host, "state"), "lost");

	add_status(table, terminal, text_of(check, "status"));
	table_add(table, lost ? STYLE_CRITICAL : STYLE_PLAIN, "%s%s", text_of(host, "name"),
		lost ? " (lost)" : "");
	table_add(table, STYLE_PLAIN, "%s", text_of(check, "check"));
	add_age(table, check, "since", now_ms);
	table_add(table, STYLE_PLAIN, "%s%s%s",
		json_is_true(json_object_get(check, "overdue")) ? "[overdue] " : "",
		json_is_true(json_object_get(check, "flapping")) ? "[flapping] " : "",
		text_of(check, "summary"));
}

static void add_event(struct table *table, const struct terminal *terminal, const json_t *event)
{
	char time[FORMAT_SIZE];
	const char *check = text_of(event, "check");

	table_add(table, STYLE_PLAIN, "%s", format_time(time, time_of(event, "time")));
	add_status(table, terminal, text_of(event, "status"));
	table_add(table, STYLE_PLAIN, "%s", text_of(json_object_get(event, "host"), "name"));
	table_add(table, STYLE_PLAIN, "%s", *check ? check : "-");
	table_add(table, STYLE_PLAIN, "%s", text_of(event, "kind"));
	table_add(table, STYLE_PLAIN, "%s", text_of(event, "summary"));
}

int fleet_text(const char *list, const json_t *entries, const struct terminal *terminal, int64_t now_ms,
	struct buf *out)
{
	static const struct table_column hosts[] = {{.title = "STATUS"}, {.title = "HOST"},
		{.title = "STATE"}, {.title = "SINCE", .right = true}, {.title = "SEEN", .right = true},
		{.title = "VERSION"}, {.title = "CHECKS"}};
	static const struct table_column checks[] = {{.title = "STATUS"}, {.title = "HOST"},
		{.title = "CHECK"}, {.title = "SINCE", .right = true}, {.title = "SUMMARY"}};
	static const struct table_column events[] = {{.title = "TIME"}, {.title = "STATUS"},
		{.title = "HOST"}, {.title = "CHECK"}, {.title = "KIND"}, {.title = "SUMMARY"}};
	bool is_hosts = streq(list, "hosts"), is_checks = streq(list, "checks");
	size_t count = json_array_size(entries);
	_cleanup_table_ struct table table = {.columns = NULL};

	if (count == 0) {
		buf_printf(out, "There are no %s.\n", list);
		return 0;
	}
	if (is_hosts)
		table_init(&table, hosts, ARRAY_SIZE(hosts));
	else if (is_checks)
		table_init(&table, checks, ARRAY_SIZE(checks));
	else
		table_init(&table, events, ARRAY_SIZE(events));
	for (size_t i = 0; i < count; i++) {
		/* The server sends the newest first; people read downwards. */
		const json_t *entry = json_array_get(entries, is_hosts || is_checks ? i : count - 1 - i);

		if (is_hosts)
			add_host(&table, terminal, entry, now_ms);
		else if (is_checks)
			add_check(&table, terminal, entry, now_ms);
		else
			add_event(&table, terminal, entry);
	}
	return table_write(&table, terminal, 0, out);
}
