/* SPDX-License-Identifier: Apache-2.0 */
/* The manager: everything that hangs together in gavead. */
#ifndef MANAGER_MANAGER_H
#define MANAGER_MANAGER_H

#include "base/error.h"

#include <stdbool.h>

struct manager;

struct manager_settings {
	const char *config_directory;
	const char *state_directory;
	const char *run_directory;
	const char *plugin_directory; /* NULL: the configuration's, or the default */
	const char *worker_program; /* NULL: found */
	bool cgroup; /* our cgroup is delegated to us: workers get cgroups of their own */
};

/* Loads everything; the first configuration must be good. 0, or -errno with error filled (configuration
 * errors go to the log, one a line). Runs the event loop while it waits for the plugins. */
int manager_new(const struct manager_settings *settings, struct manager **ret_manager, struct error *error);

/* Runs until SIGTERM or SIGINT. 0 or -errno. */
int manager_run(struct manager *manager);

/* Ends the workers, saves what lasts, frees. Blocks for 3 s at most, and on the disk. */
void manager_free(struct manager *manager);
DEFINE_CLEANUP(struct manager *, manager_free);

#endif
