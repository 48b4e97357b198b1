/* SPDX-License-Identifier: Apache-2.0 */
/* What is written down: the journal, the log of a swap for its report, events and spans. */
#include "app.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/random.h"
#include "base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MAX (1024 * 1024) /* bytes; what comes after is not kept */
#define SPAN_ID 8

bool app_path(struct app *app, const char *name, char *path, size_t size)
{
	if (!*app->folder)
		return false;
	return snprintf(path, size, "%s/%s", app->folder, name) < (int)size;
}

/* ---- The log of a swap ---- */

static void log_line_to(struct app *app, const struct buf *line)
{
	char path[600], folder[600], name[64];
	struct stat st;
	int fd;

	snprintf(name, sizeof name, "swaps/%s.log", app->swap.id);
	if (!app_path(app, "swaps", folder, sizeof folder) || !app_path(app, name, path, sizeof path))
		return;
	(void)mkdir(folder, 0700);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size < LOG_MAX)
		(void)fd_write_full(fd, line->data, line->size);
	fd_close(fd);
}

static void log_gates(struct app *app, struct json *json)
{
	json_key(json, "gates");
	json_array_begin(json);
	for (size_t i = 0; i < app->settings.gate_count; i++) {
		const struct gate_result *gate = &app->gates[i];

		json_object_begin(json);
		json_kv_string(json, "gate", app->settings.gates[i].text);
		json_kv_string(json, "verdict", verdict_name(gate->verdict));
		json_kv_int(json, "n", (int64_t)gate->now.n);
		json_kv_int(json, "k", (int64_t)gate->now.k);
		json_kv_int(json, "base_n", (int64_t)gate->base.n);
		json_kv_int(json, "base_k", (int64_t)gate->base.k);
		json_kv_double(json, "lower", gate->lower);
		json_kv_double(json, "upper", gate->upper);
		json_kv_double(json, "threshold", gate->threshold);
		json_kv_string(json, "reason", gate->reason);
		json_object_end(json);
	}
	json_array_end(json);
}

static void log_start(const struct swap *swap, struct json *json)
{
	json_kv_string(json, "id", swap->id);
	json_kv_string(json, "release", swap->release);
	json_kv_string(json, "before", swap->before);
	json_kv_string(json, "digest", swap->digest);
	json_kv_string(json, "by", swap->by);
	json_kv_string(json, "strategy", strategy_name(swap->strategy));
	json_kv_string(json, "old", colour_name((enum colour)swap->old));
	json_kv_string(json, "new", colour_name((enum colour)swap->new));
}

/* Requests of this step, by colour. */
static void log_requests(const struct app *app, struct json *json)
{
	static const char *const keys[COLOURS][2] = {
		{"blue_requests", "blue_errors"}, {"green_requests", "green_errors"}};

	for (int c = 0; c < COLOURS; c++) {
		json_kv_int(json, keys[c][0], (int64_t)app->tally.sum[c].requests);
		json_kv_int(json, keys[c][1], (int64_t)app->tally.sum[c].errors);
	}
}

static void log_entry(struct app *app, const char *kind, const char *text)
{
	const struct swap *swap = &app->swap;
	_cleanup_buf_ struct buf line = BUF_INIT;
	struct json json;

	json_init(&json, &line);
	json_object_begin(&json);
	json_kv_int(&json, "ms", clock_unix_ms());
	json_kv_string(&json, "kind", kind);
	json_kv_string(&json, "state", state_name(swap->state));
	json_kv_int(&json, "step", swap->step);
	json_kv_int(&json, "share", swap->share);
	json_kv_string(&json, "text", text);
	if (streq(kind, "swap-started"))
		log_start(swap, &json);
	if (streq(kind, "swap-verdict"))
		log_requests(app, &json);
	if (app->settings.gate_count &&
		(streq(kind, "swap-verdict") || streq(kind, "swap-rolling-back") ||
			streq(kind, "swap-frozen")))
		log_gates(app, &json);
	json_object_end(&json);
	buf_add_char(&line, '\n');
	if (buf_error(&line) == 0)
		log_line_to(app, &line);
}

void app_say(struct app *app, const char *kind, enum gavea_status status, const char *format, ...)
{
	const struct swap *swap = &app->swap;
	char text[640], step[16];
	const struct gavea_pair attributes[] = {{"app", app->settings.app}, {"swap", swap->id},
		{"release", swap->release}, {"state", state_name(swap->state)}, {"step", step},
		{"by", swap->by}};
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	snprintf(step, sizeof step, "%u", swap->step + 1);
	gavea_event(app->check, kind, status, text, attributes, ARRAY_SIZE(attributes));
	log_entry(app, kind, text);
}

/* ---- Spans: the swap's id is the trace's ---- */

static void trace_of(const struct swap *swap, uint8_t trace[16])
{
	for (int i = 0; i < 16; i++) {
		unsigned byte = 0;

		(void)sscanf(swap->id + 2 * i, "%2x", &byte);
		trace[i] = (uint8_t)byte;
	}
}

static void span(
	struct app *app, const struct swap *swap, const char *name, int64_t start_ms, bool root, int error)
{
	uint8_t trace[16], id[SPAN_ID], parent[SPAN_ID];
	struct gavea_span *span;

	trace_of(swap, trace);
	memcpy(parent, trace, SPAN_ID);
	parent[0] |= 1;
	random_bytes(id, sizeof id);
	id[0] |= 1;
	span = gavea_span_at(
		app->check, trace, root ? parent : id, root ? NULL : parent, name, start_ms * NSEC_PER_MSEC);
	gavea_span_attribute(app->check, span, "app", app->settings.app);
	gavea_span_attribute(app->check, span, "release", swap->release);
	gavea_span_attribute(app->check, span, "colour", colour_name((enum colour)swap->new));
	gavea_span_end(app->check, span, error);
}

