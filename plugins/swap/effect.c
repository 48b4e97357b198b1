/* SPDX-License-Identifier: Apache-2.0 */
/* Doing what was decided: changes of state are written down, effects are asked for. */
#include "app.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>

/* ---- Changes of state ---- */

static void enter(struct app *app, struct swap *next, uint32_t state, uint32_t part, int64_t timeout)
{
	state_enter(next, state, part, timeout, clock_ns(CLOCK_BOOTTIME), clock_unix_ms(), app->boot_id);
}

/* Ends a hook that runs, and what it left behind. */
static void end_hook(struct app *app, const struct swap *swap, int64_t deadline)
{
	_cleanup_(hook_words_done) struct hook_words words = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct hook_launch launch;
	char folder[600];

	if (!app_launch(app, swap, &launch, &words) || !app_path(app, "hooks", folder, sizeof folder))
		return;
	launch.folder = folder;
	if (hook_end(&launch, deadline, &error) < 0)
		gavea_log(app->check, GAVEA_LOG_WARNING, "hook %s: %s", launch.key, error_text(&error, -EIO));
}

static void say_next(struct app *app, const struct swap *before)
{
	const struct swap *swap = &app->swap;

	if (before->state == STATE_HOLD || before->state == STATE_BAKE)
		app_say(app, "swap-verdict", GAVEA_OK, "%s: %s: %s%s%s", app->settings.app,
			state_name(before->state), app->world.gates_text,
			before->wish == WISH_PROMOTE ? "; promoted by " : "",
			before->wish == WISH_PROMOTE ? before->wish_by : "");
	if (swap->state == STATE_SHIFT || swap->state == STATE_HOLD)
		app_say(app, "swap-step", GAVEA_OK, "%s: %s step %u of %zu, %u.%02u %%", app->settings.app,
			state_name(swap->state), swap->step + 1, app->settings.step_count,
			machine_step(&app->settings, swap)->share / 100,
			machine_step(&app->settings, swap)->share % 100);
	else
		app_say(app, "swap-step", GAVEA_OK, "%s: %s", app->settings.app, state_name(swap->state));
}

static int apply_next(struct app *app, const struct decision *decision)
{
	struct swap before = app->swap, next = app->swap;
	bool moves = decision->state != before.state || decision->step != before.step;
	int r = before.state == STATE_FROZEN ? 0 : app_done(app);

	if (r < 0)
		return r;
	if (before.state == STATE_SHIFT && before.strategy != STRATEGY_ROLLING)
		next.share = machine_step(&app->settings, &before)->share;
	if (before.state == STATE_ROLLING_BACK && before.part == PART_SHARE)
		next.share = 0;
	next.step = decision->step;
	enter(app, &next, decision->state, decision->part, decision->timeout);
	if (before.state == STATE_FROZEN)
		next.hook = before.hook;
	if (moves && next.wish != WISH_ABORT && next.wish != WISH_ROLLBACK)
		next.wish = WISH_NONE;
	r = app_write(app, &next);
	if (r < 0 || !moves)
		return r;
	app_span(app, &before, 0);
	/* Before the first client is sent there, somebody has to watch. */
	if (next.state == STATE_SHIFT)
		app_heartbeat(app);
	if (next.state == STATE_HOLD || next.state == STATE_BAKE) {
		/* What a rolling app has in its hold is the new release's already. */
		if (next.state == STATE_HOLD || next.old != next.new)
			tally_pass(&app->tally, (enum colour)next.old, &app->past);
		tally_reset(&app->tally);
		app->kept_boot = 0;
	}
	say_next(app, &before);
	return 0;
}

static int apply_roll_back(struct app *app, const struct decision *decision, int64_t deadline)
{
	struct swap before = app->swap, next = app->swap;
	int r;

	if (before.state == STATE_FROZEN)
		next.reached = before.frozen_in == STATE_ROLLING_BACK ? before.reached : before.frozen_in;
	else
		next.reached = before.state;
	next.ban |= decision->ban;
	next.wish = WISH_NONE;
	next.paused = false;
	snprintf(next.reason, sizeof next.reason, "%s", decision->text);
	enter(app, &next, STATE_ROLLING_BACK, PART_FIRST,
		machine_timeout(&app->settings, &next, STATE_ROLLING_BACK, PART_FIRST));
	r = app_write(app, &next);
	if (r < 0)
		return r;
	if (next.ban)
		(void)memory_ban(app, &next);
	end_hook(app, &before, deadline);
	stager_free(TAKE_PTR(app->stager));
	app_span(app, &before, -ECANCELED);
	app_say(app, "swap-rolling-back", GAVEA_CRITICAL, "%s: going back to %s from %s: %s",
		app->settings.app, colour_name((enum colour)next.old), state_name(next.reached), next.reason);
	return 0;
}

