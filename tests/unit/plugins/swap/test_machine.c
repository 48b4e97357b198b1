/* SPDX-License-Identifier: Apache-2.0 */
/* The machine is pure, so what it may never do is held against all situations, and single ones are told in order. */
#include "plugins/swap/machine.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW (1000 * NSEC_PER_SEC)
#define MINUTE (60 * NSEC_PER_SEC)

static void plain_settings(struct settings *settings)
{
	*settings = (struct settings){.strategy = STRATEGY_CANARY,
		.steps = {{500, MINUTE}, {10000, MINUTE}},
		.step_count = 2,
		.keep_old = MINUTE,
		.max_hold = MINUTE,
		.max_pause = MINUTE,
		.precheck_timeout = MINUTE,
		.stage_timeout = MINUTE,
		.start_timeout = MINUTE,
		.settle = 5 * NSEC_PER_SEC,
		.shift_timeout = MINUTE,
		.drain_timeout = MINUTE,
		.stop_timeout = MINUTE,
		.rollback_timeout = MINUTE};
}

static struct swap swap_in(uint32_t state, uint32_t part)
{
	struct swap swap = {
		.strategy = STRATEGY_CANARY, .old = COLOUR_BLUE, .new = COLOUR_GREEN, .release = "2.0"};

	state_enter(&swap, state, part, MINUTE, NOW, 0, "boot");
	return swap;
}

static void set_side(struct world *world, enum colour colour, enum service_state state, int up)
{
	world->service_seen[colour] = true;
	world->service[colour] = (struct service_view){.state = state, .text = "-"};
	world->traffic.side[colour] = (struct traffic_side){.servers = 1, .up = up, .state = "-"};
}

static struct world good_world(uint32_t share)
{
	struct world world = {
		.traffic_seen = true, .ready = true, .leased = true, .link_seen = true, .staged = true};

	world.traffic.share = world.traffic.share_stored = share;
	world.gates = VERDICT_PASS;
	set_side(&world, COLOUR_BLUE, SERVICE_RUNNING, 1);
	set_side(&world, COLOUR_GREEN, SERVICE_RUNNING, 1);
	return world;
}

static struct decision decided(const struct swap *swap, const struct world *world, int64_t now)
{
	struct settings settings;
	struct decision decision;

	plain_settings(&settings);
	machine_decide(&settings, swap, world, now, &decision);
	return decision;
}

/* ---- What may never happen ---- */

static void judge_stop(const struct swap *swap, const struct world *world, const struct decision *decision)
{
	char why[256];

	if (decision->colour == swap->old) {
		assert_int_equal(swap->state, STATE_FINALIZE);
		assert_true(world_serves(world, (enum colour)swap->new, why, sizeof why));
		return;
	}
	if (swap->state == STATE_STARTED) {
		assert_int_equal(swap->part, PART_STOP);
		assert_true(world_serves(world, (enum colour)swap->old, why, sizeof why));
		return;
	}
	assert_int_equal(swap->state, STATE_ROLLING_BACK);
	assert_int_equal(swap->part, PART_STOP);
	if (swap->reached >= STATE_SHIFT)
		assert_true(world_serves(world, (enum colour)swap->old, why, sizeof why));
}

static void judge_share(const struct swap *swap, const struct decision *decision)
{
	if (swap->state == STATE_ROLLING_BACK)
		assert_int_equal(decision->share, 0);
	else if (swap->state == STATE_BAKE)
		assert_int_equal(decision->share, 10000);
	else
		assert_true(swap->state == STATE_SHIFT || swap->state == STATE_HOLD);
}

