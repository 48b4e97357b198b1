/* SPDX-License-Identifier: Apache-2.0 */
/* From what is configured (files, folders, patterns) to the files that are there now. Blocks on the disk. */
#ifndef CERT_PATHS_H
#define CERT_PATHS_H

#include "finding.h"

#define PATHS_MAX 2000 /* files of one check */

struct path {
	char *path; /* owned */
	bool named; /* stands in the configuration itself: it must hold a certificate */
};

struct paths {
	struct path *list;
	size_t count;
	size_t room;
	bool full; /* there were more than PATHS_MAX */
};

/*
 * Adds what text stands for: a pattern's matches, a folder's files (with its folders, links to folders are not
 * followed), or the path itself, whether it is there or not. What cannot be looked at or matches nothing becomes a
 * finding. 0 or -ENOMEM.
 */
int paths_add(struct paths *paths, const char *text, struct findings *findings);
void paths_done(struct paths *paths);

#endif
