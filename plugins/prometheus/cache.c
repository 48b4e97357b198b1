/* SPDX-License-Identifier: Apache-2.0 */
#include "cache.h"

#include "base/clock.h"

#include <errno.h>
#include <zlib.h>

#define FRESH NSEC_PER_SEC /* so long without news nothing turns stale */
#define GZIP_LEVEL 4 /* of 500 series: 13 % smaller than level 1, and half the time of level 6 */
#define ROOM_MORE 1024u
#define GZIP_WINDOW (15 + 16)
#define GZIP_MEMORY 8

void rendering_unref(struct rendering *rendering)
{
	if (!rendering || --rendering->references > 0)
		return;
	*rendering->live -= rendering->content.room;
	buf_done(&rendering->content);
	free(rendering);
}

void cache_done(struct cache *cache)
{
	for (int format = 0; format < FORMATS; format++)
		for (int gzip = 0; gzip < 2; gzip++) {
			rendering_unref(cache->renderings[format][gzip]);
			cache->renderings[format][gzip] = NULL;
		}
}

static bool is_fresh(const struct rendering *rendering, uint64_t generation, int64_t now)
{
	return rendering && rendering->generation == generation && now - rendering->made < FRESH;
}

static int compress_gzip(const struct buf *plain, struct buf *out)
{
	z_stream stream = {.next_in = (Bytef *)plain->data, .avail_in = (uInt)plain->size};
	char *room;
	int r = -ENOMEM;

	if (plain->size > UINT32_MAX / 2 ||
		deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) !=
			Z_OK)
		return r;
	stream.avail_out = (uInt)deflateBound(&stream, plain->size);
	room = buf_extend(out, stream.avail_out);
	stream.next_out = (Bytef *)room;
	if (room && deflate(&stream, Z_FINISH) == Z_STREAM_END) {
		out->size += stream.total_out;
		r = 0;
	}
	deflateEnd(&stream);
	return r;
}

/* Gives back what the estimate had too much. */
static void shrink(struct buf *buf)
{
	char *smaller = buf->size > 0 ? realloc(buf->data, buf->size + 1) : NULL;

	if (!smaller)
		return;
	buf->data = smaller;
	buf->room = buf->size + 1;
	buf->data[buf->size] = '\0';
}

static int fill(struct cache *cache, enum format format, bool gzip, struct scrape_counters *counters,
	struct rendering *rendering)
{
	const struct rendering *last = cache->renderings[format][gzip];
	struct rendering *plain;
	int r;

	if (!gzip && last) /* the next one is about as large */
		(void)buf_extend(&rendering->content, last->content.size + ROOM_MORE);
	if (!gzip)
		return exposition_write(cache->picture, cache->settings, format, rendering->made, counters,
			&rendering->content);
	r = cache_get(cache, format, false, counters, &plain);
	if (r < 0)
		return r;
	r = compress_gzip(&plain->content, &rendering->content);
	rendering_unref(plain);
	return r;
}

static int rendering_new(struct cache *cache, enum format format, bool gzip, uint64_t generation,
	struct scrape_counters *counters, struct rendering **ret_rendering)
{
	struct rendering *rendering = calloc(1, sizeof(*rendering));
	int64_t began = clock_ns(CLOCK_MONOTONIC);
	double before = counters->render_seconds; /* what this one begins with is counted once */
	int r;

	if (!rendering)
		return -ENOMEM;
	rendering->references = 1;
	rendering->live = &cache->live;
	rendering->generation = generation;
	rendering->made = clock_ns(CLOCK_BOOTTIME);
	r = fill(cache, format, gzip, counters, rendering);
	shrink(&rendering->content);
	cache->live += rendering->content.room;
	if (r < 0) {
		rendering_unref(rendering);
		return r;
	}
	counters->renderings += !gzip;
	counters->render_seconds = before + (double)(clock_ns(CLOCK_MONOTONIC) - began) / NSEC_PER_SEC;
	*ret_rendering = rendering;
	return 0;
}

int cache_get(struct cache *cache, enum format format, bool gzip, struct scrape_counters *counters,
	struct rendering **ret_rendering)
{
	struct rendering **cached = &cache->renderings[format][gzip];
	struct rendering *made;
	uint64_t generation;
	int r;

	picture_lock(cache->picture);
	generation = cache->picture->generation;
	picture_unlock(cache->picture);
	if (!is_fresh(*cached, generation, clock_ns(CLOCK_BOOTTIME))) {
		if (cache->live > CACHE_MAX)
			return -EBUSY;
		r = rendering_new(cache, format, gzip, generation, counters, &made);
		if (r < 0)
			return r;
		rendering_unref(*cached);
		*cached = made;
	}
	(*cached)->references++;
	*ret_rendering = *cached;
	return 0;
}
