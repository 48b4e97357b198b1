/* SPDX-License-Identifier: Apache-2.0 */
/* Where a swap stands: the result of a tick, and the answer to "status". */
#include "app.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/status.h"

#include <errno.h>
#include <stdio.h>

#define FRESH_MS (24 * 3600 * 1000) /* as long a rollback is shown as a warning */

static int64_t hold_of(const struct app *app)
{
	const struct swap *swap = &app->swap;

	if (swap->state == STATE_HOLD)
		return machine_step(&app->settings, swap)->hold;
	return swap->state == STATE_BAKE && swap->strategy != STRATEGY_ROLLING ? app->settings.keep_old : 0;
}

static int64_t elapsed(const struct app *app)
{
	return MAX(clock_ns(CLOCK_BOOTTIME) - app->swap.entered_boot, INT64_C(0));
}

/* "25 %", "HOLD 2 of 4" */
static void state_text(const struct app *app, char *text, size_t size)
{
	const struct swap *swap = &app->swap;
	char gone[32], hold[32];

	if (swap->state == STATE_HOLD || swap->state == STATE_SHIFT)
		snprintf(text, size, "%s %u of %zu at %g %%", state_name(swap->state), swap->step + 1,
			app->settings.step_count, machine_step(&app->settings, swap)->share / 100.0);
	else
		snprintf(text, size, "%s", state_name(swap->state));
	if (hold_of(app) > 0) {
		size_t used = strlen(text);

		snprintf(text + used, size - used, ", %s of %s", format_duration_rough(gone, elapsed(app)),
			format_duration_rough(hold, hold_of(app)));
	}
}

static enum gavea_status idle_summary(struct app *app, char *text, size_t size)
{
	struct world *world = &app->world;
	struct outcome outcome;
	char why[256], release[RELEASE_SIZE];
	enum colour colour = world->traffic.share == SHARE_ALL ? COLOUR_GREEN : COLOUR_BLUE;
	bool rolling = app->settings.strategy == STRATEGY_ROLLING;

	memory_outcome(app, &outcome);
	memory_release(app, colour, release);
	if (!world->traffic_seen) {
		snprintf(text, size, "the proxy can't be seen: %s", world->traffic_error);
		return GAVEA_UNKNOWN;
	}
	if (!rolling && world->traffic.share != 0 && world->traffic.share != SHARE_ALL) {
		snprintf(text, size,
			"no swap is under way, and yet green gets %g %% of the requests: set it to 0 or 100 "
			"%%",
			world->traffic.share == SHARE_UNKNOWN ? -1.0 : world->traffic.share / 100.0);
		return world->traffic.share == SHARE_UNKNOWN ? GAVEA_UNKNOWN : GAVEA_CRITICAL;
	}
	if (!world_serves(world, colour, why, sizeof why)) {
		snprintf(text, size, "%s should serve: %s", colour_name(colour), why);
		return world->service_seen[colour] ? GAVEA_CRITICAL : GAVEA_UNKNOWN;
	}
	if (!rolling && world->traffic.share_stored != SHARE_UNKNOWN &&
		world->traffic.share_stored != world->traffic.share) {
		snprintf(text, size,
			"after a reload the proxy would send other shares than now: %u instead of %u "
			"hundredths of a percent to green",
			world->traffic.share_stored, world->traffic.share);
		return GAVEA_WARNING;
	}
	if (outcome.state == STATE_ROLLED_BACK && clock_unix_ms() - outcome.ended_ms < FRESH_MS) {
		snprintf(text, size, "%s serves; %s was rolled back: %s", colour_name(colour),
			outcome.release, outcome.reason);
		return GAVEA_WARNING;
	}
	snprintf(text, size, "%s serves%s%s", colour_name(colour), *release ? " " : "", release);
	return GAVEA_OK;
}

enum gavea_status app_summary(struct app *app, char *text, size_t size)
{
	const struct swap *swap = &app->swap;
	char state[128];

