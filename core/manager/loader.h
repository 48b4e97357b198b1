/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads a configuration without holding the event loop up: reads the files, asks each plugin to describe
 * itself in a worker of its own, and resolves.
 */
#ifndef MANAGER_LOADER_H
#define MANAGER_LOADER_H

#include "agent/config.h"

#include <systemd/sd-event.h>

struct loader;

struct loader_settings {
	const char *config_directory;
	const char *plugin_directory; /* NULL: the configuration's, or the default */
	const char *worker_program; /* NULL: found */
	const char *state_directory; /* of the agent */
	/* Whether a worker for this plugin must be seen to start, with the rights that it is granted, before the
	 * configuration counts as good. NULL: for none. */
	bool (*wants_trial)(const struct config_plugin *plugin, void *userdata);
};

/* Called once. config is NULL when there were errors; the callee takes it. errors stay the loader's. The
 * loader may be freed from here. */
typedef void (*loader_done)(struct config *config, const struct config_errors *errors, void *userdata);

int loader_start(sd_event *event, const struct loader_settings *settings, loader_done done, void *userdata,
	struct loader **ret_loader);

/* Also ends one that is not done, without a call of done(). */
void loader_free(struct loader *loader);
DEFINE_CLEANUP(struct loader *, loader_free);

#endif
