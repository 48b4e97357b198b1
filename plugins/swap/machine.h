/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of a swap: given what was written down, what is seen and what time it is, the one next thing to do. Pure:
 * it touches nothing, and what it decides twice in the same situation is the same. So going on after a crash is not
 * another case, but the same look at the world.
 */
#ifndef SWAP_MACHINE_H
#define SWAP_MACHINE_H

#include "hook.h"
#include "settings.h"
#include "state.h"

/* What is seen. What could not be seen says so, and is never taken for good. */
struct world {
	bool traffic_seen;
	struct traffic_view traffic;
	char traffic_error[256];
	bool service_seen[COLOURS];
	struct service_view service[COLOURS];
	char service_error[256];
	struct hook_view hook; /* the one that was begun */
	bool hook_seen;
	bool staged, stage_failed;
	char stage_error[256];
	char linked[RELEASE_SIZE]; /* the release that the new colour's link points to; "": none */
	bool link_seen;
	bool undrainable; /* the proxy has no way to drain */
	int64_t quiet_boot; /* since when the colour that is drained has had no sessions; 0: it has some */
	enum verdict gates; /* of this step, all together */
	char gates_text[256];
	bool ready; /* preflight holds */
	char ready_text[256];
	bool leased; /* the lease is there, or none is needed */
	char lease_error[256];
	char effect_error[256]; /* what the last effect failed with; "": it did not */
};

enum action {
	ACTION_WAIT, /* text says for what */
	ACTION_NEXT, /* this state's aim was seen: done, and on to state, part and step */
	ACTION_STAGE, /* effects: idempotent, and asked for again until they are seen */
	ACTION_LINK, /* the new colour's link to release */
	ACTION_START, /* colour */
	ACTION_RESTART, /* colour */
	ACTION_STOP, /* colour */
	ACTION_SHARE, /* to green */
	ACTION_READY, /* colour */
	ACTION_DRAIN, /* colour */
	ACTION_CUT, /* colour */
	ACTION_LEASE,
	ACTION_HOOK_START, /* the hook that is next, as attempt */
	ACTION_HOOK_ASK, /* likewise, for its status */
	ACTION_HOOK_DONE, /* it has ended as it should, or that it did not is no matter: the next one */
	ACTION_ROLL_BACK, /* text says why */
	ACTION_FREEZE, /* text says why */
	ACTION_END, /* with state: DONE or ROLLED_BACK */
};

struct decision {
	enum action action;
	uint32_t state, part, step;
	int64_t timeout; /* of the state that is next */
	enum colour colour;
	uint32_t share;
	uint32_t attempt;
	const char *release;
	bool ban; /* ROLL_BACK: the release is not to be tried again */
	char text[REASON_SIZE];
};

/* now_boot: CLOCK_BOOTTIME. */
void machine_decide(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *ret_decision);

/* The state that comes after this one, with its part, step and timeout. */
void machine_next(const struct settings *settings, const struct swap *swap, struct decision *decision);

/* The strategy's step that the swap is at; the last one when the configuration has fewer by now. */
const struct step *machine_step(const struct settings *settings, const struct swap *swap);

/* How long a state may last by these settings; INT64_MAX: for ever. */
int64_t machine_timeout(
	const struct settings *settings, const struct swap *swap, uint32_t state, uint32_t part);

/* The hook that is next or runs in this state; NULL: there is none (any more). */
const struct hookspec *machine_hook(const struct settings *settings, const struct swap *swap);

/* The share of green at which the new colour gets this many hundredths of a percent. */
uint32_t machine_green(const struct swap *swap, uint32_t share);

/* Whether the colour serves at full capacity; if not, why goes to text (size bytes). restarts: more than so many are
 * a failure; UINT32_MAX: they don't matter. */
bool world_serves(const struct world *world, enum colour colour, char *text, size_t size);

/* Whether the colour is surely broken, and why. */
bool world_broken(const struct world *world, enum colour colour, uint32_t restarts, char *text, size_t size);

#endif