	if (*app->damage) {
		snprintf(text, size,
			"FROZEN: %s; look at the app and the proxy, and then: gavea swap unfreeze %s "
			"--forget",
			app->damage, app->settings.app);
		return GAVEA_CRITICAL;
	}
	if (!app_swaps(app))
		return idle_summary(app, text, size);
	state_text(app, state, sizeof state);
	if (swap->state == STATE_FROZEN) {
		snprintf(text, size, "%s: FROZEN in %s: %s; then: gavea swap unfreeze|rollback %s",
			swap->release, state_name(swap->frozen_in), swap->reason, app->settings.app);
		return GAVEA_CRITICAL;
	}
	if (swap->state == STATE_ROLLING_BACK) {
		snprintf(text, size, "%s: going back to %s: %s; now: %s", swap->release,
			colour_name((enum colour)swap->old), swap->reason,
			*app->trouble ? app->trouble : app->decision.text);
		return GAVEA_CRITICAL;
	}
	if (state_is_exposed(swap->state) && !app->world.traffic_seen) {
		snprintf(text, size, "%s: %s%s; the proxy can't be seen: %s", swap->release, state,
			swap->paused ? ", paused" : "", app->world.traffic_error);
		return GAVEA_UNKNOWN;
	}
	snprintf(text, size, "%s: %s%s; %s", swap->release, state, swap->paused ? ", paused" : "",
		*app->trouble ? app->trouble : app->decision.text);
	return *app->trouble || swap->paused ||
			(swap->deadline_boot != INT64_MAX && clock_ns(CLOCK_BOOTTIME) > swap->deadline_boot)
		? GAVEA_WARNING
		: GAVEA_OK;
}

/* ---- The result ---- */

static void show_colours(struct app *app)
{
	const struct world *world = &app->world;

	for (enum colour c = 0; c < COLOURS; c++) {
		const struct traffic_side *side = &world->traffic.side[c];
		struct gavea_item *item;
		char number[32];

		if (app->settings.strategy == STRATEGY_ROLLING && c != COLOUR_BLUE)
			continue;
		if (!world->service_seen[c]) {
			gavea_item(app->check, colour_name(c), GAVEA_UNKNOWN, "%s", world->service_error);
			continue;
		}
		item = gavea_item(app->check, colour_name(c), GAVEA_OK, "%s (%s)",
			service_state_name(world->service[c].state), world->service[c].text);
		if (!world->traffic_seen)
			continue;
		gavea_item_attribute(app->check, item, "proxy", side->state);
		snprintf(number, sizeof number, "%lld", (long long)side->sessions);
		gavea_item_attribute(app->check, item, "sessions", number);
	}
}

static void show_gates(struct app *app)
{
	for (size_t i = 0; i < app->settings.gate_count; i++) {
		const struct gate_result *gate = &app->gates[i];
		struct gavea_item *item;
		char number[32];

		item = gavea_item(app->check, app->settings.gates[i].text,
			gate->verdict == VERDICT_FAIL ? GAVEA_CRITICAL : GAVEA_OK, "%s: %s",
			verdict_name(gate->verdict), gate->reason);
		snprintf(number, sizeof number, "%llu", (unsigned long long)gate->now.n);
		gavea_item_attribute(app->check, item, "n", number);
		snprintf(number, sizeof number, "%llu", (unsigned long long)gate->now.k);
		gavea_item_attribute(app->check, item, "k", number);
	}
}

void app_result(struct app *app)
{
	const struct swap *swap = &app->swap;
	bool swaps = app_swaps(app) && !*app->damage;
	char text[1024];
	enum gavea_status status = app_summary(app, text, sizeof text);

	gavea_result(app->check, status, "%s", text);
	show_colours(app);
	if (swaps && (swap->state == STATE_HOLD || swap->state == STATE_BAKE))
		show_gates(app);
	gavea_sample(app->check, app->series[0], swaps ? swap->state : STATE_IDLE);
	if (app->world.traffic_seen && app->world.traffic.share != SHARE_UNKNOWN)
		gavea_sample(app->check, app->series[1], app->world.traffic.share / 10000.0);
	gavea_sample(app->check, app->series[2], swaps ? (double)elapsed(app) / 1e9 : 0);
}

/* ---- "status" ---- */

