/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the machine share; see machine.h. */
#ifndef SWAP_MACHINE_PARTS_H
#define SWAP_MACHINE_PARTS_H

#include "machine.h"

void decide(struct decision *decision, enum action action, const char *format, ...) _printf_(3, 4);
/* An action on a colour, whose name is the text. */
void decide_colour(struct decision *decision, enum action action, enum colour colour);
/* On to what comes after this state; on to another part of it; back. */
void decide_next(const struct settings *settings, const struct swap *swap, struct decision *decision);
void decide_part(const struct swap *swap, uint32_t part, struct decision *decision);
void decide_roll_back(struct decision *decision, bool ban, const char *text);
/* A colour does not serve, and why: if that is the proxy's doing, it is asked to let it. */
void decide_unready(
	const struct world *world, enum colour colour, const char *why, struct decision *decision);
/* Drains a colour: true when nothing is left there, or its sessions were cut. */
bool decide_drained(const struct swap *swap, const struct world *world, enum colour colour, int64_t now_boot,
	struct decision *decision);
/* Hooks of this state: false when they are over. */
bool decide_hooks(const struct settings *settings, const struct swap *swap, const struct world *world,
	struct decision *decision);
/* ROLLING_BACK. */
void decide_rolling_back(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *decision);
/* DRAIN and SHIFT of a rolling swap. */
void decide_rolling(const struct settings *settings, const struct swap *swap, const struct world *world,
	int64_t now_boot, struct decision *decision);

/* Whether the proxy has this share of green in force, and stored if it can be seen. */
bool world_has_share(const struct world *world, uint32_t share);
/* Whether the deadline of the state has passed. */
bool swap_is_late(const struct swap *swap, int64_t now_boot);

#endif
