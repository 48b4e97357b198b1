/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renderings of the picture. Each is made when it is asked for, shared by all answers until there is news, and freed
 * with the last of them: a slow reader keeps its own alive, and nothing else. Used by one thread.
 */
#ifndef PROMETHEUS_CACHE_H
#define PROMETHEUS_CACHE_H

#include "exposition.h"

/* Beyond the first bound readers that are slow should be ended. */
#define CACHE_CROWDED ((size_t)24 << 20)
#define CACHE_MAX ((size_t)48 << 20)

struct rendering {
	unsigned references;
	size_t *live; /* of its cache */
	uint64_t generation;
	int64_t made; /* CLOCK_BOOTTIME */
	struct buf content;
};

struct cache {
	struct picture *picture;
	const struct exposition_settings *settings;
	struct rendering *renderings[FORMATS][2]; /* plain, gzip */
	size_t live; /* bytes of all renderings, also of old ones that are still being sent */
};

void cache_done(struct cache *cache);

/* A rendering that shows what is known now; the caller unrefs it. 0; -EBUSY: old ones fill CACHE_MAX, and it would be a new
 * one; or -ENOMEM. */
int cache_get(struct cache *cache, enum format format, bool gzip, struct scrape_counters *counters,
	struct rendering **ret_rendering);

void rendering_unref(struct rendering *rendering);

#endif
