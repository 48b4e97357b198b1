/* SPDX-License-Identifier: Apache-2.0 */
/* SIGINT, SIGTERM and SIGHUP as something to poll, for what must clean up when it is told to end. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

/* Blocks them and returns a descriptor that tells of them, or -errno. */
int signals_open(void);

/* Whether one has come. Takes it. */
bool signals_take(int fd);

#endif
