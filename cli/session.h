/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin in a worker of its own, without the daemon: described, started with the rights that it needs,
 * opened, run with a deadline, and let go.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "agent/config.h"
#include "agent/result_json.h"

#include <sys/types.h>

typedef Gavea__Worker__V1__Hello hello_t;

#define SESSION_GRACE (2 * INT64_C(1000000000)) /* what a run gets to end after it was cancelled, ns */

struct session;

/* Starts a worker under the tightest sandbox and asks what the plugin is. 0 with *ret_hello (free with
 * hello_free()), or -errno with error. Blocks. */
int session_describe(const char *plugin, const char *path, hello_t **ret_hello, struct error *error);
void hello_free(hello_t *hello);
DEFINE_CLEANUP(hello_t *, hello_free);

/* Starts the worker with the rights that the check needs. quiet: the plugin's log lines are not shown. 0 with
 * *ret_session or -errno with error. Blocks. */
int session_start(const hello_t *hello, const char *path, const struct config_check *check, bool quiet,
	struct session **ret_session, struct error *error);
void session_free(struct session *session);
DEFINE_CLEANUP(struct session *, session_free);

pid_t session_pid(const struct session *session);

/* Opens and closes the check. 0, what open() returned below 0, or -errno (-EPIPE: the worker died), with
 * error. Blocks, for at most the check's timeout. */
int session_open(struct session *session, const struct config_check *check, struct error *error);
int session_close(struct session *session, struct error *error);

/* Closes the socket and waits for the worker to end by itself. 0, or -errno with error when it ended badly or
 * not in time (5 s). */
int session_let_go(struct session *session, struct error *error);

/* How a run ended. */
enum outcome_end {
	OUTCOME_DONE,
	OUTCOME_FAILED, /* run() said so */
	OUTCOME_OVERRAN, /* it ended when asked, after its deadline */
	OUTCOME_HUNG, /* it did not: the worker was killed */
	OUTCOME_DIED, /* the worker did */
	OUTCOME_CANCELLED, /* somebody asked for it */
};

struct outcome {
	enum outcome_end end;
	int error; /* what run() returned, below 0; or 0 */
	Gavea__V1__Result *result; /* never NULL after session_run(); unknown, with the cause, unless done */
	struct result_sample *samples; /* their series belong to the session */
	size_t sample_count;
	size_t sample_room;
	size_t events;
	size_t output_bytes;
	uint32_t open_files;
	int64_t stopped_after; /* from the request to cancel until it ended, ns; 0: was not asked */
	Gavea__Worker__V1__Output **outputs; /* where items and histograms lie */
	size_t output_count;
	size_t output_room;
};

void outcome_done(struct outcome *outcome);
#define _cleanup_outcome_ _cleanup_(outcome_done)

struct run_limits {
	int64_t timeout; /* ns: the deadline that the plugin is told, and when it is cancelled */
	int64_t cancel_after; /* ns; 0: not before the deadline */
	int signals; /* a descriptor that becomes readable when somebody wants it to end; -1: none */
};

/* Runs the check. Always fills *ret_outcome. 0, or -ENOMEM. Blocks. */
int session_run(struct session *session, const struct run_limits *limits, struct outcome *ret_outcome);

#endif
