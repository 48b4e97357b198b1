/* SPDX-License-Identifier: Apache-2.0 */
/* One tick: look, decide, do, as long as there is something to do at once. */
#include "app.h"
#include "machine_parts.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <stdio.h>

#define ROUNDS_MAX 64
#define SAME_MAX 3 /* an effect that is not seen after so many rounds is left for the next tick */
#define RECOVERIES_MAX 3
#define RECOVERIES_LAST_MS (10 * 60 * 1000) /* a recovery longer after the last one is the first again */

/* Nobody looked for too long: what was measured before has no connection to what comes. */
static void begin_hold_anew(struct app *app, int64_t now_boot, int64_t gap)
{
	struct swap next = app->swap;
	char text[32];
	int r;

	state_enter(&next, next.state, next.part,
		machine_timeout(&app->settings, &next, next.state, next.part), now_boot, clock_unix_ms(),
		app->boot_id);
	r = app_write(app, &next);
	if (r < 0) {
		snprintf(app->trouble, sizeof app->trouble, "the journal can't be written: %s", strerror(-r));
		return;
	}
	tally_reset(&app->tally);
	app_say(app, "swap-step", GAVEA_WARNING, "%s: nobody looked for %s: step %u is held anew",
		app->settings.app, gap < 0 ? "an unknown time" : format_duration_rough(text, gap),
		app->swap.step + 1);
}

static void mind_gap(struct app *app, int64_t now_boot)
{
	int64_t gap = app->looked_boot ? now_boot - app->looked_boot : -1;

	if (app->swap.state == STATE_HOLD && (gap < 0 || gap > app->settings.gap) &&
		app->swap.entered_boot != now_boot)
		begin_hold_anew(app, now_boot, gap);
	app->looked_boot = now_boot;
}

/* The first tick after the plugin was loaded with a swap under way: it was interrupted. */
static void recover(struct app *app)
{
	struct swap next = app->swap;
	int64_t now_ms = clock_unix_ms();
	struct decision decision = {.action = ACTION_WAIT};
	_cleanup_error_ struct error error = ERROR_INIT;

	app->recovered = true;
	if (next.state == STATE_FROZEN)
		return;
	next.recoveries = now_ms - next.recovered_ms > RECOVERIES_LAST_MS || now_ms < next.recovered_ms
		? 1
		: next.recoveries + 1;
	next.recovered_ms = now_ms;
	if (app_write(app, &next) < 0)
		return;
	app_say(app, "swap-recovered", GAVEA_WARNING, "%s: the agent was interrupted in %s and goes on",
		app->settings.app, state_name(next.state));
	if (next.recoveries < RECOVERIES_MAX)
		return;
	if (next.state < STATE_FINALIZE && !next.irreversible)
		decide(&decision, ACTION_ROLL_BACK, "the agent was interrupted %u times in %s",
			next.recoveries, state_name(next.state));
	else if (next.recoveries >= 3 * RECOVERIES_MAX || next.state < STATE_FINALIZE)
		decide(&decision, ACTION_FREEZE, "the agent was interrupted %u times in %s", next.recoveries,
			state_name(next.state));
	(void)app_apply(app, &decision, gavea_deadline(app->check), &error);
}

/* A lease is renewed at a third of its time; without one nothing goes forward. */
static void mind_lease(struct app *app, int64_t deadline)
{
	struct decision decision = {.action = ACTION_LEASE};
	_cleanup_error_ struct error error = ERROR_INIT;
	int64_t left = app->leased_boot - clock_ns(CLOCK_BOOTTIME);

	if (streq(app->settings.lease.provider, "none") || app->swap.token == 0 ||
		app->leased_boot == INT64_MAX || left > app->settings.lease.ttl * 2 / 3 ||
		app->swap.state >= STATE_FINALIZE)
		return;
	if (app_apply(app, &decision, deadline, &error) < 0)
		gavea_log(app->check, GAVEA_LOG_WARNING, "the lease could not be renewed: %s",
			error_text(&error, -EIO));
}

static bool needs_lease(const struct app *app, const struct decision *decision)
{
	return decision->action == ACTION_NEXT && decision->state < STATE_FINALIZE &&
		decision->state > STATE_PRECHECK && !app->world.leased;
}

static bool is_effect(enum action action)
{
	return action >= ACTION_STAGE && action <= ACTION_LEASE;
}

/* Whether there may be more to do. */
static bool round_of(struct app *app, int64_t deadline, struct decision *last, unsigned *same)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct decision *decision = &app->decision;
	int r;

	app_look(app, deadline);
	snprintf(app->world.effect_error, sizeof app->world.effect_error, "%.255s", app->trouble);
	machine_decide(&app->settings, &app->swap, &app->world, clock_ns(CLOCK_BOOTTIME), decision);
	if (app->executed && state_is_exposed(app->swap.state))
		decide(decision, ACTION_ROLL_BACK,
			"nobody watched it for longer than the dead man's switch allows");
	app->executed = false;
	if (needs_lease(app, decision))
		decide(decision, ACTION_WAIT, "there is no lease to go on: %s", app->world.lease_error);
	*same = decision->action == last->action && decision->colour == last->colour ? *same + 1 : 0;
	*last = *decision;
	if (is_effect(decision->action) && *same >= SAME_MAX)
		return false;
	r = app_apply(app, decision, deadline, &error);
	snprintf(app->trouble, sizeof app->trouble, "%s", r < 0 ? error_text(&error, r) : "");
	return r > 0;
}

void app_tick(struct app *app, int64_t deadline)
{
	struct decision last = {.action = ACTION_WAIT};
	unsigned same = 0;

	if (!app_swaps(app) || *app->damage) {
		app_heartbeat(app);
		app->looked_boot = 0;
		app_look(app, deadline);
		return;
	}
	if (!app->recovered)
		recover(app);
	mind_gap(app, clock_ns(CLOCK_BOOTTIME));
	mind_lease(app, deadline);
	app_heartbeat(app);
	for (int i = 0; i < ROUNDS_MAX && app_swaps(app) && !gavea_cancelled(app->check) &&
		clock_ns(CLOCK_MONOTONIC) < deadline && round_of(app, deadline, &last, &same);
		i++)
		;
	app_heartbeat(app);
	if (app_swaps(app) && (app->swap.state == STATE_HOLD || app->swap.state == STATE_BAKE) &&
		app->looked_boot - app->kept_boot > app->settings.gap / 6) {
		memory_keep_tally(app);
		app->kept_boot = app->looked_boot;
	}
}
