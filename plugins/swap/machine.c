/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include "base/clock.h"
#include "base/parse.h"

#include <stdarg.h>
#include <stdio.h>

#define QUIET NSEC_PER_SEC /* between the two looks that say that no session is left */
#define HOOKS_SLACK (60 * NSEC_PER_SEC)

void decide(struct decision *decision, enum action action, const char *format, ...)
{
	va_list args;

	decision->action = action;
	va_start(args, format);
	vsnprintf(decision->text, sizeof decision->text, format, args);
	va_end(args);
}

static void decide_colour(struct decision *decision, enum action action, enum colour colour)
{
	decision->colour = colour;
	decide(decision, action, "%s", colour_name(colour));
}

uint32_t machine_green(const struct swap *swap, uint32_t share)
{
	return swap->new == COLOUR_GREEN ? share : SHARE_ALL - share;
}

/* ---- What the world looks like ---- */

bool world_serves(const struct world *world, enum colour colour, char *text, size_t size)
{
	const struct traffic_side *side = &world->traffic.side[colour];

	if (!world->service_seen[colour])
		snprintf(text, size, "%s: %s", colour_name(colour), world->service_error);
	else if (world->service[colour].state != SERVICE_RUNNING)
		snprintf(text, size, "%s is %s", colour_name(colour),
			service_state_name(world->service[colour].state));
	else if (!world->traffic_seen)
		snprintf(text, size, "the proxy can't be seen: %s", world->traffic_error);
	else if (side->servers == 0)
		snprintf(text, size, "the proxy has no server for %s", colour_name(colour));
	else if (side->servers > 0 && side->draining > 0)
		snprintf(text, size, "%s is drained at the proxy", colour_name(colour));
	else if (side->servers > 0 && side->up < side->servers)
		snprintf(text, size, "the proxy sees %d of %d servers of %s up (%s)", side->up, side->servers,
			colour_name(colour), side->state);
	else
		return true;
	return false;
}

bool world_broken(const struct world *world, enum colour colour, uint32_t restarts, char *text, size_t size)
{
	const struct service_view *service = &world->service[colour];
	const struct traffic_side *side = &world->traffic.side[colour];

	if (world->service_seen[colour] &&
		(service->state == SERVICE_FAILED || service->state == SERVICE_STOPPED))
		snprintf(text, size, "%s has ended by itself: %s (%s)", colour_name(colour),
			service_state_name(service->state), service->text);
	else if (world->service_seen[colour] && restarts != UINT32_MAX && service->restarts > restarts)
		snprintf(text, size, "%s was restarted by its supervisor %u time%s", colour_name(colour),
			service->restarts - restarts, service->restarts - restarts == 1 ? "" : "s");
	else if (world->traffic_seen && side->servers > 0 && side->draining <= 0 &&
		side->up < side->servers &&
		/* "UP 1/2": a check of its health failed; it is not down yet, and not good either. */
		!startswith(side->state, "UP "))
		snprintf(text, size, "the proxy sees %d of %d servers of %s up (%s)", side->up, side->servers,
			colour_name(colour), side->state);
	else
		return false;
	return true;
}

static bool share_is(const struct world *world, uint32_t share)
{
	return world->traffic_seen && world->traffic.share == share &&
		(world->traffic.share_stored == share || world->traffic.share_stored == SHARE_UNKNOWN);
}

static bool late(const struct swap *swap, int64_t now_boot)
{
	return swap->deadline_boot != INT64_MAX && now_boot >= swap->deadline_boot;
}

/* ---- Order and times ---- */

static int64_t hooks_timeout(const struct settings *settings, enum phase phase)
{
	int64_t sum = 0;
	const struct hookspec *hook;

	for (size_t i = 0; (hook = settings_hook(settings, phase, i)); i++)
		sum += hook->timeout * (hook->retry + 2) + HOOKS_SLACK;
	return sum;
}

