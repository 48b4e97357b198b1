/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows a log file over its rotation: what is appended from now on, line by line. The file that was moved away is read
 * on until the next rotation, since its writer holds it open for a while. A file that is not there yet is waited for.
 */
#ifndef SWAP_LOGTAIL_H
#define SWAP_LOGTAIL_H

#include "base/error.h"

#include <stdint.h>

struct logtail;

/* Begins at the file's end. A file that may not be read is an error that names it; one that is missing is not. */
int logtail_open(const char *path, struct logtail **ret_tail, struct error *error);

/* Hands over each whole line that is there by now, without its line feed, and returns. Longer ones than size_max are
 * handed over cut. Returns how often lines may have been lost since the last call: a file that was cut short. */
unsigned logtail_read(
	struct logtail *tail, void (*line)(void *userdata, const char *text, size_t size), void *userdata);

void logtail_free(struct logtail *tail);

#endif
