/* SPDX-License-Identifier: Apache-2.0 */
/* What people and the fleet ask for. A command writes down what is wanted and answers; the next tick does it. */
#include "app.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>

#define LINE_SIZE 1024

struct request {
	struct app *app;
	struct gavea_command *command;
	const char *by;
	bool json;
};

static const char *argument(const struct request *request, const char *name)
{
	return gavea_command_argument(request->app->check, request->command, name);
}

static bool flag(const struct request *request, const char *name)
{
	const char *value = argument(request, name);

	return value && streq(value, "yes");
}

/* How much of a line goes into one of the reply, which may only be so long: JSON may be parted after any comma that is not
 * in a string, and is the same. */
static size_t part_of(const char *line, size_t length)
{
	size_t good = length;
	bool quoted = false;

	if (length <= LINE_SIZE || (*line != '{' && *line != '"' && *line != '['))
		return length;
	for (size_t i = 0; i < length && (i < LINE_SIZE || good == length); i++) {
		if (line[i] == '\\' && quoted)
			i++;
		else if (line[i] == '"')
			quoted = !quoted;
		else if (line[i] == ',' && !quoted)
			good = i + 1;
	}
	return good;
}

static void reply(const struct request *request, const struct buf *text)
{
	const char *line = buf_str(text);

	while (*line) {
		size_t length = part_of(line, strcspn(line, "\n"));

		gavea_command_reply(request->app->check, request->command, "%.*s", (int)length, line);
		line += length + (line[length] == '\n');
	}
}

static int refuse(const struct request *request, int error, const char *format, ...) _printf_(3, 4);
static int refuse(const struct request *request, int error, const char *format, ...)
{
	char text[640];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return gavea_fail(request->app->check, error, "%s", text);
}

/* Text from outside, as it may stand in a file and on a screen. */
static bool is_plain(const char *text, size_t most)
{
	if (strlen(text) >= most)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return false;
	return true;
}

static int not_written(const struct request *request, int r)
{
	return refuse(request, r, "the journal can't be written: %s", strerror(-r));
}

/* ---- start ---- */

static int supersede(const struct request *request, const struct swap *next)
{
	struct app *app = request->app;
	struct swap swap = app->swap;
	int r;

	if (swap.state >= STATE_FINALIZE && swap.state != STATE_FROZEN)
		return refuse(request, -EBUSY, "the swap to %s is in %s: it has to end first", swap.release,
			state_name(swap.state));
	swap.wish = WISH_ABORT;
	snprintf(swap.wish_by, sizeof swap.wish_by, "%.50s, for %.30s", next->by, next->release);
	snprintf(swap.next_release, sizeof swap.next_release, "%s", next->release);
	snprintf(swap.next_digest, sizeof swap.next_digest, "%s", next->digest);
	snprintf(swap.next_by, sizeof swap.next_by, "%s", next->by);
	r = app_write(app, &swap);
	if (r < 0)
		return not_written(request, r);
	gavea_command_reply(app->check, request->command, "the swap to %s goes back; then comes %s",
		swap.release, next->release);
	return 0;
}

/* Which colour is the old one is seen by the proxy; while a swap is under way that is known. */
static int prepare(const struct request *request, struct swap *ret_swap)
{
	struct app *app = request->app;
	_cleanup_error_ struct error error = ERROR_INIT;
	const char *digest = argument(request, "digest");
	struct swap swap;
	int r;

	if (app_swaps(app)) {
		app->world.traffic_seen = true;
		app->world.traffic.share = app->swap.old == COLOUR_GREEN ? SHARE_ALL : 0;
	}
	r = app_prepare(app, argument(request, "release"), str_empty(digest) ? NULL : digest, request->by,
		&swap, &error);
	if (r < 0)
		return refuse(request, r, "%s", error_text(&error, r));
	*ret_swap = swap;
	return 0;
}