int64_t machine_timeout(
	const struct settings *settings, const struct swap *swap, uint32_t state, uint32_t part)
{
	switch (state) {
	case STATE_PRECHECK:
		return settings->precheck_timeout + hooks_timeout(settings, PHASE_BEFORE);
	case STATE_STAGED:
		return settings->stage_timeout;
	case STATE_MIGRATE:
		return HOOKS_SLACK + hooks_timeout(settings, PHASE_MIGRATE);
	case STATE_STARTED:
		return part == PART_STOP     ? settings->stop_timeout
			: part == PART_FIRST ? HOOKS_SLACK + hooks_timeout(settings, PHASE_DEPLOY)
					     : settings->start_timeout + settings->settle;
	case STATE_SMOKE:
		return HOOKS_SLACK + hooks_timeout(settings, PHASE_SMOKE);
	case STATE_SHIFT:
		return settings->shift_timeout;
	case STATE_HOLD:
		return settings->steps[MIN(swap->step, settings->step_count - 1)].hold + settings->max_hold;
	case STATE_DRAIN:
		return settings->drain_timeout;
	case STATE_BAKE:
		return settings->keep_old + settings->max_hold + hooks_timeout(settings, PHASE_AFTER);
	case STATE_FINALIZE:
		return settings->stop_timeout + hooks_timeout(settings, PHASE_DONE);
	case STATE_ROLLING_BACK:
		return part == PART_DRAIN    ? settings->drain_timeout
			: part == PART_STOP  ? settings->stop_timeout
			: part == PART_HOOKS ? HOOKS_SLACK + hooks_timeout(settings, PHASE_FAILED)
					     : settings->rollback_timeout;
	default:
		return INT64_MAX;
	}
}

static uint32_t next_state(const struct settings *settings, const struct swap *swap)
{
	bool rolling = swap->strategy == STRATEGY_ROLLING, last = swap->step + 1 >= settings->step_count;

	switch (swap->state) {
	case STATE_PRECHECK:
		return STATE_STAGED;
	case STATE_STAGED:
		return STATE_MIGRATE;
	case STATE_MIGRATE:
		return rolling ? STATE_DRAIN : STATE_STARTED;
	case STATE_STARTED:
		return STATE_SMOKE;
	case STATE_SMOKE:
		return STATE_SHIFT;
	case STATE_SHIFT:
		return STATE_HOLD;
	case STATE_HOLD:
		return rolling ? STATE_BAKE : last ? STATE_DRAIN : STATE_SHIFT;
	case STATE_DRAIN:
		return rolling ? STATE_STARTED : STATE_BAKE;
	case STATE_BAKE:
		return STATE_FINALIZE;
	default:
		return STATE_DONE;
	}
}

void machine_next(const struct settings *settings, const struct swap *swap, struct decision *decision)
{
	decision->state = next_state(settings, swap);
	decision->part = PART_FIRST;
	decision->step =
		swap->state == STATE_HOLD && decision->state == STATE_SHIFT ? swap->step + 1 : swap->step;
	decision->action = decision->state == STATE_DONE ? ACTION_END : ACTION_NEXT;
}

static void decide_next(const struct settings *settings, const struct swap *swap, struct decision *decision)
{
	decide(decision, ACTION_NEXT, "done");
	machine_next(settings, swap, decision);
}

static void decide_part(const struct swap *swap, uint32_t part, struct decision *decision)
{
	decide(decision, ACTION_NEXT, "done");
	decision->state = swap->state;
	decision->step = swap->step;
	decision->part = part;
}

static void decide_roll_back(struct decision *decision, bool ban, const char *text)
{
	decision->ban = ban;
	decide(decision, ACTION_ROLL_BACK, "%s", text);
}

/* ---- Hooks ---- */

