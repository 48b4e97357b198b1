/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the worker's supervision share. For no one else. */
#ifndef MANAGER_WORKER_INTERNAL_H
#define MANAGER_WORKER_INTERNAL_H

#include "core/manager/backoff.h"
#include "core/manager/wants.h"
#include "core/manager/worker.h"

struct worker_check {
	uint32_t number;
	const struct config_check *config;
	bool opened; /* in the process that runs now */
	struct worker_job *opening; /* waits for it to be opened, and is sent then; NULL: none does */
	struct wants wants; /* what it said then */
};

/* Nothing that the process knew of a check holds any more. */
static inline void worker_check_forget(struct worker_check *check)
{
	check->opened = false;
	check->opening = NULL;
	wants_done(&check->wants);
}

struct worker {
	sd_event *event;
	const struct config_plugin *plugin;
	const struct worker_handler *handler;
	void *userdata;
	char *program;
	char *state_directory;
	int64_t idle;
	int cgroup;

	enum worker_state state;
	struct link *link;
	sd_event_io_handler_t on_io; /* worker.c: what events of the process mean */
	sd_event_io_handler_t on_death;
	sd_event_time_handler_t on_timer;
	sd_event_source *io;
	sd_event_source *death;
	sd_event_source *timer; /* of the state: start, idle, stopping, pause */
	int64_t timer_at; /* CLOCK_MONOTONIC */
	int memory_file; /* /proc/PID/statm */
	uint64_t memory;
	int64_t memory_seen_at; /* CLOCK_MONOTONIC */
	int64_t started_at; /* CLOCK_MONOTONIC, as ready_at */
	int64_t ready_at;
	bool killed;
	bool silent; /* it closed its connection; until it dies nothing can be asked of it */
	char kill_cause[128]; /* why it was ended by us; "" otherwise */
	struct worker_job *blamed; /* for that; NULL: nobody in particular */
	char cause[160]; /* of the last death */
	unsigned restarts;
	struct backoff backoff;
	char **sandbox;
	size_t sandbox_count;

	struct worker_check *checks;
	size_t check_count;
	size_t check_room;

	struct worker_job *queue; /* first in, first out */
	struct worker_job *running;
	size_t running_count;
	uint64_t next_job;

	int64_t log_refill_at; /* token bucket of log lines */
	unsigned log_tokens;
	unsigned log_suppressed;
	unsigned unasked; /* messages since the last job was sent, without one running */
};

/* ---- worker_process.c: the process ---- */

/* One timer serves the state that the worker is in: on_timer() after so long. */
void worker_set_timer(struct worker *worker, int64_t in);
void worker_stop_timer(struct worker *worker);

/* Starts the process. One that can't be started ends like one that died: on_timer() sees it stopping, and no link. */
void worker_start(struct worker *worker);

/* Ends it by force; the cause will be told when it is dead. blamed: the job that is at fault; NULL: nobody in particular. */
void worker_kill(struct worker *worker, struct worker_job *blamed, const char *format, ...) _printf_(3, 4);

/* Frees what belongs to the process. One that lives is ended. */
void worker_forget_process(struct worker *worker);

/* Starts or stops the count of idle time. */
void worker_watch_idle(struct worker *worker);

/* Be called when the worker takes messages again. */
void worker_want_output(struct worker *worker, bool want);

/* ---- worker_jobs.c: queue, deadlines, ends ---- */

/* Sends what the worker can take now. */
void jobs_pump(struct worker *worker);

struct worker_job *jobs_find(struct worker *worker, uint64_t number);

/* A check was opened, or could not be: the job that waited for it is sent. */
void jobs_opened(struct worker *worker, const Gavea__Worker__V1__Opened *opened);

/* Ends a running job with done, or a job with the cause for which it has no answer. */
void jobs_finish(struct worker *worker, struct worker_job *job, Gavea__Worker__V1__Done *done);
void jobs_lose(struct worker *worker, struct worker_job *job, const char *cause);

/* After a worker ended to get a new sandbox: its jobs wait again. One for which that happened before is lost. */
void jobs_give_again(struct worker *worker, const char *cause);

/* After a death: the ones to blame are lost, the others wait again. */
void jobs_after_death(struct worker *worker, const char *cause);

/* ---- worker_frames.c: what it says ---- */

/* Takes in at most limit messages. */
void frames_dispatch(struct worker *worker, unsigned limit);

#endif
