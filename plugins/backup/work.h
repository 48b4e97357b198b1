/* SPDX-License-Identifier: Apache-2.0 */
/* The long work of a run: verification and restore test. */
#ifndef BACKUP_WORK_H
#define BACKUP_WORK_H

#include "context.h"

void work_verify(struct context *context);
void work_restore(struct context *context);

#endif