const struct hookspec *machine_hook(const struct settings *settings, const struct swap *swap)
{
	static const struct {
		enum state state;
		enum phase phase;
	} of[] = {{STATE_PRECHECK, PHASE_BEFORE}, {STATE_MIGRATE, PHASE_MIGRATE},
		{STATE_STARTED, PHASE_DEPLOY}, {STATE_SMOKE, PHASE_SMOKE}, {STATE_BAKE, PHASE_AFTER},
		{STATE_FINALIZE, PHASE_DONE}, {STATE_ROLLING_BACK, PHASE_FAILED}};

	for (size_t i = 0; i < ARRAY_SIZE(of); i++)
		if (of[i].state == swap->state)
			return settings_hook(settings, of[i].phase, swap->hook);
	return NULL;
}

static void hook_failed(
	const struct hookspec *hook, const struct swap *swap, const char *why, struct decision *decision)
{
	enum on_failure on_failure = hook->on_failure;
	char text[REASON_SIZE];

	snprintf(text, sizeof text, "hook %s/%s: %s", phase_name(hook->phase), hook->name, why);
	if (swap->state == STATE_ROLLING_BACK)
		on_failure = ON_FAILURE_CONTINUE;
	if (swap->state == STATE_FINALIZE && on_failure != ON_FAILURE_CONTINUE)
		on_failure = ON_FAILURE_FREEZE;
	if (on_failure == ON_FAILURE_CONTINUE)
		decide(decision, ACTION_HOOK_DONE, "%s", text);
	else if (on_failure == ON_FAILURE_FREEZE)
		decide(decision, ACTION_FREEZE, "%s", text);
	else
		decide_roll_back(decision, on_failure == ON_FAILURE_ROLLBACK, text);
}

/* It was begun, and what became of it is not known. */
static void hook_lost(const struct hookspec *hook, const struct swap *swap, struct decision *decision)
{
	decision->attempt = swap->attempt + 1;
	if (hook->status)
		decide(decision, ACTION_HOOK_ASK, "%s/%s", phase_name(hook->phase), hook->name);
	else if (hook->phase == PHASE_MIGRATE || hook->irreversible)
		decide(decision, ACTION_FREEZE,
			"hook %s/%s was interrupted, and it has no status action that tells whether it was "
			"done",
			phase_name(hook->phase), hook->name);
	else if (swap->attempt <= hook->retry + 1)
		decide(decision, ACTION_HOOK_START, "%s/%s", phase_name(hook->phase), hook->name);
	else
		hook_failed(hook, swap, "it was interrupted", decision);
}

/* What the status action said. */
static void hook_answered(const struct hookspec *hook, const struct swap *swap, const struct hook_view *view,
	struct decision *decision)
{
	decision->attempt = swap->attempt + 1;
	if (view->state == HOOK_EXITED && view->code == 0)
		decide(decision, ACTION_HOOK_DONE, "done, says its status action");
	else if (view->state == HOOK_EXITED && view->code == 1 && swap->attempt <= 2 * hook->retry + 4)
		decide(decision, ACTION_HOOK_START, "%s/%s", phase_name(hook->phase), hook->name);
	else
		decide(decision, ACTION_FREEZE,
			"hook %s/%s was interrupted, and its status action does not tell whether it was "
			"done: %s",
			phase_name(hook->phase), hook->name, view->text);
}

static void hook_ended(const struct hookspec *hook, const struct swap *swap, const struct hook_view *view,
	struct decision *decision)
{
	if (view->state == HOOK_EXITED && view->code == 0) {
		decide(decision, ACTION_HOOK_DONE, "done");
	} else if (swap->attempt <= hook->retry) {
		decision->attempt = swap->attempt + 1;
		decide(decision, ACTION_HOOK_START, "%s/%s", phase_name(hook->phase), hook->name);
	} else {
		hook_failed(hook, swap, view->text, decision);
	}
}

bool decide_hooks(const struct settings *settings, const struct swap *swap, const struct world *world,
	struct decision *decision)
{
	const struct hookspec *hook = machine_hook(settings, swap);

