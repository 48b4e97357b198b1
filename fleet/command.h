/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of gavea-fleetd(8): tokens, agents and the audit log of a state directory, while the server runs or not. */
#ifndef FLEET_COMMAND_H
#define FLEET_COMMAND_H

#include "fleet/settings.h"

#include <stdbool.h>

/* Whether this word begins one. */
bool command_is(const char *word);

/* One line each, for --help. */
const char *command_usage(void);

/* Does it, as the owner of the state directory where it was started by root. The exit status; complaints went to standard
 * error. Blocks. */
int command_run(const struct settings *settings, int argc, char **argv);

#endif
