/* SPDX-License-Identifier: Apache-2.0 */
/* What would happen, and whether it may: nothing is touched here. */
#include "app.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"

#include <stdio.h>

/* ---- The checklist ---- */

void app_preflight_text(struct app *app, struct buf *out)
{
	const struct settings *settings = &app->settings;

	for (size_t i = 0; i < settings->point_count; i++) {
		const struct point_result *point = &app->points[i];
		char age[32];

		buf_printf(out, "%s %s\n    %s", point->holds ? "✔" : "✘", settings->points[i].text,
			point->evidence);
		if (point->age >= 0)
			buf_printf(out, " (%s old)", format_duration_rough(age, point->age));
		buf_add_char(out, '\n');
		if (!point->holds && *point->remedy)
			buf_printf(out, "    → %s\n", point->remedy);
	}
	if (settings->point_count == 0)
		buf_add_str(out, "! no point is configured: `preflight` is empty\n");
	if (!app->world.ready)
		buf_printf(out, "✘ it may not start: %s\n", app->world.ready_text);
	else
		buf_add_str(out, "✔ it may start\n");
}

void app_preflight_json(struct app *app, struct buf *out)
{
	const struct settings *settings = &app->settings;
	struct json json;

	json_init(&json, out);
	json_object_begin(&json);
	json_kv_string(&json, "app", settings->app);
	json_kv_bool(&json, "may_start", app->world.ready);
	json_kv_string(&json, "why_not", app->world.ready_text);
	json_key(&json, "points");
	json_array_begin(&json);
	for (size_t i = 0; i < settings->point_count; i++) {
		const struct point_result *point = &app->points[i];

		json_object_begin(&json);
		json_kv_string(&json, "point", settings->points[i].text);
		json_kv_bool(&json, "holds", point->holds);
		json_kv_string(&json, "evidence", point->evidence);
		if (point->age >= 0)
			json_kv_double(&json, "age_seconds", (double)point->age / 1e9);
		json_kv_string(&json, "remedy", point->remedy);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	buf_add_char(out, '\n');
}

/* ---- The plan ---- */

struct plan {
	struct app *app;
	void (*add)(struct plan *plan, const char *state, const char *text);
	struct buf *out;
	struct json *json;
	unsigned number;
};

static void add_text(struct plan *plan, const char *state, const char *text)
{
	buf_printf(plan->out, "%2u. %-9s %s\n", ++plan->number, state, text);
}

static void add_json(struct plan *plan, const char *state, const char *text)
{
	json_object_begin(plan->json);
	json_kv_string(plan->json, "state", state);
	json_kv_string(plan->json, "text", text);
	json_object_end(plan->json);
}

static void _printf_(3, 4) add(struct plan *plan, enum state state, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	plan->add(plan, state_name(state), text);
}

static void add_hooks(struct plan *plan, enum state state, enum phase phase)
{
	const struct hookspec *hook;

	for (size_t i = 0; (hook = settings_hook(&plan->app->settings, phase, i)); i++) {
		char timeout[32];

		add(plan, state, "hook %s/%s: %s (%s, %u more attempts, then %s)%s", phase_name(phase),
			hook->name, hook->words.list[0], format_duration(timeout, hook->timeout), hook->retry,
			on_failure_name(hook->on_failure),
			hook->irreversible ? "; no way back from here on" : "");
	}
}

static void add_steps(struct plan *plan, const struct swap *swap)
{
	const struct settings *settings = &plan->app->settings;

	for (size_t i = 0; i < settings->step_count; i++) {
		char hold[32], most[32];

		add(plan, STATE_SHIFT, "%g %% of the requests go to %s", settings->steps[i].share / 100.0,
			colour_name((enum colour)swap->new));
		add(plan, STATE_HOLD,
			"for %s: %zu gates and health; without a verdict up to %s longer, then %s",
			format_duration(hold, settings->steps[i].hold), settings->gate_count,
			format_duration(most, settings->max_hold),
			settings->inconclusive_rolls_back ? "it goes back" : "it waits for a person");
	}
}

static void add_two_colours(struct plan *plan, const struct swap *swap)
{
	const struct settings *settings = &plan->app->settings;
	const char *old = colour_name((enum colour)swap->old), *new = colour_name((enum colour)swap->new);
	char time[32];

	add_hooks(plan, STATE_STARTED, PHASE_DEPLOY);
	add(plan, STATE_STARTED, "%s is stopped, runs %s, and has to stay up for %s", new, swap->release,
		format_duration(time, settings->settle));
	add_hooks(plan, STATE_SMOKE, PHASE_SMOKE);
	add_steps(plan, swap);
	add(plan, STATE_DRAIN, "%s gets no new clients; what is left after %s is cut", old,
		format_duration(time, settings->drain_timeout));
	add_hooks(plan, STATE_BAKE, PHASE_AFTER);
	add(plan, STATE_BAKE, "%s is kept running for %s, to go back to", old,
		format_duration(time, settings->keep_old));
	add(plan, STATE_FINALIZE, "%s is stopped", old);
}

static void add_rolling(struct plan *plan, const struct swap *swap)
{
	char time[32];

	add(plan, STATE_DRAIN, "this host gets no new clients; what is left after %s is cut",
		format_duration(time, plan->app->settings.drain_timeout));
	add_hooks(plan, STATE_STARTED, PHASE_DEPLOY);
	add(plan, STATE_STARTED, "the app is stopped, runs %s, and has to stay up for %s", swap->release,
		format_duration(time, plan->app->settings.settle));
	add_hooks(plan, STATE_SMOKE, PHASE_SMOKE);
	add(plan, STATE_SHIFT, "this host gets clients again");
	add(plan, STATE_HOLD, "for %s: %zu gates and health",
		format_duration(time, plan->app->settings.steps[0].hold), plan->app->settings.gate_count);
	add_hooks(plan, STATE_BAKE, PHASE_AFTER);
}

static void make(struct plan *plan, const struct swap *swap)
{
	const struct settings *settings = &plan->app->settings;

	add(plan, STATE_PRECHECK, "%zu points of the checklist%s%s%s", settings->point_count,
		plan->app->world.ready ? " hold now" : ", and it may not start now: ",
		plan->app->world.ready_text,
		streq(settings->lease.provider, "none") ? "" : "; then the lease");
	add_hooks(plan, STATE_PRECHECK, PHASE_BEFORE);
	if (settings->release.directory)
		add(plan, STATE_STAGED, "%s is fetched, and its digest%s verified", swap->release,
			settings->release.public_key ? " and signature" : "");
	add_hooks(plan, STATE_MIGRATE, PHASE_MIGRATE);
	if (swap->strategy == STRATEGY_ROLLING)
		add_rolling(plan, swap);
	else
		add_two_colours(plan, swap);
	add_hooks(plan, STATE_FINALIZE, PHASE_DONE);
}

void app_plan_text(struct app *app, const struct swap *swap, struct buf *out)
{
	struct plan plan = {.app = app, .add = add_text, .out = out};

	buf_printf(out, "%s to %s (%s, %s to %s):\n", app->settings.app, swap->release,
		strategy_name(swap->strategy), colour_name((enum colour)swap->old),
		colour_name((enum colour)swap->new));
	make(&plan, swap);
	if (app->settings.gate_count == 0)
		buf_add_str(out, "\nThere are no gates: health alone decides.\n");
}

void app_plan_json(struct app *app, const struct swap *swap, struct buf *out)
{
	struct json json;
	struct plan plan = {.app = app, .add = add_json, .json = &json};

	json_init(&json, out);
	json_object_begin(&json);
	json_kv_string(&json, "app", app->settings.app);
	json_kv_string(&json, "release", swap->release);
	json_kv_string(&json, "strategy", strategy_name(swap->strategy));
	json_kv_string(&json, "old", colour_name((enum colour)swap->old));
	json_kv_string(&json, "new", colour_name((enum colour)swap->new));
	json_kv_bool(&json, "may_start", app->world.ready);
	json_key(&json, "steps");
	json_array_begin(&json);
	make(&plan, swap);
	json_array_end(&json);
	json_object_end(&json);
	buf_add_char(out, '\n');
}
