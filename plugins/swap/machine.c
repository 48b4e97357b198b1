/* SPDX-License-Identifier: Apache-2.0 */
#include "machine_parts.h"

#include "base/clock.h"

#include <stdio.h>

#define STARTS_MAX 2 /* a crash may have come between the first one and its intent */

static void decide_precheck(const struct settings *settings, const struct swap *swap,
	const struct world *world, struct decision *decision)
{
	char why[256];

	if (!world->ready)
		decide(decision, ACTION_WAIT, "%s", world->ready_text);
	else if (!world_serves(world, (enum colour)swap->old, why, sizeof why))
		decide(decision, ACTION_WAIT, "the old colour has to serve at full capacity first: %s", why);
	else if (swap->strategy != STRATEGY_ROLLING && !world_has_share(world, machine_green(swap, 0)))
		decide(decision, ACTION_WAIT,
			"the proxy does not send all requests to %s, in memory and on disk",
			colour_name((enum colour)swap->old));
	else if (!world->leased)
		decide(decision, ACTION_LEASE, "%s", world->lease_error);
	else if (!decide_hooks(settings, swap, world, decision))
		decide_next(settings, swap, decision);
}

static void decide_staged(const struct settings *settings, const struct swap *swap, const struct world *world,
	struct decision *decision)
{
	if (world->staged)
		decide_next(settings, swap, decision);
	else if (world->stage_failed)
		decide_roll_back(decision, false, world->stage_error);
	else
		decide(decision, ACTION_STAGE, "%s",
			*world->stage_error ? world->stage_error : swap->release);
}

static void did_not_start(
	const struct swap *swap, const struct service_view *service, struct decision *decision)
{
	char why[REASON_SIZE];

	snprintf(why, sizeof why, "the release does not start: after %u tries its service is %s (%s)",
		swap->attempt, service_state_name(service->state), service->text);
	decide_roll_back(decision, true, why);
}

static void decide_start(const struct swap *swap, const struct world *world, struct decision *decision)
{
	enum colour new = (enum colour)swap->new;
	const struct service_view *service = &world->service[new];

	if (!world->service_seen[new])
		decide(decision, ACTION_WAIT, "%s", world->service_error);
	else if (service->state == SERVICE_RUNNING)
		decide_part(swap, PART_UP, decision);
	else if (service->state == SERVICE_STARTING || service->state == SERVICE_STOPPING)
		decide(decision, ACTION_WAIT, "%s is %s: %s", colour_name(new),
			service_state_name(service->state), service->text);
	else if (swap->attempt >= STARTS_MAX)
		did_not_start(swap, service, decision);
	else {
		decision->attempt = swap->attempt + 1;
		decide_colour(decision, ACTION_START, new);
	}
}

/* It runs: is it up at the proxy, and does it stay so? */
static void decide_up(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *decision)
{
	enum colour new = (enum colour)swap->new;
	const struct service_view *service = &world->service[new];
	bool rolling = swap->strategy == STRATEGY_ROLLING;
	char why[256];

	if (!world->service_seen[new]) {
		decide(decision, ACTION_WAIT, "%s", world->service_error);
	} else if (service->state != SERVICE_RUNNING || service->restarts > swap->restarts) {
		snprintf(why, sizeof why, "the release does not stay up: %s is %s (%s), restarted %u times",
			colour_name(new), service_state_name(service->state), service->text,
			service->restarts);
		decide_roll_back(decision, true, why);
	} else if (!rolling && !world_serves(world, new, why, sizeof why)) {
		decide_unready(world, new, why, decision);
	} else if (now_boot - swap->entered_boot < settings->settle) {
		decide(decision, ACTION_WAIT, "it is up; does it stay so?");
	} else {
		decide_next(settings, swap, decision);
	}
}

/* What runs there of an earlier release has no clients, but it may be all that could serve. */
static void decide_stopped(const struct swap *swap, const struct world *world, struct decision *decision)
{
	enum colour new = (enum colour)swap->new;
	bool rolling = swap->strategy == STRATEGY_ROLLING;
	char why[256];

	if (!world->service_seen[new])
		decide(decision, ACTION_WAIT, "%s", world->service_error);
	else if (world->service[new].state == SERVICE_STOPPED || world->service[new].state == SERVICE_FAILED)
		decide_part(swap, PART_START, decision);
	else if (!rolling && !world_serves(world, (enum colour)swap->old, why, sizeof why))
		decide(decision, ACTION_WAIT, "%s stays up: %s", colour_name(new), why);
	else
		decide_colour(decision, ACTION_STOP, new);
}

static void decide_started(const struct settings *settings, const struct swap *swap,
	const struct world *world, int64_t now_boot, struct decision *decision)
{
	enum colour new = (enum colour)swap->new;

	if (swap->part == PART_FIRST) {
		if (decide_hooks(settings, swap, world, decision))
			return;
		if (settings->release.link && !world->link_seen) {
			decide(decision, ACTION_WAIT, "the link of the release can't be read");
		} else if (settings->release.link && !streq(world->linked, swap->release)) {
			decision->release = swap->release;
			decide_colour(decision, ACTION_LINK, new);
		} else {
			decide_part(swap, PART_STOP, decision);
		}
	} else if (swap->part == PART_STOP) {
		decide_stopped(swap, world, decision);
	} else if (swap->part == PART_START) {
		decide_start(swap, world, decision);
	} else {
		decide_up(settings, swap, world, now_boot, decision);
	}
}