static void judge(
	const struct swap *swap, const struct world *world, const struct decision *decision, int64_t now)
{
	bool asked = swap->wish != WISH_NONE;

	if (swap->state == STATE_FROZEN && !asked)
		assert_int_equal(decision->action, ACTION_WAIT);
	if (decision->action == ACTION_STOP)
		judge_stop(swap, world, decision);
	if (decision->action == ACTION_SHARE)
		judge_share(swap, decision);
	if (decision->action == ACTION_END)
		assert_int_equal(
			decision->state, swap->state == STATE_FINALIZE ? STATE_DONE : STATE_ROLLED_BACK);
	if (decision->action == ACTION_END && decision->state == STATE_DONE &&
		swap->strategy != STRATEGY_ROLLING)
		assert_true(world->service_seen[swap->new] &&
			world->service[swap->new].state != SERVICE_STOPPED &&
			world->service[swap->new].state != SERVICE_FAILED);
	if (decision->action == ACTION_END && decision->state == STATE_ROLLED_BACK)
		assert_true(swap->state == STATE_ROLLING_BACK && swap->part == PART_HOOKS);
	/* Forward only, and back only. */
	if (swap->state == STATE_FINALIZE)
		assert_int_not_equal(decision->action, ACTION_ROLL_BACK);
	if (swap->state == STATE_ROLLING_BACK && decision->action == ACTION_NEXT)
		assert_int_equal(decision->state, STATE_ROLLING_BACK);
	/* No verdict, no way forward, unless a person says so. */
	if ((swap->state == STATE_HOLD || swap->state == STATE_BAKE) && world->gates != VERDICT_PASS &&
		!asked)
		assert_int_not_equal(decision->action, ACTION_NEXT);
	if (swap->irreversible && swap->state != STATE_FROZEN)
		assert_int_not_equal(decision->action, ACTION_ROLL_BACK);
	/* Nothing is waited for beyond its deadline but a person. */
	if (now > swap->deadline_boot && decision->action == ACTION_WAIT)
		assert_true(swap->state == STATE_FROZEN || swap->state == STATE_HOLD ||
			swap->state == STATE_BAKE || swap->state == STATE_ROLLING_BACK);
}

/* The digits of a number tell a situation. */
static unsigned take(unsigned *number, unsigned count)
{
	unsigned digit = *number % count;

	*number /= count;
	return digit;
}

static void in_no_situation_is_a_colour_taken_away_that_is_needed(void **state)
{
	static const enum service_state services[] = {SERVICE_STOPPED, SERVICE_RUNNING, SERVICE_FAILED};
	static const uint32_t shares[] = {0, 500, 10000, SHARE_UNKNOWN};
	const unsigned all = 12 * PARTS * 3 * 2 * 3 * 2 * 4 * 2 * 3 * 2 * WISHES * 2 * 2;

	(void)state;
	for (unsigned i = 0; i < all; i++) {
		unsigned n = i;
		uint32_t in = STATE_PRECHECK + take(&n, STATE_FROZEN);
		struct swap swap = swap_in(in, take(&n, PARTS));
		struct world world = good_world(0);
		struct decision decision;
		int64_t now;

		set_side(&world, COLOUR_BLUE, services[take(&n, 3)], (int)take(&n, 2));
		set_side(&world, COLOUR_GREEN, services[take(&n, 3)], (int)take(&n, 2));
		world.traffic.share = world.traffic.share_stored = shares[take(&n, 4)];
		world.traffic_seen = take(&n, 2);
		world.gates = (enum verdict)take(&n, 3);
		swap.irreversible = take(&n, 2);
		swap.wish = take(&n, WISHES);
		swap.reached = take(&n, 2) ? STATE_HOLD : STATE_STARTED;
		swap.frozen_in = STATE_HOLD;
		now = NOW + (take(&n, 2) ? 2 * MINUTE : NSEC_PER_SEC);
		decision = decided(&swap, &world, now);
		judge(&swap, &world, &decision, now);
	}
}

/* ---- In order ---- */

static void a_step_goes_on_with_a_verdict_and_not_with_time(void **state)
{
	struct swap swap = swap_in(STATE_HOLD, PART_FIRST);
	struct world world = good_world(500);
	struct decision decision = decided(&swap, &world, NOW + MINUTE / 2);

	(void)state;
	assert_int_equal(decision.action, ACTION_WAIT);
	decision = decided(&swap, &world, NOW + MINUTE);
	assert_int_equal(decision.action, ACTION_NEXT);
	assert_int_equal(decision.state, STATE_SHIFT);
	assert_int_equal(decision.step, 1);
	world.gates = VERDICT_INCONCLUSIVE;
	snprintf(world.gates_text, sizeof world.gates_text, "no requests");
	assert_int_equal(decided(&swap, &world, NOW + MINUTE).action, ACTION_WAIT);
	assert_string_equal(decided(&swap, &world, NOW + MINUTE / 2).text, "no requests");
	assert_int_equal(decided(&swap, &world, NOW + 100 * MINUTE).action, ACTION_ROLL_BACK);
}

