/* SPDX-License-Identifier: Apache-2.0 */
/* The long work of a run: verification, restore test, and the look at the other places. */
#ifndef BACKUP_WORK_H
#define BACKUP_WORK_H

#include "context.h"

void work_verify(struct context *context);
void work_restore(struct context *context);
/* Judges the copies, whether enough places hold a backup in time, and whether they are apart. */
void work_copies(struct context *context);

#endif
