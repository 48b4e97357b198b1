/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/series_map.h"

#include <errno.h>

#define SERIES_MAX 20000

void series_map_done(struct series_map *map)
{
	free(map->numbers);
	*map = (struct series_map)SERIES_MAP_INIT;
}

void series_map_reset(struct series_map *map)
{
	if (map->room)
		memset(map->numbers, 0, map->room * sizeof *map->numbers);
}

static int make_room(struct series_map *map, uint32_t number)
{
	size_t room = map->room ? map->room : 64;
	uint32_t *bigger;

	if (number <= map->room)
		return 0;
	while (room < number)
		room *= 2;
	bigger = reallocarray(map->numbers, room, sizeof *bigger);
	if (!bigger)
		return -ENOMEM;
	memset(bigger + map->room, 0, (room - map->room) * sizeof *bigger);
	map->numbers = bigger;
	map->room = room;
	return 0;
}

int series_map_declare(
	struct series_map *map, struct catalog *catalog, uint32_t check, Gavea__Worker__V1__Output *output)
{
	for (size_t i = 0; i < output->n_series; i++) {
		uint32_t number = output->series[i]->number, ours;
		int r;

		if (number == 0 || number > SERIES_MAX)
			return -EBADMSG;
		r = make_room(map, number);
		if (r == 0)
			r = catalog_declare(catalog, check, &output->series[i], &ours);
		if (r < 0)
			return r == -EINVAL ? -EBADMSG : r;
		/* A number stands for one series as long as the worker lives: so there are not endlessly many. */
		if (map->numbers[number - 1] && map->numbers[number - 1] != ours)
			return -EBADMSG;
		map->numbers[number - 1] = ours;
		/* The catalog may have kept it; what is left in its place must be one that can be freed. */
		if (!output->series[i]) {
			output->series[i] = output->series[output->n_series - 1];
			output->n_series--;
			i--;
		}
	}
	return 0;
}

static uint32_t lookup(const struct series_map *map, struct catalog *catalog, uint32_t check, int64_t number)
{
	struct catalog_series *entry;

	if (number <= 0 || (uint64_t)number > map->room)
		return 0;
	entry = catalog_get(catalog, map->numbers[number - 1]);
	return entry && entry->series->check == check ? entry->series->number : 0;
}

int series_map_translate(
	const struct series_map *map, struct catalog *catalog, uint32_t check, Gavea__V1__Samples *samples)
{
	int64_t theirs = 0, before = 0;

	if (samples->n_series != samples->n_values)
		return -EBADMSG;
	for (size_t i = 0; i < samples->n_series; i++) {
		uint32_t ours;

		theirs += samples->series[i];
		ours = lookup(map, catalog, check, theirs);
		if (!ours)
			return -EBADMSG;
		samples->series[i] = (int32_t)((int64_t)ours - before);
		before = ours;
	}
	for (size_t i = 0; i < samples->n_histograms; i++) {
		uint32_t ours = lookup(map, catalog, check, samples->histograms[i]->series);

		if (!ours)
			return -EBADMSG;
		samples->histograms[i]->series = ours;
	}
	return 0;
}
