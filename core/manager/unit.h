/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One plugin as it runs: its worker, and the checks or outputs that use it. What the worker says is handed to
 * the one whom it is about.
 */
#ifndef MANAGER_UNIT_H
#define MANAGER_UNIT_H

#include "core/manager/check.h"
#include "core/manager/output.h"

struct unit;

struct unit_env {
	struct check_env check;
	struct output_env output;
	const char *worker_program; /* NULL: found */
	const char *state_directory; /* of the agent */
	int64_t worker_idle;
	int (*cgroup)(const char *plugin, uint64_t memory,
		void *userdata); /* a folder's descriptor or -1; NULL: none */
	uint32_t *next_number; /* of checks, given out once */
	/* Adds what all checks' last results have of what is wanted. */
	void (*gather)(const struct wants *wants, struct evidence *evidence, void *userdata);
	/* A check is made: its state from before may be restored. */
	void (*made)(struct check *check, void *userdata);
	void *userdata;
};

/* A command for a check's plugin: answered() is called once, with the answer or the cause for which there is
 * none. */
struct command_job {
	struct worker_job job; /* kind, check, timeout, command and facts are the submitter's; userdata points
				  to this */
	void (*answered)(struct command_job *command, const Gavea__Worker__V1__Done *done, const char *cause);
	void *userdata;
};

/* The plugin with its checks; nothing runs yet. config must stay until unit_apply(). */
int unit_new(const struct unit_env *env, const struct config_plugin *config, struct unit **ret_unit);
void unit_free(struct unit *unit);
DEFINE_CLEANUP(struct unit *, unit_free);

void unit_start(struct unit *unit);

/* Whether the new configuration needs a new worker: another file, or other rights. */
bool unit_needs_worker(const struct unit *unit, const struct config_plugin *config);

/* Goes over to a new configuration: checks that are the same are not disturbed. */
int unit_apply(struct unit *unit, const struct config_plugin *config);

/* Taken out of the configuration: says so for each of its checks. The caller frees it. */
void unit_gone(struct unit *unit);

/* Ends its checks, and has its outputs deliver what there is. */
void unit_finish(struct unit *unit);
bool unit_delivers(const struct unit *unit);

/* Ends its checks and outputs and lets its worker go; only unit_free() may follow. */
void unit_stop(struct unit *unit);

void unit_urgent(struct unit *unit);
void unit_watch_memory(struct unit *unit);

const struct config_plugin *unit_config(const struct unit *unit);
struct worker *unit_worker(const struct unit *unit);
struct check *const *unit_checks(const struct unit *unit, size_t *ret_count);
struct output *const *unit_outputs(const struct unit *unit, size_t *ret_count);

#endif
