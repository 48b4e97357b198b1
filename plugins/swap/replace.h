/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replaces a file of somebody else's: either the old or the new content is there after a crash, and mode and owner stay.
 * A symbolic link stays one; its target is replaced. Writers that use this take turns by a lock on the file's folder.
 */
#ifndef SWAP_REPLACE_H
#define SWAP_REPLACE_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define REPLACE_SIZE_MAX (1024 * 1024)

struct replace;

/* Locks and reads. Waits for the lock until the deadline (CLOCK_MONOTONIC, nanoseconds). A file that is not there is
 * empty when missing_ok, else -ENOENT. Errors name the file. */
int replace_begin(const char *path, bool missing_ok, int64_t deadline, struct replace **ret_replace,
	struct error *error);

/* What the file holds. Borrowed. */
const struct buf *replace_old(const struct replace *replace);

/* Whether the file is there and holds this. */
bool replace_same(const struct replace *replace, const struct buf *content);

/* Writes temporary file, fsync, rename, fsync of the folder. May be called again; replace_old() stays what it was. */
int replace_write(struct replace *replace, const struct buf *content, struct error *error);

/* Whether replace_write() could: writes the temporary file, and takes it away again. */
int replace_try(struct replace *replace, struct error *error);

/* Puts back what was there, or nothing if there was nothing. */
int replace_undo(struct replace *replace, struct error *error);

/* Unlocks. NULL is nothing. */
void replace_free(struct replace *replace);
DEFINE_CLEANUP(struct replace *, replace_free);

#endif
