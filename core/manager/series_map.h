/* SPDX-License-Identifier: Apache-2.0 */
/* From the numbers that a worker gives its series to the catalog's. */
#ifndef MANAGER_SERIES_MAP_H
#define MANAGER_SERIES_MAP_H

#include "core/manager/catalog.h"
#include "proto/worker.pb-c.h"

struct series_map {
	uint32_t *numbers; /* by the worker's number - 1; 0: none */
	size_t room;
};

#define SERIES_MAP_INIT \
	{ \
		NULL, 0 \
	}

void series_map_done(struct series_map *map);
void series_map_reset(struct series_map *map);

/* Takes in the declarations of an output. 0; -EBADMSG: one that is not valid; -ENOMEM. */
int series_map_declare(
	struct series_map *map, struct catalog *catalog, uint32_t check, Gavea__Worker__V1__Output *output);

/* Turns the numbers in samples into the catalog's, in place. -EBADMSG: a number that this check
 * has not declared, or as many
 * values as series are not there. */
int series_map_translate(
	const struct series_map *map, struct catalog *catalog, uint32_t check, Gavea__V1__Samples *samples);

#endif
