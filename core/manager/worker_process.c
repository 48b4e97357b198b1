/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a worker: started, watched, ended. What its events mean is for worker.c. */
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

void worker_set_timer(struct worker *worker, int64_t in)
{
	worker->timer_at = clock_ns(CLOCK_MONOTONIC) + in;
	if (!worker->timer &&
		sd_event_add_time(worker->event, &worker->timer, CLOCK_MONOTONIC,
			(uint64_t)(worker->timer_at / NSEC_PER_USEC), 1000, worker->on_timer, worker) < 0) {
		log_error("%s: no timer: out of memory", worker->plugin->name);
		return;
	}
	sd_event_source_set_time(worker->timer, (uint64_t)(worker->timer_at / NSEC_PER_USEC));
	sd_event_source_set_enabled(worker->timer, SD_EVENT_ONESHOT);
}

void worker_stop_timer(struct worker *worker)
{
	if (worker->timer)
		sd_event_source_set_enabled(worker->timer, SD_EVENT_OFF);
}

void worker_forget_process(struct worker *worker)
{
	sd_event_source_disable_unref(TAKE_PTR(worker->io));
	sd_event_source_disable_unref(TAKE_PTR(worker->death));
	link_free(TAKE_PTR(worker->link));
	worker->memory_file = fd_close(worker->memory_file);
	worker->memory = 0;
	worker->killed = false;
	worker->silent = false;
	for (size_t i = 0; i < worker->check_count; i++)
		worker_check_forget(&worker->checks[i]);
}

void worker_want_output(struct worker *worker, bool want)
{
	if (worker->io)
		sd_event_source_set_io_events(worker->io, want ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int watch_process(struct worker *worker)
{
	char path[48];
	int r = sd_event_add_io(
		worker->event, &worker->io, link_fd(worker->link), EPOLLIN, worker->on_io, worker);

	if (r < 0)
		return r;
	r = sd_event_add_io(
		worker->event, &worker->death, link_pidfd(worker->link), EPOLLIN, worker->on_death, worker);
	if (r < 0)
		return r;
	/* Frames that came before a death are read before it is handled. */
	sd_event_source_set_priority(worker->death, SD_EVENT_PRIORITY_NORMAL + 1);
	snprintf(path, sizeof path, "/proc/%d/statm", (int)link_pid(worker->link));
	worker->memory_file = open(path, O_RDONLY | O_CLOEXEC);
	return 0;
}

void worker_start(struct worker *worker)
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
	int r;

	worker->started_at = clock_ns(CLOCK_MONOTONIC);
	r = link_spawn(&spec, &worker->link, &error);

	if (r == 0) {
		worker->state = WORKER_STARTING;
		r = watch_process(worker);
	}
	if (r < 0) {
		/* Told like any other end, in its turn. */
		snprintf(worker->kill_cause, sizeof worker->kill_cause, "%s", error_text(&error, r));
		worker_forget_process(worker);
		worker->state = WORKER_STOPPING;
		worker->killed = true;
		worker_set_timer(worker, 0);
		return;
	}
	worker_set_timer(worker, START_TIMEOUT);
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
	worker_set_timer(worker, KILL_TIMEOUT);
}

/* Starts or stops the count of idle time. */
void worker_watch_idle(struct worker *worker)
{
	if (worker->state != WORKER_READY || worker->silent)
		return;
	if (worker->running || worker->queue || worker->plugin->rights->stays)
		worker_stop_timer(worker);
	else
		worker_set_timer(worker, worker->idle);
}

void worker_release(struct worker *worker)
{
	if (worker->state != WORKER_READY && worker->state != WORKER_STARTING)
		return;
	sd_event_source_disable_unref(TAKE_PTR(worker->io));
	link_close(worker->link);
	worker->state = WORKER_STOPPING;
	worker_set_timer(worker, STOP_TIMEOUT);
}

void worker_watch_memory(struct worker *worker)
{
	char text[128], used[32], limit[32], *resident;
	ssize_t n;

	if (!worker->link || worker->memory_file < 0)
		return;
	n = pread(worker->memory_file, text, sizeof text - 1, 0);
	if (n <= 0)
		return;
	text[n] = 0;
	/* "size resident shared ...", in pages; proc(5). */
	resident = strchr(text, ' ');
	if (!resident)
		return;
	worker->memory = strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
	worker->memory_seen_at = clock_ns(CLOCK_MONOTONIC);
	if (worker->plugin->rights->memory && worker->memory > worker->plugin->rights->memory)
		worker_kill(worker, worker->running_count == 1 ? worker->running : NULL,
			"memory limit %s, it used %s", format_size(limit, worker->plugin->rights->memory),
			format_size(used, worker->memory));
}
