/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leaves the modules that look at bytes: where a secret lies and which rule says so, never a byte of it. There is
 * no member here that could hold one.
 */
#ifndef SECRET_SIGHTING_H
#define SECRET_SIGHTING_H

#include "fingerprint.h"

#include <gavea/plugin.h>

#include <stdbool.h>
#include <stdint.h>

struct sighting {
	const char *rule; /* a constant, or owned by the engine */
	const char *description;
	const char *remedy; /* NULL: the usual one */
	enum gavea_status status;
	bool generic; /* gives way to others at the same place */
	bool doubtful; /* its check sum is wrong */
	uint64_t offset; /* of the value, in the text */
	uint64_t end;
	uint64_t line; /* from 1; 0: the text as a whole */
	char fingerprint[FINGERPRINT_SIZE];
};

/* Returns 0, or a negative errno that ends the scan. */
typedef int (*sighting_sink)(void *userdata, const struct sighting *sighting);

#endif