static void decide_shift(const struct settings *settings, const struct swap *swap, const struct world *world,
	struct decision *decision)
{
	uint32_t share = machine_green(swap, machine_step(settings, swap)->share);
	char why[256];

	if (world_broken(world, (enum colour)swap->new, swap->restarts, why, sizeof why)) {
		decide_roll_back(decision, true, why);
	} else if (world_has_share(world, share)) {
		decide_next(settings, swap, decision);
	} else {
		decision->share = share;
		decide(decision, ACTION_SHARE, "%s", world->traffic_seen ? "" : world->traffic_error);
	}
}

/* The time of a hold or bake is over: the verdict decides, never the clock. */
static void decide_verdict(const struct settings *settings, const struct swap *swap,
	const struct world *world, int64_t now_boot, struct decision *decision)
{
	char why[REASON_SIZE];

	if (world->gates == VERDICT_PASS) {
		decide_next(settings, swap, decision);
	} else if (swap_is_late(swap, now_boot) && settings->inconclusive_rolls_back) {
		snprintf(why, sizeof why, "no verdict within max_hold: %.200s", world->gates_text);
		decide_roll_back(decision, false, why);
	} else if (swap_is_late(swap, now_boot) && now_boot - swap->deadline_boot >= settings->max_pause) {
		snprintf(why, sizeof why, "no verdict, and nobody decided within max_pause: %.200s",
			world->gates_text);
		decide_roll_back(decision, false, why);
	} else {
		decide(decision, ACTION_WAIT, "%s%s",
			swap_is_late(swap, now_boot) ? "held: promote, abort or wait; " : "held longer: ",
			world->gates_text);
	}
}

static void decide_hold(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *decision)
{
	bool bake = swap->state == STATE_BAKE, rolling = swap->strategy == STRATEGY_ROLLING;
	uint32_t share = machine_green(swap, bake ? SHARE_ALL : machine_step(settings, swap)->share);
	int64_t hold = bake ? (rolling ? 0 : settings->keep_old) : machine_step(settings, swap)->hold;
	char why[REASON_SIZE];

	if (world_broken(world, (enum colour)swap->new, swap->restarts, why, sizeof why)) {
		decide_roll_back(decision, true, why);
	} else if (world->gates == VERDICT_FAIL) {
		decide_roll_back(decision, true, world->gates_text);
	} else if (!rolling && world->traffic_seen && !world_has_share(world, share)) {
		decision->share = share;
		decide(decision, ACTION_SHARE, "the proxy has forgotten the share");
	} else if (bake && decide_hooks(settings, swap, world, decision)) {
		return;
	} else if (swap->wish == WISH_PROMOTE) {
		decide_next(settings, swap, decision);
	} else if (swap->paused && now_boot - swap->paused_boot >= settings->max_pause) {
		decide_roll_back(decision, false, "it was paused for longer than max_pause");
	} else if (swap->paused) {
		decide(decision, ACTION_WAIT, "paused by %s", swap->paused_by);
	} else if (now_boot - swap->entered_boot < hold) {
		decide(decision, ACTION_WAIT, "%s", world->gates_text);
	} else {
		decide_verdict(settings, swap, world, now_boot, decision);
	}
}

static void decide_finalize(const struct settings *settings, const struct swap *swap,
	const struct world *world, struct decision *decision)
{
	enum colour old = (enum colour)swap->old;

	if (swap->strategy == STRATEGY_ROLLING) {
		if (!decide_hooks(settings, swap, world, decision))
			decide_next(settings, swap, decision);
	} else if (!world->service_seen[old] || !world->service_seen[swap->new]) {
		decide(decision, ACTION_WAIT, "%s", world->service_error);
	} else if (world->service[old].state == SERVICE_RUNNING ||
		world->service[old].state == SERVICE_STARTING) {
		/* Never both down: the new colour has to serve when the old one stops. */
		char why[256];

		if (!world_serves(world, (enum colour)swap->new, why, sizeof why))
			decide(decision, ACTION_WAIT, "the old colour stays up: %s", why);
		else
			decide_colour(decision, ACTION_STOP, old);
	} else if (world->service[swap->new].state == SERVICE_STOPPED ||
		world->service[swap->new].state == SERVICE_FAILED) {
		/* After a boot neither may run: the way is forward only, so it is the new one that comes back. */
		decide_colour(decision, ACTION_START, (enum colour)swap->new);
	} else if (!decide_hooks(settings, swap, world, decision)) {
		decide_next(settings, swap, decision);
	}
}

