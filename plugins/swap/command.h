/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the operator that change or show who gets the requests. */
#ifndef SWAP_COMMAND_H
#define SWAP_COMMAND_H

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>

#define COMMAND_OUTPUT_MAX 65536

/* -EINVAL, naming the setting, when the program is not given by its absolute path. */
int command_check(const char *setting, const char *const *arguments, struct error *error);

/* Runs it to its end or the deadline (CLOCK_MONOTONIC, nanoseconds). Another exit status than 0 is -EREMOTEIO, and the
 * error quotes the first line of its standard error. output (may be NULL) gets what it printed. */
int command_run(const char *const *arguments, int64_t deadline, struct buf *output, struct error *error);

#endif
