/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of a restore test: made, measured, removed. Who holds the lock of restore_into is the only one there, over
 * all checks and processes; what an earlier test left behind is removed first.
 */
#ifndef BACKUP_SCRATCH_H
#define BACKUP_SCRATCH_H

#include "context.h"

#define SCRATCH_DATA "data" /* where the backup is restored to */
#define SCRATCH_RUN "run" /* sockets and logs */

struct scratch {
	struct context *context;
	int lock;
	char path[4096]; /* "": there is none */
	char data[4200];
	char run[4200];
	int64_t measured; /* CLOCK_MONOTONIC: when the size was looked at */
	bool too_large;
	bool disk_full;
};

/* Blocks on the disk. 0, -EBUSY: a restore test of another check runs there; else an error that names the folder. */
int scratch_open(struct scratch *scratch, struct context *context, struct error *error);

/* Removes what earlier tests left behind, unless one runs there now. Blocks on the disk. */
void scratch_clean(struct context *context);

/* Whether a restore has to stop: it grew too large, or the disk is nearly full. Looks at most every other second. */
bool scratch_stop(void *scratch);

/* Measures once more, now. */
bool scratch_is_too_large(struct scratch *scratch);

/* Removes the folder and lets the lock go. */
void scratch_close(struct scratch *scratch);

#endif
