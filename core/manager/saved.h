/* SPDX-License-Identifier: Apache-2.0 */
/* The states of checks over a restart of the manager: a file in the state directory. It blocks on the disk.
 */
#ifndef MANAGER_SAVED_H
#define MANAGER_SAVED_H

#include "base/strmap.h"
#include "core/manager/check.h"

/* Results by the check's name, Gavea__V1__Result *. A file that is missing or damaged leaves the map empty.
 */
void saved_load(const char *state_directory, struct strmap *results);
void saved_done(struct strmap *results);

/* Writes the results of these checks. 0 or -errno. */
int saved_write(const char *state_directory, struct check *const *checks, size_t count);

#endif
