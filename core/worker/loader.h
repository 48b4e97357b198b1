/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a plugin's file and judges it before anything in it is trusted. */
#ifndef CORE_WORKER_LOADER_H
#define CORE_WORKER_LOADER_H

#include "base/error.h"
#include "proto/worker.pb-c.h"

#include <gavea/plugin.h>

/* A plugin's description, cut or filled up to the structures that this program knows. It stays loaded for the
 * life of the process. */
struct plugin {
	struct gavea_plugin description; /* needs points to the next one, or is NULL */
	struct gavea_needs needs;
	void *loaded; /* its loader's; NULL: nothing */
};

/*
 * Loads name.so from path; describe makes no difference. 0 with *ret_plugin; or -errno (-ENOEXEC: not a plugin that this program can load;
 * -EINVAL: it describes itself wrongly) with error saying what to do. Runs the plugin's constructors, and
 * blocks on the disk.
 */
int loader_load(
	const char *name, const char *path, bool describe, struct plugin *ret_plugin, struct error *error);

/*
 * The plugin's Hello, which borrows the plugin's strings. sandbox (count lines of it) is borrowed as well.
 * Free with loader_hello_free(), not with protobuf-c. NULL: no memory.
 */
Gavea__Worker__V1__Hello *loader_hello(const struct plugin *plugin, char **sandbox, size_t count);
void loader_hello_free(Gavea__Worker__V1__Hello *hello);

#endif
