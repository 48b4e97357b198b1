/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/arena.h"

#include <stdalign.h>

#define ALIGN alignof(max_align_t)
#define FIRST_BLOCK 16384u

struct arena_block {
	struct arena_block *next;
	size_t size;
	alignas(max_align_t) char bytes[];
};

static void *allocate(void *userdata, size_t size)
{
	return arena_alloc(userdata, size);
}

static void leave(void *userdata _unused_, void *pointer _unused_)
{
}

void arena_init(struct arena *arena, size_t limit)
{
	*arena = (struct arena){.limit = limit, .allocator = {allocate, leave, arena}};
}

void arena_done(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;

		arena->blocks = block->next;
		free(block);
	}
	arena->used = arena->total = 0;
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
	size_t room = arena->blocks ? MIN(arena->blocks->size * 2, (size_t)1 << 20) : FIRST_BLOCK;
	struct arena_block *block;

	room = MAX(room, size);
	if (room > arena->limit - arena->total)
		room = arena->limit - arena->total;
	if (room < size) {
		arena->full = 1;
		return NULL;
	}
	block = malloc(sizeof *block + room);
	if (!block) {
		arena->starved = 1;
		return NULL;
	}
	block->size = room;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->used = 0;
	arena->total += room;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->blocks;
	void *at;

	if (size > arena->limit) {
		arena->full = 1;
		return NULL;
	}
	size = (size + ALIGN - 1) & ~(ALIGN - 1);
	if (!block || size > block->size - arena->used)
		block = add_block(arena, size);
	if (!block)
		return NULL;
	at = block->bytes + arena->used;
	arena->used += size;
	return at;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;
	void *at;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	at = arena_alloc(arena, bytes);
	if (at)
		memset(at, 0, bytes);
	return at;
}
