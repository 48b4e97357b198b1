/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every series that checks have declared, with a number that is given out once for the life of the manager,
 * and its last value.
 */
#ifndef MANAGER_CATALOG_H
#define MANAGER_CATALOG_H

#include "base/strmap.h"
#include "proto/report.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

struct catalog_series {
	Gavea__V1__Series *series; /* with our number and our check's */
	uint64_t declared_in; /* the stream that has its declaration; 0: none */
	double value;
	int64_t time_ms; /* of the run that gave the value */
	bool has_value;
};

struct catalog {
	struct catalog_series *series; /* by number - 1; series is NULL where it is gone */
	size_t count;
	size_t room;
	struct strmap by_name;
};

#define CATALOG_INIT \
	{ \
		.series = NULL \
	}

void catalog_done(struct catalog *catalog);

/* The number for a declaration of that check; takes *series (leaving NULL) when it is new. 0 with
 * *ret_number, -EINVAL for a declaration that is not one, -ENOMEM. */
int catalog_declare(
	struct catalog *catalog, uint32_t check, Gavea__V1__Series **series, uint32_t *ret_number);

/* NULL: no such number. */
struct catalog_series *catalog_get(struct catalog *catalog, uint32_t number);

/* Forgets the series of a check that is gone. */
void catalog_remove_check(struct catalog *catalog, uint32_t check);

#endif
