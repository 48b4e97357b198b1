/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker at work: takes messages from its host and runs the callbacks of its plugin, in its one thread or,
 * when the plugin may do several checks at the same time, on as many threads.
 */
#ifndef CORE_WORKER_WORKER_H
#define CORE_WORKER_WORKER_H

#include "core/worker/granted.h"
#include "core/worker/loader.h"

struct worker;

/* fd, plugin and granted (NULL: nothing to watch) are borrowed; state_directory (NULL or "": none) is copied. 0 or
 * -errno. */
int worker_new(int fd, const struct plugin *plugin, unsigned concurrency, const char *state_directory,
	const struct granted *granted, struct worker **ret_worker);

/* Serves until the host closes the socket (0) or sends what is no message of its (-EBADMSG), then closes all
 * checks. Ends the process with GRANTED_EXIT_STATUS instead, before it begins a job, when granted has changed. */
int worker_serve(struct worker *worker);

void worker_free(struct worker *worker);
DEFINE_CLEANUP(struct worker *, worker_free);

#endif
