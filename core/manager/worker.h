/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One plugin's worker: started when there is work, spoken to, watched, let go when idle, ended when it
 * misbehaves, and started again with growing pauses. Jobs are queued here and sent as the worker can take
 * them. Whatever happens to the process, each job that was submitted ends in exactly one call of done() or
 * lost().
 *
 * States: stopped -> starting -> ready -> stopping -> stopped; from any of them to backoff after a death.
 */
#ifndef MANAGER_WORKER_H
#define MANAGER_WORKER_H

#include "agent/config.h"
#include "agent/link.h"
#include "base/error.h"
#include "core/manager/spool.h"

#include <systemd/sd-event.h>

struct worker;
struct worker_job;
struct wants;
struct evidence;

enum worker_state {
	WORKER_STOPPED,
	WORKER_STARTING,
	WORKER_READY,
	WORKER_STOPPING,
	WORKER_BACKOFF,
};

enum job_kind {
	JOB_RUN,
	JOB_DELIVER,
	JOB_COMMAND,
};

/* A job. The submitter owns it and keeps it, and all that it points to, until done() or lost(). */
struct worker_job {
	enum job_kind kind;
	uint32_t check; /* number of a check that was added */
	int64_t timeout; /* nanoseconds from when it is sent */
	void *userdata;

	const struct spool_batch *batch; /* JOB_DELIVER */
	Gavea__Worker__V1__Fact **facts; /* JOB_DELIVER: of the agent; JOB_COMMAND: arguments */
	size_t fact_count;
	const char *command; /* JOB_COMMAND */

	/* From here on the worker's. */
	struct worker *worker;
	struct worker_job *next;
	uint64_t number;
	int64_t sent_ms; /* wall clock */
	int64_t sent_ns; /* CLOCK_MONOTONIC */
	uint64_t bytes; /* of output so far */
	bool queued;
	bool cancelled;
	bool given_again; /* a worker asked for a new sandbox instead of doing it */
	sd_event_source *timer;
};

struct worker_handler {
	/* The worker has loaded the plugin (again): numbers of series that it gave out before mean nothing
	 * any more. */
	void (*ready)(struct worker *worker, void *userdata);
	/* A pause after a death is over; work that was turned away meanwhile may be submitted again. */
	void (*available)(struct worker *worker, void *userdata);
	/* A part of a job's output, and its end. The messages belong to the caller; parts may be taken out of
	 * them. */
	void (*output)(struct worker *worker, struct worker_job *job, Gavea__Worker__V1__Output *output,
		void *userdata);
	void (*done)(
		struct worker *worker, struct worker_job *job, Gavea__Worker__V1__Done *done, void *userdata);
	/* The job ended without an answer. cause tells why. */
	void (*lost)(struct worker *worker, struct worker_job *job, const char *cause, void *userdata);
	void (*progress)(
		struct worker *worker, struct worker_job *job, double done, const char *what, void *userdata);
	/* A job of an actor is about to be sent: adds what it wants to know. NULL: nobody knows anything. */
	void (*evidence)(
		struct worker *worker, const struct wants *wants, struct evidence *evidence, void *userdata);
	/* The worker died, was ended, or could not be started. */
	void (*died)(struct worker *worker, const char *cause, void *userdata);
};

struct worker_settings {
	const char *program; /* gavea-worker; NULL: found */
	const char *state_directory; /* of this plugin; NULL: none */
	int64_t idle; /* nanoseconds */
	int cgroup; /* folder of this worker's cgroup; -1: none */
};

int worker_new(sd_event *event, const struct config_plugin *plugin, const struct worker_settings *settings,
	const struct worker_handler *handler, void *userdata, struct worker **ret_worker);

/* Ends the process if there is one; jobs end with lost(). */
void worker_free(struct worker *worker);
DEFINE_CLEANUP(struct worker *, worker_free);

/* After a reload: the same plugin with the same file and rights, in new memory. */
void worker_set_plugin(struct worker *worker, const struct config_plugin *plugin, int64_t idle);

/* Makes a check known (again, when its configuration changed: it is then opened anew). config stays the
 * caller's and must stay. 0 or -ENOMEM. */
int worker_add_check(struct worker *worker, uint32_t number, const struct config_check *config);
void worker_remove_check(struct worker *worker, uint32_t number);

/* Takes a job. 0; -EAGAIN: the worker is in a pause after a death, see worker_cause(). */
int worker_submit(struct worker *worker, struct worker_job *job);

/* Ends a job that is queued or running, without a call of done() or lost(). A running one is asked to cancel
 * and its answer ignored. */
void worker_withdraw(struct worker *worker, struct worker_job *job);

/* Lets the process end by itself, now if idle, else after its jobs. */
void worker_release(struct worker *worker);

/* Whether a process that was let go has ended, for those who wait without the event loop. */
bool worker_ended(struct worker *worker);

/* Looks at the memory that the process uses, and ends it over its limit. */
void worker_watch_memory(struct worker *worker);

/* For status. */
const char *worker_state_name(const struct worker *worker);
const char *worker_cause(const struct worker *worker); /* of the last death; "" none. Borrowed. */
int64_t worker_started_at(
	const struct worker *worker); /* CLOCK_MONOTONIC, of the last process; 0: none yet */
int64_t worker_resumes_in(const struct worker *worker); /* nanoseconds, in a pause; else 0 */
pid_t worker_pid(const struct worker *worker); /* 0: none */
uint64_t worker_memory(const struct worker *worker); /* bytes, at the last look */
unsigned worker_restarts(const struct worker *worker); /* deaths since the start */
const char *const *worker_sandbox(const struct worker *worker, size_t *ret_count);
bool worker_busy(const struct worker *worker);

#endif