	if (!hook)
		return false;
	if (swap->attempt == 0) {
		decision->attempt = 1;
		decide(decision, ACTION_HOOK_START, "%s/%s", phase_name(hook->phase), hook->name);
	} else if (!world->hook_seen || world->hook.state == HOOK_RUNNING) {
		decide(decision, ACTION_WAIT, "hook %s/%s runs%s%s", phase_name(hook->phase), hook->name,
			*world->hook.text ? ": " : "", world->hook.text);
	} else if (world->hook.state == HOOK_ABSENT) {
		/* The intent is written and it did not come to more: the same attempt again. */
		decision->attempt = swap->attempt;
		decide(decision, swap->asking ? ACTION_HOOK_ASK : ACTION_HOOK_START, "%s/%s",
			phase_name(hook->phase), hook->name);
	} else if (world->hook.state == HOOK_LOST) {
		hook_lost(hook, swap, decision);
	} else if (swap->asking) {
		hook_answered(hook, swap, &world->hook, decision);
	} else {
		hook_ended(hook, swap, &world->hook, decision);
	}
	return true;
}

/* ---- States ---- */

static void decide_precheck(const struct settings *settings, const struct swap *swap,
	const struct world *world, struct decision *decision)
{
	char why[256];

	if (!world->ready)
		decide(decision, ACTION_WAIT, "%s", world->ready_text);
	else if (!world_serves(world, (enum colour)swap->old, why, sizeof why))
		decide(decision, ACTION_WAIT, "the old colour has to serve at full capacity first: %s", why);
	else if (swap->strategy != STRATEGY_ROLLING && !share_is(world, machine_green(swap, 0)))
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

/* It does not serve: if that is the proxy's doing, it is asked to let it. */
void decide_unready(const struct world *world, enum colour colour, const char *why, struct decision *decision)
{
	const struct traffic_side *side = &world->traffic.side[colour];
	bool may_help = world->traffic_seen && side->servers > 0 && side->up < side->servers;

	decision->colour = colour;
	decide(decision, may_help ? ACTION_READY : ACTION_WAIT, "%s", why);
}

static void decide_start(const struct swap *swap, const struct world *world, struct decision *decision)
{
	enum colour new = (enum colour)swap->new;
	const struct service_view *service = &world->service[new];

	if (!world->service_seen[new])
		decide(decision, ACTION_WAIT, "%s", world->service_error);
	else if (service->state == SERVICE_RUNNING)
		decide_part(swap, PART_UP, decision);
	else if (service->state == SERVICE_FAILED && swap->attempt > 0)
		decide_roll_back(decision, true, "the release did not start: its service has failed");
	else
		decide_colour(decision, ACTION_START, new);
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

void decide_started(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *decision)
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
		if (!world->service_seen[new])
			decide(decision, ACTION_WAIT, "%s", world->service_error);
		else if (world->service[new].state == SERVICE_STOPPED ||
			world->service[new].state == SERVICE_FAILED)
			decide_part(swap, PART_START, decision);
		else
			decide_colour(decision, ACTION_STOP, new);
	} else if (swap->part == PART_START) {
		decide_start(swap, world, decision);
	} else {
		decide_up(settings, swap, world, now_boot, decision);
	}
}

static void decide_shift(const struct settings *settings, const struct swap *swap, const struct world *world,
	struct decision *decision)
{
	uint32_t share = machine_green(swap, settings->steps[swap->step].share);
	char why[256];

	if (world_broken(world, (enum colour)swap->new, swap->restarts, why, sizeof why)) {
		decide_roll_back(decision, true, why);
	} else if (share_is(world, share)) {
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
	} else if (late(swap, now_boot) && settings->inconclusive_rolls_back) {
		snprintf(why, sizeof why, "no verdict within max_hold: %.200s", world->gates_text);
		decide_roll_back(decision, false, why);
	} else if (late(swap, now_boot) && now_boot - swap->deadline_boot >= settings->max_pause) {
		snprintf(why, sizeof why, "no verdict, and nobody decided within max_pause: %.200s",
			world->gates_text);
		decide_roll_back(decision, false, why);
	} else {
		decide(decision, ACTION_WAIT, "%s%s",
			late(swap, now_boot) ? "held: promote, abort or wait; " : "held longer: ",
			world->gates_text);
	}
}

