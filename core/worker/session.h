/* SPDX-License-Identifier: Apache-2.0 */
/* From the first message to the last: start, sandbox, plugin, work. */
#ifndef CORE_WORKER_SESSION_H
#define CORE_WORKER_SESSION_H

#include "core/worker/loader.h"

#define SESSION_SOCKET 3

/* How a plugin comes into the process. */
struct session_loader {
	bool program; /* what it loads is run, not loaded: without the right to run programs there is nothing to do */
	/* As loader_load(). describe: the plugin is asked what it is, and no more. */
	int (*load)(const char *name, const char *path, bool describe, struct plugin *ret_plugin,
		struct error *error);
	void (*unload)(struct plugin *plugin); /* NULL: nothing is to be done */
};

/*
 * A worker's main(): turns this process into the worker that the host asks for, and serves. Returns the exit status: 0
 * when the host let it go or refused it, 1 when the host broke the protocol, 2 when there is no host.
 */
int session_main(int argc, const struct session_loader *loader);

#endif
