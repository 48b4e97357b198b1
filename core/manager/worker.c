/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/worker.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "core/manager/worker_internal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define START_TIMEOUT (10 * NSEC_PER_SEC)
#define STOP_TIMEOUT (5 * NSEC_PER_SEC)
#define KILL_TIMEOUT (5 * NSEC_PER_SEC)
#define STEADY_AFTER \
	(60 * NSEC_PER_SEC) /* a worker that lived this long is not blamed for earlier deaths \
			     */
#define FRAMES_AT_ONCE 64 /* then others have their turn */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

/* ---- The timer of the state ---- */

static void set_timer(struct worker *worker, int64_t in)
{
	worker->timer_at = clock_ns(CLOCK_MONOTONIC) + in;
	if (!worker->timer &&
		sd_event_add_time(worker->event, &worker->timer, CLOCK_MONOTONIC,
			(uint64_t)(worker->timer_at / NSEC_PER_USEC), 1000, on_timer, worker) < 0) {
		log_error("%s: no timer: out of memory", worker->plugin->name);
		return;
	}
	sd_event_source_set_time(worker->timer, (uint64_t)(worker->timer_at / NSEC_PER_USEC));
	sd_event_source_set_enabled(worker->timer, SD_EVENT_ONESHOT);
}

static void stop_timer(struct worker *worker)
{
	if (worker->timer)
		sd_event_source_set_enabled(worker->timer, SD_EVENT_OFF);
}

/* ---- The process ---- */

static void forget_process(struct worker *worker)
{
	sd_event_source_disable_unref(TAKE_PTR(worker->io));
	sd_event_source_disable_unref(TAKE_PTR(worker->death));
	link_free(TAKE_PTR(worker->link));
	worker->memory_file = fd_close(worker->memory_file);
	worker->memory = 0;
	worker->killed = false;
	for (size_t i = 0; i < worker->check_count; i++)
		worker->checks[i].opened = false;
}

static void enter_pause(struct worker *worker)
{
	worker->state = WORKER_BACKOFF;
	set_timer(worker, backoff_fail(&worker->backoff));
}

