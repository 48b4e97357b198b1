/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What plugins said of themselves, kept in the state directory: a plugin whose file is the same as then need not be loaded
 * to be asked again, which is most of a start. A file that is missing, damaged or of another version of gavea is as good
 * as none.
 */
#ifndef MANAGER_DESCRIBED_H
#define MANAGER_DESCRIBED_H

#include "proto/control.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

struct described {
	char *path; /* of the file it is kept in; NULL: nowhere */
	Gavea__Control__V1__SavedDescription **list;
	size_t count;
	size_t room;
	bool changed;
};

#define DESCRIBED_INIT \
	{ \
		NULL, NULL, 0, 0, false \
	}

/* Blocks on the disk. */
void described_load(struct described *described, const char *state_directory);

/* A copy of what the plugin in this file said, which the caller frees; NULL: it has to be asked. */
Gavea__Worker__V1__Hello *described_find(const struct described *described, const char *plugin);

/* Keeps a copy for this file. One that can't be kept is asked again. */
void described_keep(struct described *described, const char *plugin, const Gavea__Worker__V1__Hello *hello);

/* Writes what changed. Blocks on the disk. */
void described_save(struct described *described);

void described_done(struct described *described);

#endif