static void json_gates(const struct app *app, struct json *json)
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
		json_kv_double(json, "lower", gate->lower);
		json_kv_double(json, "upper", gate->upper);
		json_kv_double(json, "threshold", gate->threshold);
		json_kv_int(json, "needed", (int64_t)gate->needed);
		json_kv_string(json, "reason", gate->reason);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_colours(const struct app *app, struct json *json)
{
	const struct world *world = &app->world;

	json_key(json, "colours");
	json_array_begin(json);
	for (enum colour c = 0; c < COLOURS; c++) {
		const struct traffic_side *side = &world->traffic.side[c];

		json_object_begin(json);
		json_kv_string(json, "colour", colour_name(c));
		json_kv_string(json, "service",
			world->service_seen[c] ? service_state_name(world->service[c].state) : "unknown");
		if (world->traffic_seen) {
			json_kv_string(json, "proxy", side->state);
			json_kv_int(json, "servers", side->servers);
			json_kv_int(json, "up", side->up);
			json_kv_int(json, "draining", side->draining);
			json_kv_int(json, "sessions", side->sessions);
			json_kv_int(json, "queued", side->queued);
		}
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_swap(const struct app *app, struct json *json)
{
	const struct swap *swap = &app->swap;

	json_kv_string(json, "id", swap->id);
	json_kv_string(json, "release", swap->release);
	json_kv_string(json, "before", swap->before);
	json_kv_string(json, "by", swap->by);
	json_kv_string(json, "old", colour_name((enum colour)swap->old));
	json_kv_string(json, "new", colour_name((enum colour)swap->new));
	json_kv_int(json, "step", swap->step + 1);
	json_kv_int(json, "steps", (int64_t)app->settings.step_count);
	json_kv_double(json, "aim_percent",
		swap->state < STATE_SHIFT          ? 0
			: swap->state > STATE_HOLD ? swap->share / 100.0
						   : machine_step(&app->settings, swap)->share / 100.0);
	json_kv_int(json, "started_ms", swap->started_ms);
	json_kv_int(json, "entered_ms", swap->entered_ms);
	json_kv_double(json, "elapsed_seconds", (double)elapsed(app) / 1e9);
	json_kv_double(json, "hold_seconds", (double)hold_of(app) / 1e9);
	json_kv_bool(json, "paused", swap->paused);
	json_kv_string(json, "reason", swap->reason);
	json_kv_string(json, "waiting_for", app->decision.text);
	json_kv_string(json, "trouble", app->trouble);
	json_kv_string(json, "verdict", verdict_name(app->world.gates));
	json_gates(app, json);
}

void app_show_json(struct app *app, struct buf *out)
{
	struct json json;
	char text[1024];
	enum gavea_status status = app_summary(app, text, sizeof text);
	bool swaps = app_swaps(app) && !*app->damage;

	json_init(&json, out);
	json_object_begin(&json);
	json_kv_string(&json, "app", app->settings.app);
	json_kv_string(&json, "status", status_name(status));
	json_kv_string(&json, "summary", text);
	json_kv_string(&json, "state",
		*app->damage    ? "FROZEN"
			: swaps ? state_name(app->swap.state)
				: "IDLE");
	if (app->world.traffic_seen && app->world.traffic.share != SHARE_UNKNOWN)
		json_kv_double(&json, "green_percent", app->world.traffic.share / 100.0);
	json_colours(app, &json);
	if (swaps)
		json_swap(app, &json);
	else {
		struct outcome outcome;

		memory_outcome(app, &outcome);
		json_key(&json, "last");
		json_object_begin(&json);
		json_kv_string(&json, "id", outcome.id);
		json_kv_string(&json, "release", outcome.release);
		json_kv_string(&json, "outcome", state_name(outcome.state));
		json_kv_int(&json, "ended_ms", outcome.ended_ms);
		json_kv_string(&json, "reason", outcome.reason);
		json_object_end(&json);
	}
	json_object_end(&json);
	buf_add_char(out, '\n');
}

void app_show_text(struct app *app, struct buf *out)
{
	const struct world *world = &app->world;
	char text[1024];
	enum gavea_status status = app_summary(app, text, sizeof text);

	buf_printf(out, "%s: %s\n%s\n", app->settings.app, status_name(status), text);
	for (enum colour c = 0; c < COLOURS; c++) {
		const struct traffic_side *side = &world->traffic.side[c];

		buf_printf(out, "  %-6s %s", colour_name(c),
			world->service_seen[c] ? service_state_name(world->service[c].state) : "unknown");
		if (world->traffic_seen && side->servers >= 0)
			buf_printf(out, ", proxy: %d of %d up, %s, %lld sessions, %lld queued", side->up,
				side->servers, side->state, (long long)side->sessions,
				(long long)side->queued);
		buf_add_char(out, '\n');
	}
	if (!app_swaps(app) || *app->damage)
		return;
	for (size_t i = 0; i < app->settings.gate_count; i++)
		buf_printf(out, "  gate %s: %s: %s\n", app->settings.gates[i].text,
			verdict_name(app->gates[i].verdict), app->gates[i].reason);
}
