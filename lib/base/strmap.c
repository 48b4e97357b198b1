/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

#include <errno.h>

/* FNV-1a, 64 bits, with a final mix: keys are names from configuration, of which a host has thousands at
 * most, and room is bounded by their number. http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		hash = (hash ^ *p) * UINT64_C(1099511628211);
	return hash ^ (hash >> 32);
}

void strmap_done(struct strmap *map, void (*free_value)(void *))
{
	for (size_t i = 0; i < map->room; i++) {
		if (!map->entries[i].key)
			continue;
		free(map->entries[i].key);
		if (free_value)
			free_value(map->entries[i].value);
	}
	free(map->entries);
	*map = (struct strmap)STRMAP_INIT;
}

/* The entry that has the key, or the empty one where it would go. */
static struct strmap_entry *find(const struct strmap *map, const char *key, uint64_t hash)
{
	size_t i = hash & (map->room - 1);

	while (map->entries[i].key && (map->entries[i].hash != hash || !streq(map->entries[i].key, key)))
		i = (i + 1) & (map->room - 1);
	return &map->entries[i];
}

void *strmap_get(const struct strmap *map, const char *key)
{
	struct strmap_entry *entry;

	if (!map->room)
		return NULL;
	entry = find(map, key, hash_text(key));
	return entry->key ? entry->value : NULL;
}

static int grow(struct strmap *map)
{
	struct strmap bigger = {.count = map->count, .room = map->room ? map->room * 2 : 16};

	bigger.entries = calloc(bigger.room, sizeof *bigger.entries);
	if (!bigger.entries)
		return -ENOMEM;
	for (size_t i = 0; i < map->room; i++)
		if (map->entries[i].key)
			*find(&bigger, map->entries[i].key, map->entries[i].hash) = map->entries[i];
	free(map->entries);
	*map = bigger;
	return 0;
}

int strmap_set(struct strmap *map, const char *key, void *value, void **ret_old)
{
	uint64_t hash = hash_text(key);
	struct strmap_entry *entry;

	if (map->count + 1 > map->room / 4 * 3) {
		int r = grow(map);

		if (r < 0)
			return r;
	}
	entry = find(map, key, hash);
	if (ret_old)
		*ret_old = entry->key ? entry->value : NULL;
	if (!entry->key) {
		entry->key = strdup(key);
		if (!entry->key)
			return -ENOMEM;
		entry->hash = hash;
		map->count++;
	}
	entry->value = value;
	return 0;
}

void *strmap_remove(struct strmap *map, const char *key)
{
	struct strmap_entry *entry;
	size_t hole, i;
	void *value;

	if (!map->room)
		return NULL;
	entry = find(map, key, hash_text(key));
	if (!entry->key)
		return NULL;
	value = entry->value;
	free(entry->key);
	entry->key = NULL;
	map->count--;
	/* Move back what was pushed on past the hole. */
	hole = (size_t)(entry - map->entries);
	for (i = (hole + 1) & (map->room - 1); map->entries[i].key; i = (i + 1) & (map->room - 1)) {
		size_t home = map->entries[i].hash & (map->room - 1);

		if (((i - home) & (map->room - 1)) < ((i - hole) & (map->room - 1)))
			continue;
		map->entries[hole] = map->entries[i];
		map->entries[i].key = NULL;
		hole = i;
	}
	return value;
}

const struct strmap_entry *strmap_next(const struct strmap *map, size_t *position)
{
	while (*position < map->room) {
		const struct strmap_entry *entry = &map->entries[(*position)++];

		if (entry->key)
			return entry;
	}
	return NULL;
}