static int apply_freeze(struct app *app, const struct decision *decision, int64_t deadline)
{
	struct swap before = app->swap, next = app->swap;
	int r;

	next.frozen_in = before.state;
	next.wish = WISH_NONE;
	snprintf(next.reason, sizeof next.reason, "%s", decision->text);
	enter(app, &next, STATE_FROZEN, before.part, INT64_MAX);
	next.hook = before.hook;
	r = app_write(app, &next);
	if (r < 0)
		return r;
	end_hook(app, &before, deadline);
	app_span(app, &before, -EIO);
	app_say(app, "swap-frozen", GAVEA_CRITICAL, "%s: frozen in %s: %s", app->settings.app,
		state_name(next.frozen_in), next.reason);
	return 0;
}

static int apply_end(struct app *app, const struct decision *decision, int64_t deadline)
{
	struct swap ended = app->swap;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = 0;

	if (ended.ban && decision->state == STATE_ROLLED_BACK)
		r = memory_ban(app, &ended);
	if (r == 0)
		r = app_end(app, decision->state);
	if (r < 0)
		return r;
	app_span(app, &ended, 0);
	app_tidy(app);
	if (!streq(app->settings.lease.provider, "none") &&
		lease_give(&app->settings.lease, app->holder, deadline, &error) < 0)
		gavea_log(app->check, GAVEA_LOG_WARNING, "the lease could not be given back: %s",
			error_text(&error, -EIO));
	app->leased_boot = 0;
	if (app->settings.release.directory)
		(void)release_tidy(&app->settings.release, app->settings.keep_releases, NULL);
	if (*ended.next_release && decision->state == STATE_ROLLED_BACK)
		return app_supersede(app, &ended);
	return 0;
}

/* ---- Hooks ---- */

static int apply_hook_start(
	struct app *app, const struct decision *decision, int64_t deadline, struct error *error)
{
	_cleanup_(hook_words_done) struct hook_words words = {0};
	const struct hookspec *hook = machine_hook(&app->settings, &app->swap);
	struct swap before = app->swap, next = app->swap;
	struct hook_launch launch;
	char folder[600];
	int r = 0;

	next.attempt = decision->attempt;
	next.asking = decision->action == ACTION_HOOK_ASK;
	next.irreversible |= hook->irreversible && !next.asking;
	if (before.attempt != next.attempt || before.asking != next.asking) {
		end_hook(app, &before, deadline);
		snprintf(next.begun_boot_id, sizeof next.begun_boot_id, "%s", app->boot_id);
		r = app_write(app, &next);
	}
	if (r < 0)
		return error_set(error, r, "the journal can't be written: %s", strerror(-r));
	if (!app_launch(app, &app->swap, &launch, &words) || !app_path(app, "hooks", folder, sizeof folder))
		return error_set(error, -ENOENT, "hooks need the check's state directory, and there is none");
	launch.folder = folder;
	r = hook_start(&launch, deadline, error);
	if (r == 0)
		app_say(app, "swap-hook", GAVEA_OK, "%s: hook %s/%s begins, attempt %u%s", app->settings.app,
			phase_name(hook->phase), hook->name, next.attempt,
			next.asking ? ", to tell whether it was done" : "");
	return r;
}

static int apply_hook_done(struct app *app, const struct decision *decision, int64_t deadline)
{
	const struct hookspec *hook = machine_hook(&app->settings, &app->swap);
	bool well = streq(decision->text, "done");
	struct swap before = app->swap, next = app->swap;
	int r = app_done(app);

	if (r < 0)
		return r;
	next.hook++;
	next.attempt = 0;
	next.asking = false;
	r = app_write(app, &next);
	if (r < 0)
		return r;
	end_hook(app, &before, deadline);
	app_say(app, "swap-hook", well ? GAVEA_OK : GAVEA_WARNING, "%s: hook %s/%s: %s", app->settings.app,
		phase_name(hook->phase), hook->name, decision->text);
	return 0;
}

/* ---- Effects ---- */

static int start_stage(struct app *app)
{
	struct release release;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (app->stager)
		return 0;
	r = release_parse(app->swap.release, *app->swap.digest ? app->swap.digest : NULL,
		&app->settings.release, &release, &error);
	if (r < 0) {
		snprintf(app->world.stage_error, sizeof app->world.stage_error, "%s", error_text(&error, r));
		return r;
	}
	return stager_new(&app->settings.release, &release,
		clock_ns(CLOCK_MONOTONIC) + app->settings.stage_timeout, &app->stager);
}

