/* SPDX-License-Identifier: Apache-2.0 */
/* `gavea status --watch`. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli/cli.h"

/* Shows the state until a signal ends it; with check, only that one's. On a terminal the screen is redrawn in
 * place; elsewhere each change is a line. A daemon that goes away is waited for. Returns the exit code. */
int watch_status(struct cli *cli, const char *check);

#endif
