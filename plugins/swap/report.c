/* SPDX-License-Identifier: Apache-2.0 */
/* What became of swaps: read from their logs, a line of JSON an entry. */
#include "app.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_LIMIT (2 * 1024 * 1024)
#define REPLY_LIMIT (30 * 1024) /* a reply is cut at 32 KiB */
#define FILES_MAX 1000
#define HOOK_ID 12 /* bytes of a swap's id in the names of its hooks, see app_launch() */

struct file {
	char id[33];
	int64_t started_ms;
};

static bool is_log(const char *name)
{
	return strlen(name) == 36 && strspn(name, "0123456789abcdef") == 32 && streq(name + 32, ".log");
}

static int load(struct app *app, const char *id, json_t **ret_entries)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char name[64], path[600];
	json_t *entries;
	int r;

	snprintf(name, sizeof name, "swaps/%s.log", id);
	if (!app_path(app, name, path, sizeof path))
		return -ENOENT;
	r = file_read(AT_FDCWD, path, LOG_LIMIT, &text);
	if (r < 0)
		return r;
	entries = json_array();
	for (char *line = text.data, *end; entries && line && (end = strchr(line, '\n')); line = end + 1) {
		json_t *entry = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);

		/* A line that a crash cut off is no loss. */
		if (json_is_object(entry))
			json_array_append_new(entries, entry);
		else
			json_decref(entry);
	}
	if (!entries)
		return -ENOMEM;
	if (json_array_size(entries) == 0) {
		json_decref(entries);
		return -ENODATA;
	}
	*ret_entries = entries;
	return 0;
}

static const char *text_of(const json_t *entry, const char *key)
{
	const char *text = json_string_value(json_object_get(entry, key));

	return text ? text : "";
}

static int64_t ms_of(const json_t *entry)
{
	return json_integer_value(json_object_get(entry, "ms"));
}

static int newest_last(const void *a, const void *b)
{
	const struct file *first = a, *second = b;

	return first->started_ms < second->started_ms ? -1 : first->started_ms > second->started_ms;
}

static int64_t started(struct app *app, const char *id)
{
	json_t *entries;
	int64_t ms;

	if (load(app, id, &entries) < 0)
		return 0;
	ms = ms_of(json_array_get(entries, 0));
	json_decref(entries);
	return ms;
}

/* All logs, the newest last. */
static int list(struct app *app, struct file **ret_files, size_t *ret_count)
{
	struct file *files = NULL;
	size_t count = 0, room = 0;
	struct dirent *entry;
	char folder[600];
	DIR *dir = app_path(app, "swaps", folder, sizeof folder) ? opendir(folder) : NULL;
	int r = 0;

	while (dir && r == 0 && count < FILES_MAX && (entry = readdir(dir))) {
		if (!is_log(entry->d_name))
			continue;
		r = GROW(files, count, room);
		if (r < 0)
			break;
		snprintf(files[count].id, sizeof files[count].id, "%.32s", entry->d_name);
		files[count].started_ms = started(app, files[count].id);
		count++;
	}
	if (dir)
		closedir(dir);
	if (r < 0) {
		free(files);
		return r;
	}
	if (count)
		qsort(files, count, sizeof *files, newest_last);
	*ret_files = files;
	*ret_count = count;
	return 0;
}

/* Whether a file of a hook, whose name begins with its swap's, belongs to one that is kept. */
static bool is_kept(const struct file *files, size_t count, const char *name)
{
	for (size_t i = count > HISTORY_MAX ? count - HISTORY_MAX : 0; i < count; i++)
		if (strncmp(files[i].id, name, HOOK_ID) == 0)
			return true;
	return *name == '.';
}

