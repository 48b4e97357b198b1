/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is taken piece by piece and given back all at once: what one job says lives in one. The first
 * chunk is kept, so a job that says as much as the one before it allocates nothing.
 */
#ifndef CORE_WORKER_ARENA_H
#define CORE_WORKER_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* the newest first */
	size_t total; /* bytes in all chunks */
	size_t limit; /* 0: none */
};

void arena_done(struct arena *arena);

/* Gives everything back but the chunk that was made first. */
void arena_reset(struct arena *arena);

/* Aligned for anything, not cleared. NULL: no memory, or over the limit. */
void *arena_alloc(struct arena *arena, size_t size);

#endif
