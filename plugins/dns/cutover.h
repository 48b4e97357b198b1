/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cutover gate: open only when every authority gives the new answer, everybody else who is asked does too, and the
 * TTL of the old answer has run out since the last moment at which an authority may still have given it. Decisions over
 * time, pure: answers and the clock come in, and what is remembered lasts as text.
 */
#ifndef DNS_CUTOVER_H
#define DNS_CUTOVER_H

#include "base/buf.h"

#include <stdbool.h>

enum cutover_side {
	CUTOVER_NEW,
	CUTOVER_OLD,
	CUTOVER_NEITHER, /* an answer, but none of the two */
	CUTOVER_SILENT, /* no answer that counts */
};

/* What one server said. */
struct cutover_voice {
	enum cutover_side side;
	bool authority;
	int64_t ttl_ms; /* of what it said; what a cache that asks now may keep it for */
};

/* What is remembered. */
struct cutover_memory {
	int64_t old_ttl; /* longest that was seen with the old answer at an authority, ms; -1: never seen */
	int64_t new_since; /* when all authorities first gave the new answer, ms since 1970; 0: they don't */
	int64_t kept_until; /* until when a cache that was asked said that it keeps the old answer; 0: none did */
};

#define CUTOVER_MEMORY_INIT \
	{ \
		-1, 0, 0 \
	}

enum cutover_state {
	CUTOVER_OPEN,
	CUTOVER_WAITING, /* everybody has the new answer; old ones may live on in caches until `opens` */
	CUTOVER_BEHIND, /* somebody still gives the old answer */
	CUTOVER_WRONG, /* somebody gives neither */
	CUTOVER_UNSURE, /* somebody did not answer, or no authority was asked */
	CUTOVER_UNTIMED, /* all have the new answer, but the old one's TTL was never seen */
};

struct cutover_verdict {
	enum cutover_state state;
	int64_t opens; /* CUTOVER_WAITING: ms since 1970 */
	size_t authorities; /* that were asked, */
	size_t authorities_new; /* and that have the new answer */
	size_t old; /* voices of each side, of everybody */
	size_t neither;
	size_t silent;
};

/* Takes the voices of one run. configured_ttl: what the operator says about the old TTL, ms; 0: nothing. */
void cutover_take(struct cutover_memory *memory, const struct cutover_voice *voices, size_t count,
	int64_t configured_ttl, int64_t now_ms, struct cutover_verdict *ret);

/* fingerprint tells whether the memory belongs to these expectations. -EINVAL: damaged, -ESTALE: of others. */
void cutover_memory_format(const struct cutover_memory *memory, uint32_t fingerprint, struct buf *out);
int cutover_memory_parse(const char *text, size_t size, uint32_t fingerprint, struct cutover_memory *ret);

#endif