static void tidy_hooks(struct app *app, const struct file *files, size_t count)
{
	struct dirent *entry;
	char folder[600];
	DIR *dir = app_path(app, "hooks", folder, sizeof folder) ? opendir(folder) : NULL;

	while (dir && (entry = readdir(dir)))
		if (!is_kept(files, count, entry->d_name))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

void app_tidy(struct app *app)
{
	_cleanup_free_ struct file *files = NULL;
	size_t count = 0;

	if (list(app, &files, &count) < 0)
		return;
	tidy_hooks(app, files, count);
	for (size_t i = 0; i + HISTORY_MAX < count; i++) {
		char name[64], path[600];

		snprintf(name, sizeof name, "swaps/%s.log", files[i].id);
		if (app_path(app, name, path, sizeof path))
			(void)unlink(path);
	}
}

/* ---- History ---- */

static const char *outcome_of(const json_t *entries)
{
	const json_t *last = json_array_get(entries, json_array_size(entries) - 1);

	return text_of(last, "state");
}

static json_t *short_of(const json_t *entries)
{
	const json_t *first = json_array_get(entries, 0),
		     *last = json_array_get(entries, json_array_size(entries) - 1);

	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "id", text_of(first, "id"), "release",
		text_of(first, "release"), "by", text_of(first, "by"), "state", outcome_of(entries),
		"started_ms", (json_int_t)ms_of(first), "last_ms", (json_int_t)ms_of(last), "text",
		text_of(last, "text"));
}

static void add_history_line(const json_t *item, struct buf *out)
{
	char when[32], took[32];
	int64_t from = json_integer_value(json_object_get(item, "started_ms")),
		to = json_integer_value(json_object_get(item, "last_ms"));

	buf_printf(out, "%s  %-12s %-24s %-10s by %s\n    %s\n    %s\n", clock_format_utc(when, from, 0),
		text_of(item, "state"), text_of(item, "release"),
		format_duration_rough(took, MAX(to - from, INT64_C(0)) * NSEC_PER_MSEC), text_of(item, "by"),
		text_of(item, "id"), text_of(item, "text"));
}

int app_history(struct app *app, bool json, struct buf *out)
{
	_cleanup_free_ struct file *files = NULL;
	json_t *items = json_array();
	size_t count = 0;
	int r = items ? list(app, &files, &count) : -ENOMEM;

	for (size_t i = count; r == 0 && i-- > 0 && count - i <= HISTORY_MAX;) {
		json_t *entries;

		if (load(app, files[i].id, &entries) < 0)
			continue;
		json_array_append_new(items, short_of(entries));
		json_decref(entries);
	}
	if (r == 0 && json) {
		char *text = json_dumps(items, JSON_COMPACT);

		buf_printf(out, "{\"swaps\":%s}\n", text ? text : "[]");
		free(text);
	}
	for (size_t i = 0; r == 0 && !json && i < json_array_size(items) && out->size < REPLY_LIMIT; i++)
		add_history_line(json_array_get(items, i), out);
	if (r == 0 && !json && json_array_size(items) == 0)
		buf_add_str(out, "no swap yet\n");
	json_decref(items);
	return r;
}

/* ---- The report of one swap ---- */

static void add_gates(const json_t *entry, struct buf *out)
{
	const json_t *gates = json_object_get(entry, "gates");
	json_t *gate;
	size_t i;

	json_array_foreach(gates, i, gate)
		buf_printf(out, "  - `%s`: %s (n %lld, k %lld, bounds %.4g to %.4g, threshold %.4g): %s\n",
			text_of(gate, "gate"), text_of(gate, "verdict"),
			(long long)json_integer_value(json_object_get(gate, "n")),
			(long long)json_integer_value(json_object_get(gate, "k")),
			json_number_value(json_object_get(gate, "lower")),
			json_number_value(json_object_get(gate, "upper")),
			json_number_value(json_object_get(gate, "threshold")), text_of(gate, "reason"));
}

static void add_states(const json_t *entries, struct buf *out)
{
	int64_t entered = ms_of(json_array_get(entries, 0));
	const char *state = text_of(json_array_get(entries, 0), "state");
	json_int_t step = 0;
	json_t *entry;
	size_t i;

	buf_add_str(out, "\n| state | step | lasted |\n|---|---|---|\n");
	json_array_foreach(entries, i, entry)
	{
		json_int_t now = json_integer_value(json_object_get(entry, "step"));
		char took[32];

		if (streq(text_of(entry, "state"), state) && now == step)
			continue;
		buf_printf(out, "| %s | %lld | %s |\n", state, (long long)step + 1,
			format_duration_rough(took, MAX(ms_of(entry) - entered, INT64_C(0)) * NSEC_PER_MSEC));
		entered = ms_of(entry);
		state = text_of(entry, "state");
		step = now;
	}
	buf_printf(out, "| %s | %lld | |\n", state, (long long)step + 1);
}

