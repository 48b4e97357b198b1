/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a secret lies: its path is followed link by link, so that everybody is known who may put another file in its
 * place. Nothing is opened. Blocks on the disk.
 */
#ifndef SECRET_PLACE_H
#define SECRET_PLACE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct folder {
	char *path;
	struct stat st;
};

struct place {
	char *target; /* the path without links; NULL: not found. Owned */
	char *failed; /* what could not be looked at; owned */
	bool linked; /* the path led through a link */
	struct stat st; /* of the target */
	struct folder *folders; /* all on the way, in order */
	size_t count;
	size_t room;
};

/* Follows an absolute path. On failure (negative errno) `failed` tells where; the place must be done in any case. */
int place_find(const char *path, struct place *ret_place);
void place_done(struct place *place);

/* Whether everybody may pass through all folders. */
bool place_is_open(const struct place *place);

/* The same for a path; one that cannot be followed counts as open. */
bool place_is_reachable(const char *path);

/*
 * Appends who else than root and the file's owner may put another file in its place, folder by folder, with what to do.
 * 1: somebody may; 0: nobody; negative: a list of access could not be read, and it was said.
 */
int place_judge(const struct place *place, struct buf *text);

/* "user bob" or "user 1000"; likewise for a group. Returns buffer. Asks the user database. */
const char *name_user(char buffer[static 64], uid_t uid);
const char *name_group(char buffer[static 64], gid_t gid);

#endif
