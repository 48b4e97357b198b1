/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/arena.h"
#include "base/util.h"

#include <stdalign.h>

#define CHUNK_SIZE (16u * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t room;
	alignas(max_align_t) char bytes[];
};

void arena_done(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
	arena->total = 0;
}

void arena_reset(struct arena *arena)
{
	while (arena->chunks && arena->chunks->next) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
	arena->total = arena->chunks ? arena->chunks->room : 0;
	if (arena->chunks)
		arena->chunks->used = 0;
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
	size_t room = MAX(size, (size_t)CHUNK_SIZE);
	struct arena_chunk *chunk;

	if (arena->limit && arena->total + room > arena->limit)
		return NULL;
	chunk = malloc(sizeof *chunk + room);
	if (!chunk)
		return NULL;
	*chunk = (struct arena_chunk){.next = arena->chunks, .room = room};
	arena->chunks = chunk;
	arena->total += room;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_chunk *chunk = arena->chunks;
	void *memory;

	if (size > (size_t)1 << 30)
		return NULL;
	size = (size + align - 1) / align * align;
	if (!chunk || chunk->room - chunk->used < size)
		chunk = add_chunk(arena, size);
	if (!chunk)
		return NULL;
	memory = chunk->bytes + chunk->used;
	chunk->used += size;
	return memory;
}
