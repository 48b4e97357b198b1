/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/worker.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "core/manager/cgroup.h"
#include "core/manager/worker_internal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEADY_AFTER \
	(60 * NSEC_PER_SEC) /* a worker that lived this long is not blamed for earlier deaths \
			     */
#define FRAMES_AT_ONCE 64 /* then others have their turn */

/* ---- The process ---- */

static void enter_pause(struct worker *worker)
{
	worker->state = WORKER_BACKOFF;
	worker_set_timer(worker, backoff_fail(&worker->backoff));
}

/* The process is gone. cause "" means that it was let go. */
static void handle_end(struct worker *worker, const char *cause)
{
	bool wanted = worker->state == WORKER_STOPPING && !worker->killed;
	bool overran = worker->blamed != NULL;
	char pid[16];
	const struct log_field fields[] = {{"GAVEA_PLUGIN", worker->plugin->name}, {"GAVEA_WORKER_PID", pid}};

	if (worker->state == WORKER_READY && clock_ns(CLOCK_MONOTONIC) - worker->ready_at > STEADY_AFTER)
		backoff_reset(&worker->backoff);
	snprintf(pid, sizeof pid, "%d", (int)worker_pid(worker));
	worker_forget_process(worker);
	cgroup_kill(worker->cgroup);
	worker->state = WORKER_STOPPED;
	worker_stop_timer(worker);
	if (!wanted) {
		snprintf(worker->cause, sizeof worker->cause, "%s", cause);
		worker->restarts++;
		log_line_with(LOG_LEVEL_WARNING, fields, ARRAY_SIZE(fields), "%s: %s", worker->plugin->name,
			worker->cause);
		/* Jobs that are not to blame for an overrun need not wait for a pause. */
		if (!overran)
			enter_pause(worker);
		jobs_after_death(worker, worker->cause);
		while (worker->state == WORKER_BACKOFF && worker->queue)
			jobs_lose(worker, worker->queue, worker->cause);
		worker->handler->died(worker, worker->cause, worker->userdata);
	}
	worker->kill_cause[0] = 0;
	if (worker->state == WORKER_STOPPED && worker->queue)
		worker_start(worker);
}

/* A file that was granted has been replaced (core/worker/granted.h). A plugin that ends so by itself gains no more than a
 * second try for each job. */
static bool asks_for_sandbox(const struct worker *worker, int status)
{
	return worker->state == WORKER_READY && !worker->killed && WIFEXITED(status) &&
		WEXITSTATUS(status) == LINK_EXIT_NEW_SANDBOX;
}

