/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a strategy: "5% 2h" gives the new colour 5 % of the requests and judges it after two hours. */
#ifndef SWAP_STEPS_H
#define SWAP_STEPS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define STEPS_MAX 32

struct step {
	uint32_t share; /* hundredths of a percent */
	int64_t hold; /* nanoseconds */
};

/* Reads all steps; the shares rise, and the last one is 100 %. -EINVAL with an error that quotes the step. */
int steps_parse(
	const char *const *texts, size_t count, struct step *steps, size_t *ret_count, struct error *error);

#endif