void app_span(struct app *app, const struct swap *ended, int error)
{
	char name[64];

	if (ended->state == STATE_SHIFT || ended->state == STATE_HOLD)
		snprintf(name, sizeof name, "%s %u", state_name(ended->state), ended->step + 1);
	else
		snprintf(name, sizeof name, "%s", state_name(ended->state));
	span(app, ended, name, ended->entered_ms, false, error);
}

/* ---- The journal ---- */

static void step_name(const struct swap *swap, char name[static 64])
{
	snprintf(name, 64, "%s step=%u part=%u hook=%u attempt=%u", state_name(swap->state), swap->step,
		swap->part, swap->hook, swap->attempt);
}

int app_write(struct app *app, const struct swap *next)
{
	_cleanup_buf_ struct buf detail = BUF_INIT;
	char name[64];
	int r;

	step_name(next, name);
	state_encode(next, &detail);
	r = buf_error(&detail);
	if (r == 0)
		r = gavea_operation_step(app->check, app->operation, name, detail.data, detail.size);
	if (r == 0)
		app->swap = *next;
	return r;
}

int app_done(struct app *app)
{
	bool done = false;
	const char *last = gavea_operation_last(app->check, app->operation, &done, NULL, NULL);
	char name[64];

	if (!last || done)
		return 0;
	snprintf(name, sizeof name, "%s", last);
	return gavea_operation_done(app->check, app->operation, name);
}

int app_begin(struct app *app, const struct swap *swap)
{
	char name[64];
	int r;

	snprintf(name, sizeof name, "swap %s", swap->id);
	r = gavea_operation_begin(app->check, name, &app->operation);
	if (r < 0) {
		app->operation = NULL;
		return r;
	}
	r = app_write(app, swap);
	if (r < 0) {
		(void)gavea_operation_end(app->check, app->operation);
		app->operation = NULL;
		return r;
	}
	tally_reset(&app->tally);
	memset(&app->past, 0, sizeof app->past);
	app_say(app, "swap-started", GAVEA_OK, "%s: the swap to %s begins (%s, %s to %s), asked for by %s",
		app->settings.app, swap->release, strategy_name(swap->strategy),
		colour_name((enum colour)swap->old), colour_name((enum colour)swap->new), swap->by);
	return 0;
}

static void end_said(struct app *app, uint32_t state)
{
	struct swap *swap = &app->swap;
	char took[32];

	span(app, swap, state == STATE_DONE ? "swap" : "swap rolled back", swap->started_ms, true,
		state == STATE_DONE ? 0 : -ECANCELED);
	format_duration_rough(took, MAX(clock_unix_ms() - swap->started_ms, INT64_C(0)) * NSEC_PER_MSEC);
	swap->state = state;
	if (state == STATE_DONE)
		app_say(app, "swap-done", GAVEA_OK, "%s: %s serves on %s, after %s", app->settings.app,
			swap->release, colour_name((enum colour)swap->new), took);
	else
		app_say(app, "swap-rolled-back", GAVEA_WARNING, "%s: back on %s, after %s: %s%s",
			app->settings.app, colour_name((enum colour)swap->old), took, swap->reason,
			swap->ban ? "; the release is banned" : "");
}

int app_end(struct app *app, uint32_t state)
{
	int r = memory_set_outcome(app, state);

	if (r == 0)
		r = app_done(app);
	if (r < 0)
		return r;
	end_said(app, state);
	r = gavea_operation_end(app->check, app->operation);
	app->operation = NULL;
	return r;
}

/* ---- Orderly ends of the worker, which are no interruptions ---- */

void app_closed(struct app *app)
{
	char path[600];

	if (app_swaps(app) && app_path(app, "closed", path, sizeof path))
		(void)file_write_atomic(AT_FDCWD, path, app->swap.id, strlen(app->swap.id), 0600);
}

static bool was_closed(struct app *app)
{
	_cleanup_buf_ struct buf id = BUF_INIT;
	char path[600];

	if (!app_path(app, "closed", path, sizeof path) || file_read(AT_FDCWD, path, 64, &id) < 0)
		return false;
	(void)unlink(path);
	return streq(buf_str(&id), app->swap.id);
}

void app_recall(struct app *app)
{
	struct gavea_operation *operation = gavea_operation_next(app->check, NULL);
	_cleanup_error_ struct error error = ERROR_INIT;
	const void *detail = NULL;
	size_t size = 0;
	bool done;

	app->operation = operation;
	*app->damage = '\0';
	if (!operation)
		return;
	if (!gavea_operation_last(app->check, operation, &done, &detail, &size)) {
		/* It was begun and did not come to a first step: nothing has happened yet. */
		(void)gavea_operation_end(app->check, operation);
		app->operation = NULL;
		return;
	}
	if (state_decode(detail, size, &app->swap, &error) < 0) {
		snprintf(app->damage, sizeof app->damage, "%s", error_text(&error, -EBADMSG));
		return;
	}
	if ((app->swap.strategy == STRATEGY_ROLLING) != (app->settings.strategy == STRATEGY_ROLLING)) {
		snprintf(app->damage, sizeof app->damage,
			"a %s swap to %s is under way, and the configuration says strategy \"%s\" by now: "
			"set it back",
			strategy_name(app->swap.strategy), app->swap.release,
			strategy_name(app->settings.strategy));
		return;
	}
	app->recovered = was_closed(app);
	state_rebase(&app->swap, clock_ns(CLOCK_BOOTTIME), clock_unix_ms(), app->boot_id);
	memory_tally(app);
}
