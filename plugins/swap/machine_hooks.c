/* SPDX-License-Identifier: Apache-2.0 */
/* The hooks of a state, one after the other. */
#include "machine_parts.h"

#include <stdio.h>

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