static void add_head(const struct app *app, const json_t *entries, struct buf *out)
{
	const json_t *first = json_array_get(entries, 0),
		     *last = json_array_get(entries, json_array_size(entries) - 1);
	char from[32], to[32], took[32];

	buf_printf(out, "# %s: %s to %s\n\n", app->settings.app,
		streq(outcome_of(entries), "DONE")                  ? "swapped"
			: streq(outcome_of(entries), "ROLLED_BACK") ? "rolled back from the swap"
								    : "a swap under way",
		text_of(first, "release"));
	buf_printf(out, "- outcome: %s: %s\n- asked for by: %s\n- began: %s, last entry: %s (%s)\n",
		outcome_of(entries), text_of(last, "text"), text_of(first, "by"),
		clock_format_utc(from, ms_of(first), 0), clock_format_utc(to, ms_of(last), 0),
		format_duration_rough(took, MAX(ms_of(last) - ms_of(first), INT64_C(0)) * NSEC_PER_MSEC));
	buf_printf(out,
		"- strategy: %s, %s to %s\n- release before: %s\n- digest: %s\n- swap and trace: %s\n",
		text_of(first, "strategy"), text_of(first, "old"), text_of(first, "new"),
		*text_of(first, "before") ? text_of(first, "before") : "not known",
		*text_of(first, "digest") ? text_of(first, "digest") : "none", text_of(first, "id"));
}

/* What the team is told: that it is live, and how its first hours were. */
static void add_message(const struct app *app, const json_t *entries, struct buf *out)
{
	const json_t *first = json_array_get(entries, 0),
		     *last = json_array_get(entries, json_array_size(entries) - 1);
	json_int_t requests = 0, errors = 0;
	char when[32], key[32];
	json_t *entry;
	size_t i;

	if (!streq(outcome_of(entries), "DONE"))
		return;
	json_array_foreach(entries, i, entry)
	{
		snprintf(key, sizeof key, "%.8s_requests", text_of(first, "new"));
		requests += json_integer_value(json_object_get(entry, key));
		snprintf(key, sizeof key, "%.8s_errors", text_of(first, "new"));
		errors += json_integer_value(json_object_get(entry, key));
	}
	buf_printf(out,
		"\n## Go-live message\n\n> **%s %s is live** since %s (%s). Since its first client it "
		"answered %lld requests, "
		"%lld of them with an error (%.3g %%).",
		app->settings.app, text_of(first, "release"), clock_format_utc(when, ms_of(last), 0),
		text_of(first, "new"), (long long)requests, (long long)errors,
		requests ? 100.0 * (double)errors / (double)requests : 0.0);
	buf_printf(out, " Asked for by %s; before: %s.\n", text_of(first, "by"),
		*text_of(first, "before") ? text_of(first, "before") : "not known");
}

static void markdown(const struct app *app, const json_t *entries, struct buf *out)
{
	json_t *entry;
	size_t i;

	add_head(app, entries, out);
	add_message(app, entries, out);
	add_states(entries, out);
	buf_add_str(out, "\n## What happened\n\n");
	json_array_foreach(entries, i, entry)
	{
		char when[32];

		if (out->size > REPLY_LIMIT) {
			buf_add_str(out, "- (more than fits here: the log is in the state directory)\n");
			break;
		}
		buf_printf(out, "- %s %s\n", clock_format_utc(when, ms_of(entry), 0), text_of(entry, "text"));
		add_gates(entry, out);
	}
}

int app_report(struct app *app, const char *id, bool json, struct buf *out)
{
	_cleanup_free_ struct file *files = NULL;
	json_t *entries;
	size_t count = 0;
	int r = 0;

	if (id && (strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32))
		return -ENOENT;
	if (!id) {
		r = list(app, &files, &count);
		if (r < 0 || count == 0)
			return r < 0 ? r : -ENOENT;
		id = files[count - 1].id;
	}
	r = load(app, id, &entries);
	if (r < 0)
		return r;
	if (json) {
		char *text = json_dumps(entries, JSON_COMPACT);

		buf_printf(out, "{\"swap\":\"%s\",\"entries\":%s}\n", id, text ? text : "[]");
		free(text);
	} else {
		markdown(app, entries, out);
	}
	json_decref(entries);
	return 0;
}