static void what_was_not_over_in_time_is_told_with_what_failed(void **state)
{
	struct swap swap = swap_in(STATE_SHIFT, PART_FIRST);
	struct world world = good_world(0);
	struct decision decision;

	(void)state;
	assert_int_equal(decided(&swap, &world, NOW + MINUTE / 2).action, ACTION_SHARE);
	decision = decided(&swap, &world, NOW + MINUTE);
	assert_int_equal(decision.action, ACTION_ROLL_BACK);
	assert_string_equal(decision.text, "SHIFT was not over in time: its aim was not seen");
	snprintf(world.effect_error, sizeof world.effect_error, "/usr/sbin/nginx: exited with status 1");
	assert_string_equal(decided(&swap, &world, NOW + MINUTE).text,
		"SHIFT was not over in time: /usr/sbin/nginx: exited with status 1");
}

static void a_failed_gate_and_a_dead_colour_go_back_at_once(void **state)
{
	struct swap swap = swap_in(STATE_HOLD, PART_FIRST);
	struct world world = good_world(500);
	struct decision decision;

	(void)state;
	world.gates = VERDICT_FAIL;
	snprintf(world.gates_text, sizeof world.gates_text, "too many errors");
	decision = decided(&swap, &world, NOW + 1);
	assert_int_equal(decision.action, ACTION_ROLL_BACK);
	assert_true(decision.ban);
	assert_string_equal(decision.text, "too many errors");
	world = good_world(500);
	world.service[COLOUR_GREEN].restarts = 1;
	assert_string_equal(
		decided(&swap, &world, NOW + 1).text, "green was restarted by its supervisor 1 time");
	world = good_world(500);
	world.traffic.side[COLOUR_GREEN].up = 0;
	assert_string_equal(
		decided(&swap, &world, NOW + 1).text, "the proxy sees 0 of 1 servers of green up (-)");
}

static void a_share_that_the_proxy_forgot_is_asserted(void **state)
{
	struct swap swap = swap_in(STATE_HOLD, PART_FIRST);
	struct world world = good_world(0);
	struct decision decision = decided(&swap, &world, NOW + MINUTE);

	(void)state;
	assert_int_equal(decision.action, ACTION_SHARE);
	assert_int_equal(decision.share, 500);
	/* In memory it is right, but after a reload it would not be. */
	world = good_world(500);
	world.traffic.share_stored = 0;
	assert_int_equal(decided(&swap, &world, NOW + MINUTE).action, ACTION_SHARE);
}

static void the_way_back_verifies_the_old_colour_before_it_gets_requests(void **state)
{
	struct swap swap = swap_in(STATE_ROLLING_BACK, PART_FIRST);
	struct world world = good_world(500);

	(void)state;
	swap.reached = STATE_BAKE;
	set_side(&world, COLOUR_BLUE, SERVICE_STOPPED, 0);
	assert_int_equal(decided(&swap, &world, NOW).action, ACTION_START);
	set_side(&world, COLOUR_BLUE, SERVICE_RUNNING, 0);
	assert_int_equal(decided(&swap, &world, NOW).action, ACTION_READY);
	world.traffic.side[COLOUR_BLUE] = (struct traffic_side){.servers = 2, .up = 1, .state = "DOWN"};
	assert_string_equal(
		decided(&swap, &world, NOW).text, "the proxy sees 1 of 2 servers of blue up (DOWN)");
	assert_int_equal(decided(&swap, &world, NOW + 2 * MINUTE).action, ACTION_FREEZE);
	world.traffic.side[COLOUR_BLUE] = (struct traffic_side){.servers = 2, .up = 2, .state = "UP"};
	assert_int_equal(decided(&swap, &world, NOW).part, PART_SHARE);
}

static void sessions_are_waited_for_and_cut_at_the_deadline(void **state)
{
	struct swap swap = swap_in(STATE_DRAIN, PART_FIRST);
	struct world world = good_world(10000);

	(void)state;
	assert_int_equal(decided(&swap, &world, NOW).action, ACTION_DRAIN);
	world.traffic.side[COLOUR_BLUE].draining = 1;
	world.traffic.side[COLOUR_BLUE].sessions = 3;
	assert_string_equal(decided(&swap, &world, NOW).text, "blue has 3 sessions and 0 queued");
	assert_int_equal(decided(&swap, &world, NOW + MINUTE).action, ACTION_CUT);
	swap.part = PART_CUT;
	assert_int_equal(decided(&swap, &world, NOW + MINUTE).state, STATE_BAKE);
	swap.part = PART_FIRST;
	world.traffic.side[COLOUR_BLUE].sessions = 0;
	world.quiet_boot = NOW;
	assert_int_equal(decided(&swap, &world, NOW + NSEC_PER_SEC / 2).action, ACTION_WAIT);
	assert_int_equal(decided(&swap, &world, NOW + NSEC_PER_SEC).action, ACTION_NEXT);
}