/* The process is gone. cause "" means that it was let go. */
static void handle_end(struct worker *worker, const char *cause)
{
	bool wanted = worker->state == WORKER_STOPPING && !worker->killed;
	bool overran = worker->blamed != NULL;

	if (worker->state == WORKER_READY && clock_ns(CLOCK_MONOTONIC) - worker->ready_at > STEADY_AFTER)
		backoff_reset(&worker->backoff);
	forget_process(worker);
	worker->state = WORKER_STOPPED;
	stop_timer(worker);
	if (!wanted) {
		snprintf(worker->cause, sizeof worker->cause, "%s", cause);
		worker->restarts++;
		log_warning("%s: %s", worker->plugin->name, worker->cause);
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

void worker_want_output(struct worker *worker, bool want)
{
	if (worker->io)
		sd_event_source_set_io_events(worker->io, want ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int watch_process(struct worker *worker)
{
	char path[48];
	int r = sd_event_add_io(worker->event, &worker->io, link_fd(worker->link), EPOLLIN, on_io, worker);

	if (r < 0)
		return r;
	r = sd_event_add_io(
		worker->event, &worker->death, link_pidfd(worker->link), EPOLLIN, on_death, worker);
	if (r < 0)
		return r;
	/* Frames that came before a death are read before it is handled. */
	sd_event_source_set_priority(worker->death, SD_EVENT_PRIORITY_NORMAL + 1);
	snprintf(path, sizeof path, "/proc/%d/statm", (int)link_pid(worker->link));
	worker->memory_file = open(path, O_RDONLY | O_CLOEXEC);
	return 0;
}

int worker_start(struct worker *worker)
{
	struct link_spec spec = {
		.worker = worker->program,
		.plugin = worker->plugin->name,
		.path = worker->plugin->path,
		.state_directory = worker->state_directory,
		.rights = worker->plugin->rights,
		.cgroup_fd = worker->cgroup,
	};
	_cleanup_error_ struct error error = ERROR_INIT;
	char cause[160];
	int r = link_spawn(&spec, &worker->link, &error);

	if (r == 0) {
		worker->state = WORKER_STARTING;
		r = watch_process(worker);
	}
	if (r < 0) {
		snprintf(cause, sizeof cause, "%s", error_text(&error, r));
		handle_end(worker, cause);
		return r;
	}
	set_timer(worker, START_TIMEOUT);
	return 0;
}

void worker_kill(struct worker *worker, struct worker_job *blamed, const char *format, ...)
{
	va_list args;

	if (!worker->link || worker->killed)
		return;
	va_start(args, format);
	vsnprintf(worker->kill_cause, sizeof worker->kill_cause, format, args);
	va_end(args);
	worker->killed = true;
	worker->blamed = blamed;
	worker->state = WORKER_STOPPING;
	/* Nothing that it still says is wanted. */
	sd_event_source_disable_unref(TAKE_PTR(worker->io));
	link_close(worker->link);
	link_kill(worker->link);
	set_timer(worker, KILL_TIMEOUT);
}

void worker_became_ready(struct worker *worker, Gavea__Worker__V1__Hello *hello)
{
	for (size_t i = 0; i < worker->sandbox_count; i++)
		free(worker->sandbox[i]);
	free(worker->sandbox);
	worker->sandbox = TAKE_PTR(hello->sandbox);
	worker->sandbox_count = hello->n_sandbox;
	hello->n_sandbox = 0;
	worker->state = WORKER_READY;
	worker->ready_at = clock_ns(CLOCK_MONOTONIC);
	stop_timer(worker);
	worker->handler->ready(worker, worker->userdata);
	jobs_pump(worker);
	worker_watch_idle(worker);
}

void worker_refused(struct worker *worker, const char *error)
{
	worker_kill(worker, NULL, "%s", error);
}

/* Starts or stops the count of idle time. */
void worker_watch_idle(struct worker *worker)
{
	if (worker->state != WORKER_READY)
		return;
	if (worker->running || worker->queue || worker->plugin->rights->stays)
		stop_timer(worker);
	else
		set_timer(worker, worker->idle);
}

void worker_release(struct worker *worker)
{
	if (worker->state != WORKER_READY && worker->state != WORKER_STARTING)
		return;
	sd_event_source_disable_unref(TAKE_PTR(worker->io));
	link_close(worker->link);
	worker->state = WORKER_STOPPING;
	set_timer(worker, STOP_TIMEOUT);
}

bool worker_ended(struct worker *worker)
{
	int status;

	if (worker->link && link_reap(worker->link, &status))
		forget_process(worker);
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

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct worker *worker = userdata;
	char text[32];

	(void)source;
	(void)usec;
	switch (worker->state) {
	case WORKER_STARTING:
		worker_kill(worker, NULL, "no answer in %s while the plugin was loaded",
			format_duration(text, START_TIMEOUT));
		break;
	case WORKER_READY:
		worker_release(worker);
		break;
	case WORKER_STOPPING:
		if (worker->killed)
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

void worker_watch_memory(struct worker *worker)
{
	char text[128], used[32], limit[32];
	unsigned long long pages;
	ssize_t n;

	if (!worker->link || worker->memory_file < 0)
		return;
	n = pread(worker->memory_file, text, sizeof text - 1, 0);
	if (n <= 0)
		return;
	text[n] = 0;
	if (sscanf(text, "%*u %llu", &pages) != 1)
		return;
	worker->memory = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	if (worker->plugin->rights->memory && worker->memory > worker->plugin->rights->memory)
		worker_kill(worker, worker->running_count == 1 ? worker->running : NULL,
			"memory limit %s, it used %s", format_size(limit, worker->plugin->rights->memory),
			format_size(used, worker->memory));
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
		jobs_lose(worker, worker->running, "the agent is stopping");
	while (worker->queue)
		jobs_lose(worker, worker->queue, "the agent is stopping");
	forget_process(worker);
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

void worker_set_plugin(struct worker *worker, const struct config_plugin *plugin)
{
	worker->plugin = plugin;
}

/* ---- For status ---- */

enum worker_state worker_get_state(const struct worker *worker)
{
	return worker->state;
}

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
