/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one swap is and how far it has come: all of it, in one structure, which is what stands in the journal with each
 * step. It has no pointers, so that it can be copied and compared.
 *
 * Times in ..._boot are CLOCK_BOOTTIME in nanoseconds and mean something during the boot of boot_id only; times in
 * ..._ms are milliseconds since 1970 and are there for people, and to tell how much is left after a reboot.
 */
#ifndef SWAP_STATE_H
#define SWAP_STATE_H

#include "base/buf.h"
#include "base/error.h"
#include "colour.h"

#include <stdbool.h>
#include <stdint.h>

#define STATE_SIZE_MAX 8192 /* bytes of an encoded state */
#define REASON_SIZE 512
#define BY_SIZE 96
#define RELEASE_SIZE 128

enum state {
	STATE_IDLE,
	STATE_PRECHECK, /* is all as it has to be; hooks "before" */
	STATE_STAGED, /* the artefact is fetched and its digest verified */
	STATE_MIGRATE, /* hooks "migrate" */
	STATE_STARTED, /* hooks "deploy"; the new colour runs the release, and the proxy sees it up */
	STATE_SMOKE, /* hooks "smoke", before any client is sent there */
	STATE_SHIFT, /* a step's share goes to the new colour */
	STATE_HOLD, /* the step's gates are judged */
	STATE_DRAIN, /* the old colour loses its last sessions */
	STATE_BAKE, /* the old colour is kept warm */
	STATE_FINALIZE, /* forward only: the old colour stops */
	STATE_ROLLING_BACK,
	STATE_FROZEN, /* a person must decide */
	STATE_DONE,
	STATE_ROLLED_BACK,
	STATES,
};

/* What a person asked for; the next tick heeds it. */
enum wish {
	WISH_NONE,
	WISH_PROMOTE, /* end this hold or bake now */
	WISH_ABORT, /* go back; the release is not banned */
	WISH_ROLLBACK, /* go back and ban the release */
	WISH_UNFREEZE, /* go on where it was frozen */
	WISHES,
};

enum strategy {
	STRATEGY_BLUE_GREEN,
	STRATEGY_CANARY,
	STRATEGY_ROLLING,
	STRATEGIES,
};

/* Parts of STARTED and of ROLLING_BACK, in their order. */
enum part {
	PART_FIRST,
	PART_STOP, /* STARTED: what runs of an earlier release; ROLLING_BACK: the new colour */
	PART_START, /* STARTED: the new colour */
	PART_SHARE, /* ROLLING_BACK: all requests to the old colour */
	PART_DRAIN, /* ROLLING_BACK: the new colour's sessions; rolling: this host's */
	PART_HOOKS, /* ROLLING_BACK: hooks "failed" */
	PART_RETURN, /* rolling: clients again */
	PART_CUT, /* DRAIN: its deadline has passed */
	PART_UP, /* STARTED: it runs; does it stay so */
	PARTS,
};

struct swap {
	char id[33]; /* 32 hexadecimal digits: the trace's id too */
	char release[RELEASE_SIZE];
	char digest[65]; /* hexadecimal; "": none */
	char by[BY_SIZE]; /* who started it */
	uint32_t strategy;
	uint32_t old, new; /* enum colour; the same in a rolling swap */
	char before[RELEASE_SIZE]; /* the release of the old colour, or "" */
	int64_t started_ms;

	uint32_t state;
	uint32_t part;
	uint32_t step; /* of the strategy, in SHIFT and HOLD */
	uint32_t share; /* hundredths of a percent that the new colour was seen to get last */
	uint32_t hook; /* of the phase: the one that is next or runs */
	uint32_t attempt; /* 0: it was not begun */
	bool asking; /* the hook is asked for its status, by a run of its own */
	uint32_t reached; /* the latest state before a rollback */
	uint32_t restarts; /* of the new colour when it was started */

	char begun_boot_id[37]; /* the boot in which the hook's attempt was begun */
	char boot_id[37];
	int64_t entered_boot, entered_ms; /* this state and part */
	int64_t deadline_boot, deadline_ms; /* INT64_MAX: none */

	uint32_t wish;
	char wish_by[BY_SIZE];
	bool paused;
	char paused_by[BY_SIZE];
	int64_t paused_boot; /* since then */

	char reason[REASON_SIZE]; /* why it goes back or is frozen */
	uint32_t frozen_in; /* FROZEN: the state that it was in */
	bool ban; /* the release is not to be tried again */
	bool irreversible; /* a hook has been begun that can't be undone */
	uint32_t recoveries; /* in this state, one soon after the other */
	int64_t recovered_ms; /* the last one */
	int64_t token; /* of the lease; 0: none */

	char next_release[RELEASE_SIZE]; /* that supersedes this one; "": none */
	char next_digest[65];
	char next_by[BY_SIZE];
};

/* "HOLD", "ROLLING_BACK", … */
const char *state_name(uint32_t state);
const char *strategy_name(uint32_t strategy);
/* -EINVAL: no such strategy. */
int strategy_from_name(const char *name);

/* Whether clients may be at the new colour: what must not be left alone. */
bool state_is_exposed(uint32_t state);

/* Appends the encoded form. */
void state_encode(const struct swap *swap, struct buf *out);

/* Judges bytes from the disk. -EBADMSG with an error that says what is wrong. */
int state_decode(const void *bytes, size_t size, struct swap *ret_swap, struct error *error);

/* "[A-Za-z0-9][A-Za-z0-9._+-]*", at most 127 bytes. */
bool release_name_is_valid(const char *name);

/* Begins a state or part at this time: entered, deadline (timeout in nanoseconds, INT64_MAX: none). */
void state_enter(struct swap *swap, uint32_t state, uint32_t part, int64_t timeout, int64_t now_boot,
	int64_t now_ms, const char *boot_id);

/* After a reboot CLOCK_BOOTTIME has begun anew: moves the times of the swap to this boot, by the wall clock, never so
 * that a deadline is further away than it was from its beginning. Nothing happens within one boot. */
void state_rebase(struct swap *swap, int64_t now_boot, int64_t now_ms, const char *boot_id);

#endif
