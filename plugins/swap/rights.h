/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the agent may write what a swap will have to write. Asked before a start: a map that can't be replaced would
 * else be found when the migration is done and clients wait.
 */
#ifndef SWAP_RIGHTS_H
#define SWAP_RIGHTS_H

#include "base/error.h"

#include <stdint.h>

/* What messages send people to. */
#define RIGHTS_PAGE "\"Rights\" in /usr/share/doc/gavea/plugins/swap.md"

/* Whether the file can be replaced, with its owner and mode as they are: a new one is written beside it and taken away
 * again. Waits for the folder's lock until the deadline (CLOCK_MONOTONIC, nanoseconds). Errors name the file and what to
 * do. */
int rights_replace(const char *path, int64_t deadline, struct error *error);

/* Whether files can be made in the folder; one that is not there yet is judged by the next one above it that is. */
int rights_folder(const char *path, struct error *error);

/* Likewise for the folder that the path is in. */
int rights_beside(const char *path, struct error *error);

#endif