static int start(const struct request *request)
{
	struct app *app = request->app;
	char why[REASON_SIZE + 64];
	struct swap swap;
	int r;

	if (*app->damage)
		return refuse(request, -EUCLEAN, "%s", app->damage);
	app_look(app, gavea_deadline(app->check));
	r = prepare(request, &swap);
	if (r < 0)
		return r;
	if (memory_is_banned(app, swap.release, swap.digest, why, sizeof why) &&
		!flag(request, "allow_banned"))
		return refuse(request, -EPERM,
			"%s was rolled back (%s); to try it again all the same: --allow-banned", swap.release,
			why);
	if (app_swaps(app) && streq(app->swap.release, swap.release) && streq(app->swap.digest, swap.digest))
		return refuse(request, -EALREADY, "the swap to %s is under way already, in %s", swap.release,
			state_name(app->swap.state));
	if (app_swaps(app) && !flag(request, "supersede"))
		return refuse(request, -EBUSY,
			"a swap to %s is under way, in %s; to have it go back and this one come next: "
			"--supersede",
			app->swap.release, state_name(app->swap.state));
	if (!app_swaps(app) && streq(swap.before, swap.release) && !flag(request, "again"))
		return refuse(request, -EALREADY, "%s serves already, on %s; to bring it once more: --again",
			swap.release, colour_name((enum colour)swap.old));
	if (!app_preflight(app))
		return refuse(request, -EPERM, "it may not start: %s; all of it: gavea preflight %s",
			app->world.ready_text, app->settings.app);
	if (app_swaps(app))
		return supersede(request, &swap);
	if (flag(request, "allow_banned"))
		(void)memory_unban(app, swap.release, swap.digest);
	r = app_begin(app, &swap);
	if (r < 0)
		return not_written(request, r);
	app->recovered = true;
	app->world.undrainable = false;
	gavea_command_reply(app->check, request->command, "swap %s to %s has begun: %s to %s", swap.id,
		swap.release, colour_name((enum colour)swap.old), colour_name((enum colour)swap.new));
	return 0;
}

static int plan(const struct request *request)
{
	struct app *app = request->app;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct swap swap;
	int r;

	app_look(app, gavea_deadline(app->check));
	app->world.ready = app_preflight(app);
	r = prepare(request, &swap);
	if (r < 0)
		return r;
	if (request->json)
		app_plan_json(app, &swap, &out);
	else
		app_plan_text(app, &swap, &out);
	reply(request, &out);
	return 0;
}

static int preflight(const struct request *request)
{
	struct app *app = request->app;
	_cleanup_buf_ struct buf out = BUF_INIT;

	app->world.ready = app_preflight(app);
	if (request->json)
		app_preflight_json(app, &out);
	else
		app_preflight_text(app, &out);
	reply(request, &out);
	return 0;
}

/* ---- Wishes ---- */

static int wish_for(const struct request *request, enum wish wish, const char *what)
{
	struct app *app = request->app;
	struct swap next = app->swap;
	int r;

	next.wish = wish;
	snprintf(next.wish_by, sizeof next.wish_by, "%s", request->by);
	r = app_write(app, &next);
	if (r < 0)
		return not_written(request, r);
	app_say(app, "swap-asked", GAVEA_OK, "%s: %s by %s", app->settings.app, what, request->by);
	gavea_command_reply(app->check, request->command, "%s", what);
	return 0;
}

static int promote(const struct request *request)
{
	uint32_t state = request->app->swap.state;

	if (state != STATE_HOLD && state != STATE_BAKE)
		return refuse(request, -EINVAL, "there is nothing to promote in %s: only HOLD and BAKE wait",
			state_name(state));
	if (request->app->world.gates == VERDICT_FAIL)
		return refuse(request, -EPERM, "%s", request->app->world.gates_text);
	return wish_for(request, WISH_PROMOTE, "it is promoted to what comes next");
}

static int go_back(const struct request *request)
{
	bool ban = streq(gavea_command_name(request->app->check, request->command), "rollback");
	uint32_t state = request->app->swap.state;

	if (state == STATE_ROLLING_BACK)
		return refuse(request, -EALREADY, "it is going back already");
	if (state == STATE_FINALIZE)
		return refuse(request, -EPERM,
			"FINALIZE only goes forward: start the release before as a swap of its own");
	return wish_for(request, ban ? WISH_ROLLBACK : WISH_ABORT,
		ban ? "it goes back, and the release is banned" : "it goes back");
}

