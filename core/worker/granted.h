/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that were granted one by one. A sandbox grants the file that lay there when it was made: one that is put in its
 * place later can't be read, and only a worker with a new sandbox can read it.
 */
#ifndef CORE_WORKER_GRANTED_H
#define CORE_WORKER_GRANTED_H

#include "proto/worker.pb-c.h"

#include <stdbool.h>

/* The exit status of a worker that asks for a new sandbox, and for its job to be given to the next one; a part of the
 * contract in proto/worker.proto. */
#define GRANTED_EXIT_STATUS 75

struct granted;

/* Notes what lies there now. Folders are left out: what is below them is granted whatever it is. 0 with *ret_granted,
 * NULL when there is nothing to watch; or -ENOMEM. Blocks on the disk. */
int granted_new(const Gavea__Worker__V1__Rights *rights, struct granted **ret_granted);
void granted_free(struct granted *granted);

/* Whether any of them is another file now, or is there now. granted may be NULL. Blocks on the disk. */
bool granted_changed(const struct granted *granted);

#endif