static int switch_link(struct app *app, const struct decision *decision, struct error *error)
{
	struct release release = {0};

	snprintf(release.name, sizeof release.name, "%s", decision->release);
	return release_switch(&app->settings.release, decision->colour, &release, error);
}

static int take_lease(struct app *app, int64_t deadline, struct error *error)
{
	struct lease lease;
	struct swap next = app->swap;
	int64_t now = clock_ns(CLOCK_BOOTTIME);
	int r = lease_take(&app->settings.lease, app->holder, deadline, &lease, error);

	if (r < 0) {
		snprintf(app->world.lease_error, sizeof app->world.lease_error, "%s", error_text(error, r));
		return r;
	}
	if (lease.token && (int64_t)lease.token < app->swap.token)
		return error_set(error, -ESTALE, "the lease's token %llu is older than one that was seen",
			(unsigned long long)lease.token);
	app->leased_boot = lease.ttl > INT64_MAX - now ? INT64_MAX : now + lease.ttl;
	if ((int64_t)lease.token == app->swap.token)
		return 0;
	next.token = (int64_t)lease.token;
	return app_write(app, &next);
}

static int apply_cut(struct app *app, const struct decision *decision, int64_t deadline, struct error *error)
{
	struct swap next = app->swap;
	int r = app->traffic->driver->cut(app->traffic, decision->colour, deadline, error);

	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	enter(app, &next, next.state, PART_CUT, app->settings.drain_timeout);
	app_say(app, "swap-step", GAVEA_WARNING, "%s: the last sessions of %s were cut", app->settings.app,
		colour_name(decision->colour));
	return app_write(app, &next);
}

static int act_on_traffic(
	struct app *app, const struct decision *decision, int64_t deadline, struct error *error)
{
	const struct traffic_driver *driver = app->traffic->driver;
	int r;

	if (decision->action == ACTION_SHARE)
		return driver->set(app->traffic, decision->share, deadline, error);
	r = decision->action == ACTION_DRAIN ? driver->drain(app->traffic, decision->colour, deadline, error)
					     : driver->ready(app->traffic, decision->colour, deadline, error);
	if (r == -EOPNOTSUPP && decision->action == ACTION_DRAIN)
		app->world.undrainable = true;
	return r == -EOPNOTSUPP ? 0 : r;
}

static int act(struct app *app, const struct decision *decision, int64_t deadline, struct error *error)
{
	const struct service_driver *service = app->service->driver;

	switch (decision->action) {
	case ACTION_STAGE:
		return start_stage(app);
	case ACTION_LINK:
		return switch_link(app, decision, error);
	case ACTION_START:
	case ACTION_RESTART:
		return service->start(
			app->service, decision->colour, decision->action == ACTION_RESTART, deadline, error);
	case ACTION_STOP:
		return service->stop(app->service, decision->colour, deadline, error);
	case ACTION_SHARE:
	case ACTION_READY:
	case ACTION_DRAIN:
		return act_on_traffic(app, decision, deadline, error);
	case ACTION_LEASE:
		return take_lease(app, deadline, error);
	default:
		return 0;
	}
}

/* How often the new colour was started is written down first: one that does not start is not tried for ever. */
static int apply_start(
	struct app *app, const struct decision *decision, int64_t deadline, struct error *error)
{
	struct swap next = app->swap;
	int r = 0;

	if (decision->attempt > next.attempt) {
		next.attempt = decision->attempt;
		r = app_write(app, &next);
	}
	if (r < 0)
		return error_set(error, r, "the journal can't be written: %s", strerror(-r));
	return act(app, decision, deadline, error);
}

static int journalled(int r, struct error *error)
{
	return r < 0 ? error_set(error, r, "the journal can't be written: %s", strerror(-r)) : 1;
}

int app_apply(struct app *app, const struct decision *decision, int64_t deadline, struct error *error)
{
	int r;

	switch (decision->action) {
	case ACTION_WAIT:
		return 0;
	case ACTION_NEXT:
		return journalled(apply_next(app, decision), error);
	case ACTION_ROLL_BACK:
		return journalled(apply_roll_back(app, decision, deadline), error);
	case ACTION_FREEZE:
		return journalled(apply_freeze(app, decision, deadline), error);
	case ACTION_END:
		return journalled(apply_end(app, decision, deadline), error);
	case ACTION_HOOK_DONE:
		return journalled(apply_hook_done(app, decision, deadline), error);
	case ACTION_HOOK_START:
	case ACTION_HOOK_ASK:
		r = apply_hook_start(app, decision, deadline, error);
		break;
	case ACTION_CUT:
		r = apply_cut(app, decision, deadline, error);
		break;
	case ACTION_START:
		r = apply_start(app, decision, deadline, error);
		break;
	default:
		r = act(app, decision, deadline, error);
	}
	return r < 0 ? r : 1;
}
