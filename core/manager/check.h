/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One check: runs when it is due, takes in what the worker says, and keeps its state. Every due time ends in
 * a result: one from the plugin, or unknown with the cause.
 */
#ifndef MANAGER_CHECK_H
#define MANAGER_CHECK_H

#include "core/manager/recorder.h"
#include "core/manager/verdict.h"
#include "core/manager/worker.h"
#include "proto/control.pb-c.h"

struct check;

struct check_env {
	sd_event *event;
	struct recorder *recorder;
	const char *agent_id;
	/* Called after each result, and when a run starts: for those who follow the status. */
	void (*changed)(struct check *check, void *userdata);
	void *userdata;
};

/* A check with that number (never given out before) and configuration, which must stay until
 * check_set_config(). Nothing runs before check_start(). 0 or -ENOMEM. */
int check_new(const struct check_env *env, uint32_t number, const struct config_check *config, bool runs,
	struct worker *worker, struct check **ret_check);
void check_free(struct check *check);
DEFINE_CLEANUP(struct check *, check_free);

/* Runs now, and then on its schedule. */
void check_start(struct check *check);

/* The same check in another configuration: its state stays. A changed interval takes effect at once. */
void check_set_config(
	struct check *check, const struct config_check *config, bool runs, struct worker *worker);

/* Taken out of the configuration: says so in the spool. The caller frees it. */
void check_gone(struct check *check);

/* Runs now, out of its turn; answered() is called once with the result. -EBUSY: someone waits for one
 * already. */
int check_run_now(struct check *check, void (*answered)(struct check *check, void *userdata), void *userdata);
void check_stop_waiting(struct check *check, void *userdata);

/* The worker's side, dispatched by whoever owns the worker. */
void check_output(struct check *check, Gavea__Worker__V1__Output *output);
void check_said(
	struct check *check, Gavea__Worker__V1__Output *output); /* events and spans alone: of commands */
void check_done(struct check *check, Gavea__Worker__V1__Done *done);
void check_lost(struct check *check, const char *cause);
void check_progress(struct check *check, double done, const char *what);
void check_available(struct check *check);
/* The numbers of series that the worker gave out before mean nothing any more; map is from its numbers to the
 * catalog's. */
struct series_map;
void check_use_map(struct check *check, struct series_map *map);

const char *check_name(const struct check *check);
uint32_t check_number(const struct check *check);
const struct subject *check_subject(const struct check *check);
const struct config_check *check_config(const struct check *check);

/* The last result, as it was recorded; NULL: none yet. Borrowed, until the next one. */
const Gavea__V1__Result *check_result(const struct check *check);

/* Fills a status message that borrows from the check. */
void check_describe(const struct check *check, Gavea__Control__V1__CheckStatus *ret_status);

/* Restores the state from before a restart of the manager. Takes result. */
void check_restore(struct check *check, Gavea__V1__Result *result);

#endif
