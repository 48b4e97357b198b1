/* SPDX-License-Identifier: Apache-2.0 */
/* In which order states come, how long each may last, and which hooks it has. */
#include "machine_parts.h"

#include "base/clock.h"

#define HOOKS_SLACK (60 * NSEC_PER_SEC)

static int64_t hooks_timeout(const struct settings *settings, enum phase phase)
{
	int64_t sum = 0;
	const struct hookspec *hook;

	for (size_t i = 0; (hook = settings_hook(settings, phase, i)); i++)
		sum += hook->timeout * (hook->retry + 2) + HOOKS_SLACK;
	return sum;
}

const struct step *machine_step(const struct settings *settings, const struct swap *swap)
{
	return &settings->steps[MIN(swap->step, settings->step_count - 1)];
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
		return machine_step(settings, swap)->hold + settings->max_hold;
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

void decide_next(const struct settings *settings, const struct swap *swap, struct decision *decision)
{
	decide(decision, ACTION_NEXT, "done");
	machine_next(settings, swap, decision);
}

void decide_part(const struct swap *swap, uint32_t part, struct decision *decision)
{
	decide(decision, ACTION_NEXT, "done");
	decision->state = swap->state;
	decision->step = swap->step;
	decision->part = part;
}

void decide_roll_back(struct decision *decision, bool ban, const char *text)
{
	decision->ban = ban;
	decide(decision, ACTION_ROLL_BACK, "%s", text);
}

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
