/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>

enum {
	FAST_POINTS = 16,
	SLOW_POINTS = TREND_POINTS_MAX,
	SAVED_MAX = 200, /* file systems, which is a fifth of the state that a check may have */
	SAVED_VERSION = 1,
	KEY_ROOM = 256,
};

#define FAST_SPACING (60 * NSEC_PER_SEC)
#define CLOCK_SLACK (60 * NSEC_PER_SEC)

/* As it is saved, in the host's own byte order: state does not leave the host. Times are since 1970. */
struct saved {
	uint32_t version;
	uint32_t was_writable;
	uint32_t fast_count;
	uint32_t slow_count;
	struct trend_point points[FAST_POINTS + SLOW_POINTS]; /* the fast ones first, then the slow ones */
};

static void watch_done(struct watch *watch)
{
	free(watch->mount_point);
	free(watch->device);
}

void watches_done(struct watches *watches)
{
	for (size_t i = 0; i < watches->count; i++)
		watch_done(&watches->list[i]);
	free(watches->list);
}

void watches_begin(struct watches *watches)
{
	for (size_t i = 0; i < watches->count; i++)
		watches->list[i].mounted = false;
}

/* Whether the key has room for the mount point. */
static bool key_of(char key[static KEY_ROOM], const struct watch *watch)
{
	return snprintf(key, KEY_ROOM, "fs:%s", watch->mount_point) < KEY_ROOM;
}

void watches_end(struct watches *watches, struct collection *collection)
{
	size_t kept = 0;
	char key[KEY_ROOM];

	for (size_t i = 0; i < watches->count; i++) {
		struct watch *watch = &watches->list[i];

		if (watch->mounted) {
			watches->list[kept++] = *watch;
			continue;
		}
		if (key_of(key, watch))
			(void)gavea_state_set(collection->check, key, NULL, 0);
		watch_done(watch);
	}
	watches->count = kept;
}

/* Takes points that lie in the past and in order; the clock may have been set since. */
static void trend_restore(struct trend *trend, const struct collection *collection,
	const struct trend_point *points, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t time = points[i].time - collection->wall_offset;

		if (time <= collection->now + CLOCK_SLACK &&
			(!trend->count || time > trend->points[trend->count - 1].time))
			trend_add(trend, time, points[i].left);
	}
}

static void watch_restore(struct watch *watch, struct collection *collection)
{
	struct saved saved;
	const void *value;
	char key[KEY_ROOM];
	size_t size;

	if (!key_of(key, watch) || gavea_state_get(collection->check, key, &value, &size) < 0 ||
		size != sizeof(saved))
		return;
	memcpy(&saved, value, sizeof(saved));
	if (saved.version != SAVED_VERSION || saved.fast_count > FAST_POINTS ||
		saved.slow_count > SLOW_POINTS)
		return;
	watch->was_writable = collection->same_boot && saved.was_writable;
	trend_restore(&watch->fast, collection, saved.points, saved.fast_count);
	trend_restore(&watch->slow, collection, saved.points + FAST_POINTS, saved.slow_count);
}

int watches_get(
	struct watches *watches, struct collection *collection, const char *mount_point, const char *device)
{
	struct watch watch = {.mounted = true};

	for (size_t i = 0; i < watches->count; i++)
		if (streq(watches->list[i].mount_point, mount_point) &&
			streq(watches->list[i].device, device)) {
			watches->list[i].mounted = true;
			return (int)i;
		}
	if (GROW(watches->list, watches->count, watches->room) < 0)
		return -ENOMEM;
	watch.mount_point = strdup(mount_point);
	watch.device = strdup(device);
	if (!watch.mount_point || !watch.device) {
		watch_done(&watch);
		return -ENOMEM;
	}
	trend_init(&watch.fast, FAST_POINTS, FAST_SPACING);
	trend_init(&watch.slow, SLOW_POINTS, watches->window / SLOW_POINTS);
	watch_restore(&watch, collection);
	watches->list[watches->count] = watch;
	return (int)watches->count++;
}

static void points_save(
	struct trend_point *points, uint32_t *ret_count, const struct trend *trend, int64_t offset)
{
	for (size_t i = 0; i < trend->count; i++)
		points[i] = (struct trend_point){trend->points[i].time + offset, trend->points[i].left};
	*ret_count = (uint32_t)trend->count;
}

void watches_save(const struct watches *watches, struct collection *collection)
{
	for (size_t i = 0; i < watches->count && i < SAVED_MAX; i++) {
		const struct watch *watch = &watches->list[i];
		struct saved saved = {.version = SAVED_VERSION, .was_writable = watch->was_writable};
		char key[KEY_ROOM];

		points_save(saved.points, &saved.fast_count, &watch->fast, collection->wall_offset);
		points_save(
			saved.points + FAST_POINTS, &saved.slow_count, &watch->slow, collection->wall_offset);
		if (key_of(key, watch))
			(void)gavea_state_set(collection->check, key, &saved, sizeof(saved));
	}
}
