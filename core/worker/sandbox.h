/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker takes away from itself before it loads a plugin. Each mechanism is a layer of its own, so
 * that what one kernel lacks another still holds: no_new_privs, limits, Landlock (files, TCP), capabilities,
 * seccomp.
 */
#ifndef CORE_WORKER_SANDBOX_H
#define CORE_WORKER_SANDBOX_H

#include "base/error.h"
#include "proto/worker.pb-c.h"

#include <stdbool.h>

struct sandbox_spec {
	const char *plugin_path;
	const char *state_directory; /* NULL: none */
	const Gavea__Worker__V1__Rights *rights;
	bool describe; /* to load the plugin and ask it what it is, no more */
};

/* What is in force, a line each. */
struct sandbox_report {
	char **lines;
	size_t count;
	size_t room;
};

void sandbox_report_done(struct sandbox_report *report);

/*
 * Applies everything to this process, which must have one thread only. What the kernel lacks is said in
 * report; what it has and refuses is an error: -errno with error filled, and the plugin must not be loaded
 * then.
 */
int sandbox_apply(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error);

/* ---- Its layers; 0 or -errno with error filled ---- */

void sandbox_say(struct sandbox_report *report, const char *format, ...) _printf_(2, 3);

/* Open files, core dumps, data segment, size of files. */
int sandbox_limits(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error);

/* Files, TCP, signals and abstract sockets, as far as the kernel's Landlock goes. */
int sandbox_landlock(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error);

/* All sets reduced to what is granted. */
int sandbox_capabilities(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error);

/* System calls. */
int sandbox_seccomp(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error);

#endif