void decide_hold(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *decision)
{
	bool bake = swap->state == STATE_BAKE, rolling = swap->strategy == STRATEGY_ROLLING;
	uint32_t share = machine_green(swap, bake ? SHARE_ALL : settings->steps[swap->step].share);
	int64_t hold = bake ? (rolling ? 0 : settings->keep_old) : settings->steps[swap->step].hold;
	char why[REASON_SIZE];

	if (world_broken(world, (enum colour)swap->new, swap->restarts, why, sizeof why)) {
		decide_roll_back(decision, true, why);
	} else if (world->gates == VERDICT_FAIL) {
		decide_roll_back(decision, true, world->gates_text);
	} else if (!rolling && world->traffic_seen && !share_is(world, share)) {
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

bool decide_drained(const struct swap *swap, const struct world *world, enum colour colour, int64_t now_boot,
	struct decision *decision)
{
	const struct traffic_side *side = &world->traffic.side[colour];

	/* Cut once, and then on: what was cut may come back as soon as the client does. */
	if (world->undrainable || (world->traffic_seen && side->servers == 0) || swap->part == PART_CUT)
		return true;
	if (late(swap, now_boot))
		decide_colour(decision, ACTION_CUT, colour);
	else if (!world->traffic_seen)
		decide(decision, ACTION_WAIT, "%s", world->traffic_error);
	else if (side->servers > 0 && side->draining >= 0 && side->draining < side->servers)
		decide_colour(decision, ACTION_DRAIN, colour);
	else if (side->sessions < 0)
		decide(decision, ACTION_WAIT, "the proxy does not tell how many sessions %s has",
			colour_name(colour));
	else if (side->sessions > 0 || side->queued > 0)
		decide(decision, ACTION_WAIT, "%s has %lld sessions and %lld queued", colour_name(colour),
			(long long)side->sessions, (long long)side->queued);
	else if (world->quiet_boot == 0 || now_boot - world->quiet_boot < QUIET)
		decide(decision, ACTION_WAIT, "%s has no sessions; once more", colour_name(colour));
	else
		return true;
	return false;
}

static void decide_finalize(const struct settings *settings, const struct swap *swap,
	const struct world *world, struct decision *decision)
{
	enum colour old = (enum colour)swap->old;

	if (swap->strategy == STRATEGY_ROLLING) {
		if (!decide_hooks(settings, swap, world, decision))
			decide_next(settings, swap, decision);
	} else if (!world->service_seen[old]) {
		decide(decision, ACTION_WAIT, "%s", world->service_error);
	} else if (world->service[old].state == SERVICE_RUNNING ||
		world->service[old].state == SERVICE_STARTING) {
		/* Never both down: the new colour has to serve when the old one stops. */
		char why[256];

		if (!world_serves(world, (enum colour)swap->new, why, sizeof why))
			decide(decision, ACTION_WAIT, "the old colour stays up: %s", why);
		else
			decide_colour(decision, ACTION_STOP, old);
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
static void decide_late(const struct swap *swap, struct decision *decision)
{
	char why[REASON_SIZE];

	snprintf(why, sizeof why, "%s was not over in time: %.400s", state_name(swap->state),
		*decision->text ? decision->text : "its aim was not seen");
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
	return late(swap, now_boot) && swap->state != STATE_HOLD && swap->state != STATE_BAKE &&
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
		decide_late(swap, &decision);
	respect_migration(swap, &decision);
	if (decision.action == ACTION_NEXT)
		decision.timeout = machine_timeout(settings, swap, decision.state, decision.part);
	*ret_decision = decision;
}
