/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/sightings.h"

#include "base/strmap.h"

#include <pthread.h>
#include <stdio.h>

#define INSTANCES_MAX 4
#define RETURNS_OF_COPIES 2
#define WINDOW_MS (INT64_C(3600) * 1000)
#define KEY_SIZE 80

struct instance {
	char key[KEY_SIZE];
	int64_t first_ms, last_ms;
	bool copy;
};

struct sighting {
	struct instance instances[INSTANCES_MAX];
	unsigned count, current;
	unsigned returns;
	int64_t counted_from_ms;
};

struct sightings {
	pthread_mutex_t mutex;
	struct strmap agents;
};

struct sightings *sightings_new(void)
{
	struct sightings *sightings = calloc(1, sizeof *sightings);

	if (sightings)
		pthread_mutex_init(&sightings->mutex, NULL);
	return sightings;
}

void sightings_free(struct sightings *sightings)
{
	if (!sightings)
		return;
	strmap_done(&sightings->agents, free);
	pthread_mutex_destroy(&sightings->mutex);
	free(sightings);
}

/* The oldest makes room. */
static unsigned add_instance(struct sighting *sighting, const char *key, int64_t now_ms)
{
	unsigned at = sighting->count;

	if (at < INSTANCES_MAX) {
		sighting->count++;
	} else {
		at = 0;
		for (unsigned i = 1; i < INSTANCES_MAX; i++)
			if (sighting->instances[i].last_ms < sighting->instances[at].last_ms)
				at = i;
	}
	sighting->instances[at] = (struct instance){.first_ms = now_ms};
	snprintf(sighting->instances[at].key, KEY_SIZE, "%s", key);
	return at;
}

static unsigned find_instance(struct sighting *sighting, const char *key, int64_t now_ms)
{
	for (unsigned i = 0; i < sighting->count; i++)
		if (streq(sighting->instances[i].key, key))
			return i;
	return add_instance(sighting, key, now_ms);
}

/* Of all that were seen within the window the first one is the original. */
static void mark_copies(struct sighting *sighting, int64_t now_ms)
{
	const struct instance *original = NULL;

	for (unsigned i = 0; i < sighting->count; i++) {
		const struct instance *instance = &sighting->instances[i];

		if (now_ms - instance->last_ms <= WINDOW_MS &&
			(!original || instance->first_ms < original->first_ms))
			original = instance;
	}
	for (unsigned i = 0; i < sighting->count; i++)
		sighting->instances[i].copy = &sighting->instances[i] != original;
}

static bool is_another_alive(const struct sighting *sighting, unsigned at, int64_t now_ms)
{
	for (unsigned i = 0; i < sighting->count; i++)
		if (i != at && now_ms - sighting->instances[i].last_ms <= WINDOW_MS)
			return true;
	return false;
}

static bool see(struct sighting *sighting, const char *key, int64_t now_ms)
{
	unsigned at = find_instance(sighting, key, now_ms);
	struct instance *instance = &sighting->instances[at];
	bool returned = sighting->count > 1 && at != sighting->current && instance->last_ms > 0;

	if (now_ms - sighting->counted_from_ms > WINDOW_MS) {
		sighting->counted_from_ms = now_ms;
		sighting->returns = 0;
	}
	/* The other one is gone: this is the only one. */
	if (instance->copy && !is_another_alive(sighting, at, now_ms))
		instance->copy = false;
	instance->last_ms = now_ms;
	sighting->current = at;
	if (returned && ++sighting->returns >= RETURNS_OF_COPIES)
		mark_copies(sighting, now_ms);
	return instance->copy;
}

bool sightings_is_copy(struct sightings *sightings, const char *agent_id, const char *spool_id,
	const char *boot_id, int64_t now_ms)
{
	struct sighting *sighting;
	char key[KEY_SIZE];
	bool copy = false;

	snprintf(key, sizeof key, "%.32s %.40s", spool_id, boot_id);
	pthread_mutex_lock(&sightings->mutex);
	sighting = strmap_get(&sightings->agents, agent_id);
	if (!sighting) {
		sighting = calloc(1, sizeof *sighting);
		if (sighting && strmap_set(&sightings->agents, agent_id, sighting, NULL) < 0) {
			free(sighting);
			sighting = NULL;
		}
	}
	if (sighting)
		copy = see(sighting, key, now_ms);
	pthread_mutex_unlock(&sightings->mutex);
	return copy;
}