static void decide_frozen(const struct settings *settings, const struct swap *swap, struct decision *decision)
{
	if (swap->wish == WISH_ABORT || swap->wish == WISH_ROLLBACK) {
		decide_roll_back(decision, swap->wish == WISH_ROLLBACK, swap->reason);
	} else if (swap->wish == WISH_UNFREEZE) {
		decide(decision, ACTION_NEXT, "unfrozen by %s", swap->wish_by);
		decision->state = swap->frozen_in;
		decision->part = swap->frozen_in == STATE_ROLLING_BACK || swap->frozen_in == STATE_STARTED
			? PART_FIRST
			: swap->part;
		decision->step = swap->step;
	} else {
		decide(decision, ACTION_WAIT, "%s", swap->reason);
	}
	(void)settings;
}

static void decide_state(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *decision)
{
	switch (swap->state) {
	case STATE_PRECHECK:
		decide_precheck(settings, swap, world, decision);
		break;
	case STATE_STAGED:
		decide_staged(settings, swap, world, decision);
		break;
	case STATE_MIGRATE:
	case STATE_SMOKE:
		if (!decide_hooks(settings, swap, world, decision))
			decide_next(settings, swap, decision);
		break;
	case STATE_STARTED:
		decide_started(settings, swap, world, now_boot, decision);
		break;
	case STATE_SHIFT:
		decide_shift(settings, swap, world, decision);
		break;
	case STATE_HOLD:
	case STATE_BAKE:
		decide_hold(settings, swap, world, now_boot, decision);
		break;
	case STATE_DRAIN:
		if (decide_drained(swap, world, (enum colour)swap->old, now_boot, decision))
			decide_next(settings, swap, decision);
		break;
	case STATE_FINALIZE:
		decide_finalize(settings, swap, world, decision);
		break;
	default:
		decide(decision, ACTION_WAIT, "nothing to do");
	}
}

/* What an unattended deadline does. */
static void decide_late(const struct swap *swap, const struct world *world, struct decision *decision)
{
	char why[REASON_SIZE];

	snprintf(why, sizeof why, "%s was not over in time: %.400s", state_name(swap->state),
		*world->effect_error      ? world->effect_error
			: *decision->text ? decision->text
					  : "its aim was not seen");
	if (swap->state == STATE_FINALIZE || (swap->state == STATE_ROLLING_BACK && swap->part <= PART_SHARE))
		decide(decision, ACTION_FREEZE, "%s", why);
	else
		decide_roll_back(decision, swap->state == STATE_STARTED && swap->part >= PART_START, why);
}

/* Going back over a migration that can't be undone is for a person to decide. */
static void respect_migration(const struct swap *swap, struct decision *decision)
{
	char why[REASON_SIZE];

	if (decision->action != ACTION_ROLL_BACK || !swap->irreversible || swap->state == STATE_FROZEN)
		return;
	snprintf(why, sizeof why, "%.400s; not rolled back, since a migration that can't be undone was begun",
		decision->text);
	decide(decision, ACTION_FREEZE, "%s", why);
}

/* Whether the deadline of the state decides instead: it does not where something is over anyway, nor in states that
 * look at it themselves. */
static bool is_overdue(const struct swap *swap, const struct decision *decision, int64_t now_boot)
{
	switch (decision->action) {
	case ACTION_NEXT:
	case ACTION_HOOK_DONE:
	case ACTION_END:
	case ACTION_ROLL_BACK:
	case ACTION_FREEZE:
		return false;
	default:
		break;
	}
	return swap_is_late(swap, now_boot) && swap->state != STATE_HOLD && swap->state != STATE_BAKE &&
		swap->state != STATE_DRAIN && swap->state != STATE_FROZEN &&
		!(swap->state == STATE_ROLLING_BACK && swap->part > PART_SHARE);
}

void machine_decide(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *ret_decision)
{
	struct decision decision = {.state = swap->state, .part = swap->part, .step = swap->step};
	bool asked_back = swap->wish == WISH_ABORT || swap->wish == WISH_ROLLBACK;

	if (swap->state == STATE_FROZEN)
		decide_frozen(settings, swap, &decision);
	else if (asked_back && swap->state < STATE_FINALIZE) {
		char why[REASON_SIZE];

		snprintf(why, sizeof why, "%s by %s", swap->wish == WISH_ABORT ? "aborted" : "rolled back",
			swap->wish_by);
		decide_roll_back(&decision, swap->wish == WISH_ROLLBACK, why);
	} else if (swap->state == STATE_ROLLING_BACK)
		decide_rolling_back(settings, swap, world, now_boot, &decision);
	else if (swap->strategy == STRATEGY_ROLLING &&
		(swap->state == STATE_DRAIN || swap->state == STATE_SHIFT))
		decide_rolling(settings, swap, world, now_boot, &decision);
	else
		decide_state(settings, swap, world, now_boot, &decision);
	if (is_overdue(swap, &decision, now_boot))
		decide_late(swap, world, &decision);
	respect_migration(swap, &decision);
	if (decision.action == ACTION_NEXT)
		decision.timeout = machine_timeout(settings, swap, decision.state, decision.part);
	*ret_decision = decision;
}
