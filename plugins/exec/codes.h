/* SPDX-License-Identifier: Apache-2.0 */
/* What exit statuses mean. */
#ifndef EXEC_CODES_H
#define EXEC_CODES_H

#include "base/error.h"

#include <stdint.h>

#define CODES 256
#define CODE_UNMAPPED UINT8_MAX

struct codes {
	uint8_t status[CODES]; /* enum gavea_status, or CODE_UNMAPPED */
};

void codes_init(struct codes *codes);

/* Gives a meaning to exit statuses, which are written as "3" or "10-19". -EINVAL with an error: not of that form, or one
 * has a meaning already. */
int codes_set(struct codes *codes, const char *text, int status, struct error *error);

#endif