static int on_death(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct worker *worker = userdata;
	char text[64], cause[160];
	int status;

	(void)source;
	(void)fd;
	(void)events;
	/* What it said before it died counts. */
	frames_dispatch(worker, 1000);
	if (!worker->link || !link_reap(worker->link, &status))
		return 0;
	if (asks_for_sandbox(worker, status)) {
		jobs_give_again(worker, "its worker asked for a new sandbox again and again");
		worker->state = WORKER_STOPPING;
		handle_end(worker, "");
		return 0;
	}
	if (worker->kill_cause[0])
		snprintf(cause, sizeof cause, "worker ended: %s", worker->kill_cause);
	else
		snprintf(cause, sizeof cause, "worker %s%s", link_death(status, text),
			worker->state == WORKER_STARTING ? " while the plugin was loaded" : "");
	handle_end(worker, cause);
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct worker *worker = userdata;

	(void)source;
	(void)fd;
	if (events & EPOLLOUT) {
		worker_want_output(worker, false);
		jobs_pump(worker);
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		frames_dispatch(worker, FRAMES_AT_ONCE);
	return 0;
}

bool worker_ended(struct worker *worker)
{
	int status;

	if (worker->link && link_reap(worker->link, &status))
		worker_forget_process(worker);
	return !worker->link;
}

/* Even SIGKILL does not end a process that hangs in the kernel: leave it, once, and start another. */
static void abandon(struct worker *worker)
{
	char cause[256];

	snprintf(cause, sizeof cause, "worker %d can't be ended, it hangs in the kernel; abandoned (%s)",
		(int)link_pid(worker->link), worker->kill_cause);
	log_error("%s: %s", worker->plugin->name, cause);
	handle_end(worker, cause);
}

static void could_not_start(struct worker *worker)
{
	char cause[sizeof worker->kill_cause];

	memcpy(cause, worker->kill_cause, sizeof cause);
	handle_end(worker, cause);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct worker *worker = userdata;
	(void)source;
	(void)usec;
	switch (worker->state) {
	case WORKER_STARTING:
		worker_kill(worker, NULL, "no answer in 10 s while the plugin was loaded");
		break;
	case WORKER_READY:
		if (worker->silent)
			worker_kill(worker, NULL, "it closed its connection and went on");
		else
			worker_release(worker);
		break;
	case WORKER_STOPPING:
		if (!worker->link)
			could_not_start(worker);
		else if (worker->killed)
			abandon(worker);
		else
			worker_kill(worker, NULL, "did not end when it was let go");
		break;
	case WORKER_BACKOFF:
		worker->state = WORKER_STOPPED;
		worker->handler->available(worker, worker->userdata);
		if (worker->state == WORKER_STOPPED && worker->queue)
			worker_start(worker);
		break;
	case WORKER_STOPPED:
		break;
	}
	return 0;
}

/* ---- Life ---- */

int worker_new(sd_event *event, const struct config_plugin *plugin, const struct worker_settings *settings,
	const struct worker_handler *handler, void *userdata, struct worker **ret_worker)
{
	_cleanup_(worker_freep) struct worker *worker = calloc(1, sizeof *worker);

	if (!worker)
		return -ENOMEM;
	worker->event = sd_event_ref(event);
	worker->plugin = plugin;
	worker->handler = handler;
	worker->userdata = userdata;
	worker->idle = settings->idle;
	worker->cgroup = settings->cgroup;
	worker->memory_file = -EBADF;
	worker->on_io = on_io;
	worker->on_death = on_death;
	worker->on_timer = on_timer;
	worker->next_job = 1;
	if (settings->program) {
		worker->program = strdup(settings->program);
		if (!worker->program)
			return -ENOMEM;
	}
	if (settings->state_directory) {
		worker->state_directory = strdup(settings->state_directory);
		if (!worker->state_directory)
			return -ENOMEM;
	}
	*ret_worker = TAKE_PTR(worker);
	return 0;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	while (worker->running)
		jobs_lose(worker, worker->running,
			"its worker was ended, for a new configuration or because the agent stops");
	while (worker->queue)
		jobs_lose(worker, worker->queue,
			"its worker was ended, for a new configuration or because the agent stops");
	worker_forget_process(worker);
	sd_event_source_disable_unref(worker->timer);
	for (size_t i = 0; i < worker->sandbox_count; i++)
		free(worker->sandbox[i]);
	free(worker->sandbox);
	free(worker->checks);
	free(worker->program);
	free(worker->state_directory);
	sd_event_unref(worker->event);
	free(worker);
}

void worker_set_plugin(struct worker *worker, const struct config_plugin *plugin, int64_t idle)
{
	worker->plugin = plugin;
	worker->idle = idle;
	worker_watch_idle(worker);
}

/* ---- For status ---- */

const char *worker_state_name(const struct worker *worker)
{
	static const char *const names[] = {
		[WORKER_STOPPED] = "idle",
		[WORKER_STARTING] = "starting",
		[WORKER_READY] = "running",
		[WORKER_STOPPING] = "stopping",
		[WORKER_BACKOFF] = "backing off",
	};

	return names[worker->state];
}

int64_t worker_started_at(const struct worker *worker)
{
	return worker->started_at;
}

const char *worker_cause(const struct worker *worker)
{
	return worker->cause;
}

int64_t worker_resumes_in(const struct worker *worker)
{
	if (worker->state != WORKER_BACKOFF)
		return 0;
	return MAX(worker->timer_at - clock_ns(CLOCK_MONOTONIC), INT64_C(0));
}

pid_t worker_pid(const struct worker *worker)
{
	return worker->link ? link_pid(worker->link) : 0;
}

uint64_t worker_memory(const struct worker *worker)
{
	return worker->memory;
}

unsigned worker_restarts(const struct worker *worker)
{
	return worker->restarts;
}

const char *const *worker_sandbox(const struct worker *worker, size_t *ret_count)
{
	*ret_count = worker->sandbox_count;
	return (const char *const *)worker->sandbox;
}

bool worker_busy(const struct worker *worker)
{
	return worker->running != NULL;
}
