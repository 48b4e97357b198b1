/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once, with a bound: what a decoded report and a snapshot are made of. */
#ifndef FLEET_ARENA_H
#define FLEET_ARENA_H

#include "base/util.h"

#include <protobuf-c/protobuf-c.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* the newest first */
	size_t used; /* of the newest */
	size_t total;
	size_t limit;
	int full; /* something was refused because of the limit */
	int starved; /* something was refused because the system had no memory */
	ProtobufCAllocator allocator; /* for protobuf-c: frees nothing */
};

/* An arena that holds at most limit bytes. It must not move: the allocator points to it. */
void arena_init(struct arena *arena, size_t limit);
void arena_done(struct arena *arena);

/* Aligned for anything; not cleared. NULL: no memory, or over the limit. */
void *arena_alloc(struct arena *arena, size_t size);

/* Cleared; for count elements of size. */
void *arena_array(struct arena *arena, size_t count, size_t size);

#endif
