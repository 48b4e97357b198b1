/* SPDX-License-Identifier: Apache-2.0 */
/* Going back, and the states of a rolling swap that differ. */
#include "base/clock.h"
#include "machine_parts.h"

#include <stdio.h>

static void ask(struct decision *decision, enum action action, enum colour colour, const char *text)
{
	decision->colour = colour;
	decide(decision, action, "%s", text);
}

/* Until the old colour was seen to serve, the new one keeps what it has. */
static void verify_old(const struct swap *swap, const struct world *world, struct decision *decision)
{
	enum colour old = (enum colour)swap->old;
	char why[256];

	if (swap->reached < STATE_SHIFT || world_serves(world, old, why, sizeof why))
		decide_part(swap, PART_SHARE, decision);
	else if (!world->service_seen[old])
		decide(decision, ACTION_WAIT, "%s", world->service_error);
	else if (world->service[old].state != SERVICE_RUNNING)
		ask(decision, ACTION_START, old, "the old colour has to run again");
	else
		decide_unready(world, old, why, decision);
}

static void share_back(const struct swap *swap, const struct world *world, struct decision *decision)
{
	uint32_t share = machine_green(swap, 0);

	if (world_has_share(world, share)) {
		decide_part(swap, PART_DRAIN, decision);
		return;
	}
	decision->share = share;
	decide(decision, ACTION_SHARE, "%s", world->traffic_seen ? "" : world->traffic_error);
}

static void drain_new(
	const struct swap *swap, const struct world *world, int64_t now_boot, struct decision *decision)
{
	enum colour new = (enum colour)swap->new;
	bool down = world->service_seen[new] && world->service[new].state != SERVICE_RUNNING;

	if (down || swap->reached < STATE_SHIFT || decide_drained(swap, world, new, now_boot, decision))
		decide_part(swap, PART_STOP, decision);
}

static void stop_new(
	const struct swap *swap, const struct world *world, int64_t now_boot, struct decision *decision)
{
	enum colour new = (enum colour)swap->new;
	bool late = now_boot >= swap->deadline_boot;
	char why[256];

	if (swap->reached < STATE_STARTED ||
		(world->service_seen[new] &&
			(world->service[new].state == SERVICE_STOPPED ||
				world->service[new].state == SERVICE_FAILED)) ||
		late)
		decide_part(swap, PART_HOOKS, decision);
	else if (!world->service_seen[new])
		decide(decision, ACTION_WAIT, "%s", world->service_error);
	else if (swap->reached >= STATE_SHIFT &&
		!world_serves(world, (enum colour)swap->old, why, sizeof why))
		decide(decision, ACTION_WAIT, "the new colour stays up: %s", why);
	else
		ask(decision, ACTION_STOP, new, "");
}

static void last_hooks(const struct settings *settings, const struct swap *swap, const struct world *world,
	struct decision *decision)
{
	if (decide_hooks(settings, swap, world, decision))
		return;
	decide(decision, ACTION_END, "rolled back");
	decision->state = STATE_ROLLED_BACK;
}

/* A rolling swap goes back on the same copy: the link, a restart, and clients again. */
static void rolling_back(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *decision)
{
	enum colour colour = (enum colour)swap->old;
	char why[256];

	if (swap->part == PART_FIRST) {
		if (settings->release.link && *swap->before && !streq(world->linked, swap->before)) {
			decision->release = swap->before;
			ask(decision, ACTION_LINK, colour, "");
		} else {
			decide_part(swap, PART_STOP, decision);
		}
	} else if (swap->part == PART_STOP) {
		bool untouched = swap->reached == STATE_DRAIN;

		if (untouched ||
			(world->service_seen[colour] && world->service[colour].state != SERVICE_RUNNING &&
				world->service[colour].state != SERVICE_STARTING &&
				world->service[colour].state != SERVICE_STOPPING))
			decide_part(swap, PART_RETURN, decision);
		else
			ask(decision, ACTION_STOP, colour, "");
	} else if (!world->service_seen[colour] || world->service[colour].state != SERVICE_RUNNING) {
		ask(decision, ACTION_START, colour, world->service_error);
	} else if (!world_serves(world, colour, why, sizeof why)) {
		decide_unready(world, colour, why, decision);
	} else {
		decide_part(swap, PART_HOOKS, decision);
	}
	(void)now_boot;
}

void decide_rolling_back(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *decision)
{
	if (swap->part == PART_HOOKS)
		last_hooks(settings, swap, world, decision);
	else if (swap->strategy == STRATEGY_ROLLING && swap->reached < STATE_STARTED)
		decide_part(swap, PART_HOOKS, decision);
	else if (swap->strategy == STRATEGY_ROLLING)
		rolling_back(settings, swap, world, now_boot, decision);
	else if (swap->part == PART_SHARE)
		share_back(swap, world, decision);
	else if (swap->part == PART_DRAIN || swap->part == PART_CUT)
		drain_new(swap, world, now_boot, decision);
	else if (swap->part == PART_STOP)
		stop_new(swap, world, now_boot, decision);
	else
		verify_old(swap, world, decision);
}

/* DRAIN: this host gets no clients, before its app is restarted. SHIFT: it gets them again. */
void decide_rolling(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *decision)
{
	enum colour colour = (enum colour)swap->new;
	char why[256];

	if (swap->state == STATE_DRAIN) {
		if (decide_drained(swap, world, colour, now_boot, decision)) {
			decide_next(settings, swap, decision);
		}
	} else if (world->service_seen[colour] && world->service[colour].state != SERVICE_RUNNING) {
		decision->ban = true;
		decide(decision, ACTION_ROLL_BACK, "%s has ended by itself: %s", colour_name(colour),
			world->service[colour].text);
	} else if (!world_serves(world, colour, why, sizeof why)) {
		decide_unready(world, colour, why, decision);
	} else {
		decide_next(settings, swap, decision);
	}
}