static int pause_or_resume(const struct request *request)
{
	struct app *app = request->app;
	bool pauses = streq(gavea_command_name(app->check, request->command), "pause");
	struct swap next = app->swap;
	int r;

	if (next.state >= STATE_FINALIZE)
		return refuse(request, -EINVAL, "%s can't be paused", state_name(next.state));
	if (next.paused == pauses)
		return refuse(request, -EALREADY, pauses ? "it is paused already" : "it is not paused");
	next.paused = pauses;
	next.paused_boot = clock_ns(CLOCK_BOOTTIME);
	snprintf(next.paused_by, sizeof next.paused_by, "%s", request->by);
	r = app_write(app, &next);
	if (r < 0)
		return not_written(request, r);
	app_say(app, "swap-asked", pauses ? GAVEA_WARNING : GAVEA_OK, "%s: %s by %s", app->settings.app,
		pauses ? "paused" : "resumed", request->by);
	gavea_command_reply(app->check, request->command, "%s",
		pauses ? "it stays at the next HOLD or BAKE until it is resumed; failures are still heeded"
		       : "it goes on");
	return 0;
}

static int unfreeze(const struct request *request)
{
	struct app *app = request->app;

	if (*app->damage && !flag(request, "forget"))
		return refuse(request, -EINVAL,
			"the journal's step can't be read: put app and proxy right, and then: gavea swap "
			"unfreeze %s --forget",
			app->settings.app);
	if (*app->damage) {
		int r = gavea_operation_end(app->check, app->operation);

		app->operation = NULL;
		*app->damage = '\0';
		gavea_command_reply(app->check, request->command, "the swap is forgotten");
		return r;
	}
	if (app->swap.state != STATE_FROZEN)
		return refuse(request, -EINVAL, "it is not frozen, it is in %s", state_name(app->swap.state));
	return wish_for(request, WISH_UNFREEZE, "it goes on where it was frozen");
}

static int sign(const struct request *request)
{
	struct app *app = request->app;
	const char *name = argument(request, "point");
	int r;

	for (size_t i = 0; name && i < app->settings.point_count; i++) {
		const char *manual = app->settings.points[i].manual;

		if (!manual || !streq(manual, name))
			continue;
		r = memory_sign(app, name, request->by);
		if (r < 0)
			return refuse(request, r, "it can't be kept: %s", strerror(-r));
		gavea_command_reply(
			app->check, request->command, "%s is signed off by %s", name, request->by);
		return 0;
	}
	return refuse(request, -ENOENT, "there is no point \"manual %s\" in preflight", name ? name : "");
}

/* ---- Looking ---- */

static int show(const struct request *request)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (request->json)
		app_show_json(request->app, &out);
	else
		app_show_text(request->app, &out);
	reply(request, &out);
	return 0;
}

static int history(const struct request *request)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r = app_history(request->app, request->json, &out);

	if (r < 0)
		return refuse(request, r, "the logs of swaps can't be read: %s", strerror(-r));
	reply(request, &out);
	return 0;
}

static int report(const struct request *request)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *id = argument(request, "id");
	int r = app_report(request->app, id, request->json, &out);

	if (r < 0)
		return refuse(request, r,
			r == -ENOENT ? "there is no such swap" : "its log can't be read: %s", strerror(-r));
	reply(request, &out);
	return 0;
}

int app_command(struct app *app, struct gavea_command *command)
{
	static const struct {
		const char *name;
		int (*run)(const struct request *request);
		bool needs_swap;
	} all[] = {{"start", start, false}, {"plan", plan, false}, {"preflight", preflight, false},
		{"promote", promote, true}, {"pause", pause_or_resume, true},
		{"resume", pause_or_resume, true}, {"abort", go_back, true}, {"rollback", go_back, true},
		{"unfreeze", unfreeze, true}, {"sign", sign, false}, {"status", show, false},
		{"history", history, false}, {"report", report, false}};
	struct request request = {.app = app, .command = command};
	const char *name = gavea_command_name(app->check, command);

	request.json = flag(&request, "json");
	request.by = argument(&request, "by");
	if (!request.by)
		request.by = "somebody";
	if (!is_plain(request.by, BY_SIZE))
		return refuse(&request, -EINVAL, "by: expected a name of at most %d bytes", BY_SIZE - 1);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (!streq(all[i].name, name))
			continue;
		if (all[i].needs_swap && !app_swaps(app))
			return refuse(&request, -ENOENT, "no swap is under way");
		if (all[i].needs_swap && *app->damage && all[i].run != unfreeze)
			return refuse(&request, -EUCLEAN, "%s", app->damage);
		return all[i].run(&request);
	}
	return refuse(&request, -EINVAL, "there is no command \"%s\"", name);
}