/* ---- Hooks ---- */

static struct decision with_hook(
	const char *text, uint32_t state, uint32_t attempt, enum hook_state hook, int code)
{
	struct settings settings;
	struct swap swap = swap_in(state, PART_FIRST);
	struct world world = good_world(0);
	struct decision decision;

	plain_settings(&settings);
	assert_int_equal(hookspec_parse(text, &settings.hooks[0], NULL), 0);
	settings.hook_count = 1;
	swap.attempt = attempt;
	world.hook_seen = true;
	world.hook = (struct hook_view){.state = hook, .code = code, .text = "exit status 1"};
	machine_decide(&settings, &swap, &world, NOW, &decision);
	hookspec_done(&settings.hooks[0]);
	return decision;
}

static void a_hook_is_begun_tried_again_and_its_failure_heeded(void **state)
{
	struct decision decision = with_hook("smoke/x retry=1 -- /x", STATE_SMOKE, 0, HOOK_ABSENT, 0);

	(void)state;
	assert_int_equal(decision.action, ACTION_HOOK_START);
	assert_int_equal(decision.attempt, 1);
	assert_int_equal(
		with_hook("smoke/x retry=1 -- /x", STATE_SMOKE, 1, HOOK_RUNNING, 0).action, ACTION_WAIT);
	assert_int_equal(
		with_hook("smoke/x retry=1 -- /x", STATE_SMOKE, 1, HOOK_EXITED, 0).action, ACTION_HOOK_DONE);
	assert_int_equal(with_hook("smoke/x retry=1 -- /x", STATE_SMOKE, 1, HOOK_EXITED, 1).attempt, 2);
	decision = with_hook("smoke/x retry=1 -- /x", STATE_SMOKE, 2, HOOK_EXITED, 1);
	assert_int_equal(decision.action, ACTION_ROLL_BACK);
	assert_string_equal(decision.text, "hook smoke/x: exit status 1");
	assert_int_equal(with_hook("smoke/x on_failure=freeze -- /x", STATE_SMOKE, 1, HOOK_EXITED, 1).action,
		ACTION_FREEZE);
	assert_int_equal(
		with_hook("smoke/x on_failure=continue -- /x", STATE_SMOKE, 1, HOOK_TIMED_OUT, 1).action,
		ACTION_HOOK_DONE);
	assert_false(with_hook("before/x -- /x", STATE_PRECHECK, 1, HOOK_EXITED, 1).ban);
}

static void an_interrupted_migration_is_asked_for_or_frozen(void **state)
{
	struct decision decision = with_hook("migrate/x status=yes -- /x", STATE_MIGRATE, 1, HOOK_LOST, 0);

	(void)state;
	assert_int_equal(decision.action, ACTION_HOOK_ASK);
	decision = with_hook("migrate/x -- /x", STATE_MIGRATE, 1, HOOK_LOST, 0);
	assert_int_equal(decision.action, ACTION_FREEZE);
	assert_string_equal(decision.text,
		"hook migrate/x was interrupted, and it has no status action that tells whether it was done");
	/* What can be done twice is done again. */
	assert_int_equal(with_hook("smoke/x -- /x", STATE_SMOKE, 1, HOOK_LOST, 0).action, ACTION_HOOK_START);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_no_situation_is_a_colour_taken_away_that_is_needed),
		cmocka_unit_test(a_step_goes_on_with_a_verdict_and_not_with_time),
		cmocka_unit_test(what_was_not_over_in_time_is_told_with_what_failed),
		cmocka_unit_test(a_failed_gate_and_a_dead_colour_go_back_at_once),
		cmocka_unit_test(a_share_that_the_proxy_forgot_is_asserted),
		cmocka_unit_test(the_way_back_verifies_the_old_colour_before_it_gets_requests),
		cmocka_unit_test(sessions_are_waited_for_and_cut_at_the_deadline),
		cmocka_unit_test(a_hook_is_begun_tried_again_and_its_failure_heeded),
		cmocka_unit_test(an_interrupted_migration_is_asked_for_or_frozen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
