/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from strings to pointers, open addressing. Keys are copied; values are the caller's. */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include "base/util.h"

#include <stdint.h>

struct strmap_entry {
	char *key; /* NULL: empty */
	void *value;
	uint64_t hash;
};

struct strmap {
	struct strmap_entry *entries;
	size_t count;
	size_t room;
};

#define STRMAP_INIT \
	{ \
		NULL, 0, 0 \
	}

/* Frees the map, and every value with free_value unless that is NULL. */
void strmap_done(struct strmap *map, void (*free_value)(void *));

/* NULL: not there. */
void *strmap_get(const struct strmap *map, const char *key);

/* Sets a value; *ret_old (may be NULL) gets the one that was there, or NULL. 0 or -ENOMEM. */
int strmap_set(struct strmap *map, const char *key, void *value, void **ret_old);

/* Takes a key out and returns its value; NULL: not there. */
void *strmap_remove(struct strmap *map, const char *key);

/* Goes through the map in no particular order: start with *position = 0; NULL at the end. The map must not
 * change meanwhile. */
const struct strmap_entry *strmap_next(const struct strmap *map, size_t *position);

#endif
