/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/worker.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/trim.h"
#include "core/worker/host.h"
#include "core/worker/jobs.h"
#include "wire/frame.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#define CONCURRENCY_MAX 64
#define QUEUE_MAX 4096
#define CHECKS_MAX 10000
#define STACK_SIZE (512u * 1024)
#define QUIET_MS 1500 /* without a message, after which memory is given back */
#define FAREWELL_SECONDS 5 /* what threads get to end when the host is gone */

/* A message that waits for its turn. */
struct task {
	struct task *next;
	Gavea__Worker__V1__ToWorker *message;
	int fd;
};

/* What one thread works with. */
struct executor {
	struct worker *worker;
	pthread_t thread;
	struct output output;
	struct job job;
	uint32_t check; /* the number of the one that it works on */
	bool busy;
};

struct worker {
	struct services services;
	int fd;
	unsigned concurrency;
	struct buf scratch;
	bool ended; /* the host has closed the socket */
	bool first_job_done; /* in this thread */
	bool settled; /* what only the start had needed was given back after the first work */
	unsigned trimmed_at; /* how much had been done when memory was given back last */
	const struct granted *granted;
	int64_t granted_at; /* when it was looked at */
	int error;

	pthread_mutex_t lock; /* for all below */
	pthread_cond_t wake; /* there is something to do, or to stop for */
	pthread_cond_t left; /* a thread has ended */
	struct task *first;
	struct task **last;
	size_t queued;
	struct check **checks;
	size_t check_count;
	size_t check_room;
	struct executor *executors[CONCURRENCY_MAX];
	unsigned executor_count;
	unsigned busy_count;
	unsigned done_count; /* of tasks, ever */
	unsigned thread_count;
	bool stopping;
};

static void task_free(struct task *task)
{
	fd_close(task->fd);
	gavea__worker__v1__to_worker__free_unpacked(task->message, NULL);
	free(task);
}

/* ---- Checks ---- */

static struct check **find_check(struct worker *worker, uint32_t number)
{
	for (size_t i = 0; i < worker->check_count; i++)
		if (worker->checks[i]->number == number)
			return &worker->checks[i];
	return NULL;
}

static struct check *get_check(struct worker *worker, uint32_t number)
{
	struct check **found, *check;

	pthread_mutex_lock(&worker->lock);
	found = find_check(worker, number);
	/* Another thread may move the list right after. */
	check = found ? *found : NULL;
	pthread_mutex_unlock(&worker->lock);
	return check;
}

static int add_check(struct worker *worker, uint32_t number, const char *name, struct check **ret_check)
{
	struct check *check;
	int r;

	if (number == 0 || !*name)
		return -EINVAL;
	r = check_new(&worker->services, number, name, &check);
	if (r < 0)
		return r;
	pthread_mutex_lock(&worker->lock);
	if (worker->check_count == CHECKS_MAX)
		r = -ENOSPC;
	else
		r = GROW(worker->checks, worker->check_count, worker->check_room);
	if (r == 0)
		worker->checks[worker->check_count++] = check;
	pthread_mutex_unlock(&worker->lock);
	if (r < 0)
		check_free(check);
	else
		*ret_check = check;
	return r;
}

static void remove_check(struct worker *worker, struct check *check)
{
	struct check **at;

	pthread_mutex_lock(&worker->lock);
	at = find_check(worker, check->number);
	*at = worker->checks[--worker->check_count];
	pthread_mutex_unlock(&worker->lock);
	check_free(check);
}

/* ---- Work ---- */

static void open_check(struct executor *executor, const Gavea__Worker__V1__Open *open)
{
	struct worker *worker = executor->worker;
	struct check *check = get_check(worker, open->check);
	int r = check ? 0 : add_check(worker, open->check, open->name, &check);

	if (r < 0)
		jobs_refuse_open(&worker->services.channel, open->check, r, strerror(-r));
	else
		jobs_open(check, &executor->job, open);
}

static void close_check(struct executor *executor, uint32_t number)
{
	struct worker *worker = executor->worker;
	struct check *check = get_check(worker, number);

	if (check) {
		jobs_close(check, &executor->job);
		remove_check(worker, check);
	}
	jobs_closed(&worker->services.channel, number);
}

static bool has_command(const struct gavea_plugin *plugin, const char *name)
{
	for (size_t i = 0; plugin->commands && plugin->commands[i]; i++)
		if (streq(plugin->commands[i], name))
			return true;
	return false;
}

/* Why a job can't be done; NULL: it can. */
static const char *objection(const struct gavea_plugin *plugin, const struct check *check,
	const Gavea__Worker__V1__ToWorker *message)
{
	if (!check || !check->opened)
		return check && check->refusal ? check->refusal : "the check is not open";
	switch (message->body_case) {
	case GAVEA__WORKER__V1__TO_WORKER__BODY_RUN:
		return plugin->run ? NULL : "the plugin has no run()";
	case GAVEA__WORKER__V1__TO_WORKER__BODY_DELIVER:
		return plugin->deliver ? NULL : "the plugin has no deliver()";
	case GAVEA__WORKER__V1__TO_WORKER__BODY_COMMAND:
		return has_command(plugin, message->command->name) ? NULL : "the plugin has no such command";
	default:
		return "the worker does not know this message";
	}
}

/* Only when nothing else is going on, which would be lost, and no more than once a second. */
static void renew_sandbox(struct worker *worker)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	bool due;

	if (!worker->granted)
		return;
	pthread_mutex_lock(&worker->lock);
	due = worker->busy_count == 1 && now - worker->granted_at >= NSEC_PER_SEC;
	if (due)
		worker->granted_at = now;
	pthread_mutex_unlock(&worker->lock);
	if (due && granted_changed(worker->granted))
		_exit(GRANTED_EXIT_STATUS);
}

static void do_job(struct executor *executor, struct task *task)
{
	struct services *services = &executor->worker->services;
	const Gavea__Worker__V1__ToWorker *message = task->message;
	struct check *check = get_check(executor->worker, message_check(message));
	const char *why = objection(services->plugin, check, message);

	renew_sandbox(executor->worker);
	if (executor->job.cancelled)
		jobs_refuse(
			&services->channel, executor->job.number, -ECANCELED, "cancelled before it began");
	else if (why)
		jobs_refuse(&services->channel, executor->job.number, -EINVAL, why);
	else if (message->body_case == GAVEA__WORKER__V1__TO_WORKER__BODY_RUN)
		jobs_run(check, &executor->job);
	else if (message->body_case == GAVEA__WORKER__V1__TO_WORKER__BODY_DELIVER)
		jobs_deliver(check, &executor->job, message->deliver, TAKE_FD(task->fd));
	else
		jobs_command(check, &executor->job, message->command);
}

/* The job has been prepared by next_task(). */
static void do_task(struct executor *executor, struct task *task)
{
	if (task->message->body_case == GAVEA__WORKER__V1__TO_WORKER__BODY_OPEN)
		open_check(executor, task->message->open);
	else if (task->message->body_case == GAVEA__WORKER__V1__TO_WORKER__BODY_CLOSE)
		close_check(executor, task->message->close->check);
	else
		do_job(executor, task);
	task_free(task);
}

/* ---- The queue; under the lock ---- */

static bool check_busy(const struct worker *worker, uint32_t number)
{
	for (unsigned i = 0; i < worker->executor_count; i++)
		if (worker->executors[i]->busy && worker->executors[i]->check == number)
			return true;
	return false;
}

static struct task *unlink_task(struct worker *worker, struct task **at)
{
	struct task *task = *at;

	*at = task->next;
	if (!*at)
		worker->last = at;
	worker->queued--;
	return task;
}

/* The first task whose check is not being worked on: tasks of one check keep their order. */
static struct task *next_task(struct worker *worker, struct executor *executor)
{
	for (struct task **at = &worker->first; *at; at = &(*at)->next) {
		struct task *task;

		if (check_busy(worker, message_check((*at)->message)))
			continue;
		task = unlink_task(worker, at);
		job_init(&executor->job, task->message, &executor->output);
		executor->check = message_check(task->message);
		executor->busy = true;
		worker->busy_count++;
		return task;
	}
	return NULL;
}

static void task_done(struct worker *worker, struct executor *executor)
{
	executor->busy = false;
	worker->busy_count--;
	worker->done_count++;
	/* What waited for this check may go on now, on any thread. */
	if (worker->first)
		pthread_cond_broadcast(&worker->wake);
}

static void *executor_main(void *data)
{
	struct executor *executor = data;
	struct worker *worker = executor->worker;

	pthread_mutex_lock(&worker->lock);
	while (!worker->stopping) {
		struct task *task = next_task(worker, executor);

		if (!task) {
			pthread_cond_wait(&worker->wake, &worker->lock);
			continue;
		}
		pthread_mutex_unlock(&worker->lock);
		do_task(executor, task);
		pthread_mutex_lock(&worker->lock);
		task_done(worker, executor);
	}
	worker->thread_count--;
	pthread_cond_signal(&worker->left);
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static int add_executor(struct worker *worker)
{
	struct executor *executor = calloc(1, sizeof *executor);
	pthread_attr_t attributes;
	int r = 0;

	if (!executor)
		return -ENOMEM;
	executor->worker = worker;
	output_init(&executor->output, &worker->services.channel, worker->services.registry);
	worker->executors[worker->executor_count++] = executor;
	if (worker->concurrency > 1) {
		pthread_attr_init(&attributes);
		pthread_attr_setstacksize(&attributes, STACK_SIZE);
		r = -pthread_create(&executor->thread, &attributes, executor_main, executor);
		pthread_attr_destroy(&attributes);
		worker->thread_count += r == 0;
	}
	if (r < 0) {
		worker->executor_count--;
		output_done(&executor->output);
		free(executor);
	}
	return r;
}

/* ---- Messages ---- */

/* A job that has not begun is answered when its turn comes. */
static void cancel(struct worker *worker, uint64_t number)
{
	struct task *cancelled = NULL;

	if (number == 0)
		return;
	pthread_mutex_lock(&worker->lock);
	for (unsigned i = 0; i < worker->executor_count; i++)
		if (worker->executors[i]->busy && worker->executors[i]->job.number == number)
			worker->executors[i]->job.cancelled = true;
	for (struct task **at = &worker->first; *at; at = &(*at)->next)
		if (message_job((*at)->message) == number) {
			cancelled = unlink_task(worker, at);
			break;
		}
	pthread_mutex_unlock(&worker->lock);
	if (cancelled) {
		jobs_refuse(&worker->services.channel, number, -ECANCELED, "cancelled before it began");
		task_free(cancelled);
	}
}

static void enqueue(struct worker *worker, Gavea__Worker__V1__ToWorker *message, int fd)
{
	struct task *task = malloc(sizeof *task);

	if (!task) {
		/* The host waits for an answer that can't be given; it takes the death for one. */
		log_error("out of memory");
		_exit(1);
	}
	*task = (struct task){.message = message, .fd = fd};
	pthread_mutex_lock(&worker->lock);
	*worker->last = task;
	worker->last = &task->next;
	/* A host has at most a job or two under way for each check. */
	if (++worker->queued > 2 * CHECKS_MAX + QUEUE_MAX) {
		worker->ended = true;
		worker->error = -EBADMSG;
	}
	if (worker->concurrency > 1) {
		if (worker->busy_count + worker->queued > worker->executor_count &&
			worker->executor_count < worker->concurrency && add_executor(worker) < 0 &&
			worker->executor_count == 0) {
			log_error("cannot start a thread");
			_exit(1);
		}
		pthread_cond_signal(&worker->wake);
	}
	pthread_mutex_unlock(&worker->lock);
}

static void take_message(struct worker *worker, Gavea__Worker__V1__ToWorker *message, int fd)
{
	switch (message->body_case) {
	case GAVEA__WORKER__V1__TO_WORKER__BODY_CANCEL:
		cancel(worker, message->cancel->job);
		break;
	case GAVEA__WORKER__V1__TO_WORKER__BODY_OPEN:
	case GAVEA__WORKER__V1__TO_WORKER__BODY_CLOSE:
	case GAVEA__WORKER__V1__TO_WORKER__BODY_RUN:
	case GAVEA__WORKER__V1__TO_WORKER__BODY_DELIVER:
	case GAVEA__WORKER__V1__TO_WORKER__BODY_COMMAND:
		enqueue(worker, message, fd);
		return;
	default:
		/* A later host's; what is not known is not done. */
		break;
	}
	fd_close(fd);
	gavea__worker__v1__to_worker__free_unpacked(message, NULL);
}

/* Blocks until there is one. */
static void receive(struct worker *worker)
{
	ProtobufCMessage *message;
	int fd = -EBADF;
	int r = frame_receive(
		worker->fd, &gavea__worker__v1__to_worker__descriptor, &message, &fd, &worker->scratch);

	if (r > 0) {
		take_message(worker, (Gavea__Worker__V1__ToWorker *)message, fd);
	} else if (r != -EAGAIN) {
		worker->ended = true;
		worker->error = r;
	}
}

/* For a plugin in the main thread: takes in what has come, without waiting. */
static void pump(void *data)
{
	struct worker *worker = data;

	while (!worker->ended && worker->queued < QUEUE_MAX) {
		struct pollfd p = {.fd = worker->fd, .events = POLLIN};

		if (poll(&p, 1, 0) <= 0)
			return;
		receive(worker);
	}
	if (worker->ended)
		worker->services.channel.lost = true;
}

/* ---- Life ---- */

int worker_new(int fd, const struct plugin *plugin, unsigned concurrency, const char *state_directory,
	const struct granted *granted, struct worker **ret_worker)
{
	_cleanup_(worker_freep) struct worker *worker = calloc(1, sizeof *worker);
	pthread_condattr_t monotonic;
	int r;

	if (!worker)
		return -ENOMEM;
	worker->fd = fd;
	worker->granted = granted;
	worker->granted_at = clock_ns(CLOCK_MONOTONIC);
	worker->concurrency = MIN(MAX(concurrency, 1u), (unsigned)CONCURRENCY_MAX);
	worker->last = &worker->first;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->left, &monotonic);
	pthread_condattr_destroy(&monotonic);
	worker->services.plugin = &plugin->description;
	worker->services.host = host_table();
	r = channel_init(&worker->services.channel, fd);
	if (r < 0)
		return r;
	worker->services.registry = series_registry_new();
	if (!worker->services.registry)
		return -ENOMEM;
	if (!str_empty(state_directory)) {
		worker->services.state_directory = strdup(state_directory);
		if (!worker->services.state_directory)
			return -ENOMEM;
	}
	if (worker->concurrency == 1) {
		worker->services.pump = pump;
		worker->services.pump_data = worker;
		r = add_executor(worker);
		if (r < 0)
			return r;
	}
	*ret_worker = TAKE_PTR(worker);
	return 0;
}

/* Ends the threads. One that does not end in time is left alone: the process ends without it. */
static void stop_threads(struct worker *worker)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += FAREWELL_SECONDS;
	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	for (unsigned i = 0; i < worker->executor_count; i++)
		worker->executors[i]->job.cancelled = true;
	pthread_cond_broadcast(&worker->wake);
	while (worker->thread_count > 0 && r == 0)
		r = pthread_cond_timedwait(&worker->left, &worker->lock, &until);
	pthread_mutex_unlock(&worker->lock);
	if (r != 0)
		_exit(0);
	for (unsigned i = 0; worker->concurrency > 1 && i < worker->executor_count; i++)
		pthread_join(worker->executors[i]->thread, NULL);
}

static void close_all(struct worker *worker)
{
	Gavea__Worker__V1__ToWorker nothing = GAVEA__WORKER__V1__TO_WORKER__INIT;
	struct output output;
	struct job job;

	output_init(&output, &worker->services.channel, worker->services.registry);
	for (size_t i = 0; i < worker->check_count; i++) {
		job_init(&job, &nothing, &output);
		jobs_close(worker->checks[i], &job);
	}
	output_done(&output);
}

/* Gives memory back that work has taken since the last time, unless there is work going on. */
static void trim(struct worker *worker)
{
	bool due;

	pthread_mutex_lock(&worker->lock);
	due = worker->busy_count == 0 && worker->done_count != worker->trimmed_at;
	if (due)
		worker->trimmed_at = worker->done_count;
	pthread_mutex_unlock(&worker->lock);
	if (due)
		trim_memory();
}

/* When the first work is done, all that a plugin needs to start has been used. After that, only what comes seldom is
 * worth the page faults of the next time. */
static void wait_for_message(struct worker *worker)
{
	struct pollfd p = {.fd = worker->fd, .events = POLLIN};

	if (worker->first_job_done && !worker->settled) {
		worker->settled = true;
		trim(worker);
	}
	if (poll(&p, 1, QUIET_MS) == 0) {
		trim(worker);
		(void)poll(&p, 1, -1);
	}
}

int worker_serve(struct worker *worker)
{
	struct executor *own = worker->concurrency == 1 ? worker->executors[0] : NULL;

	while (!worker->ended) {
		struct task *task = NULL;

		if (own) {
			pthread_mutex_lock(&worker->lock);
			task = next_task(worker, own);
			pthread_mutex_unlock(&worker->lock);
		}
		if (!task) {
			wait_for_message(worker);
			receive(worker);
			continue;
		}
		worker->first_job_done |= message_job(task->message) != 0;
		do_task(own, task);
		pthread_mutex_lock(&worker->lock);
		task_done(worker, own);
		pthread_mutex_unlock(&worker->lock);
		if (worker->services.channel.lost)
			worker->ended = true;
	}
	worker->services.channel.lost = true;
	stop_threads(worker);
	close_all(worker);
	return worker->error;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	while (worker->first)
		task_free(unlink_task(worker, &worker->first));
	for (size_t i = 0; i < worker->check_count; i++)
		check_free(worker->checks[i]);
	free(worker->checks);
	for (unsigned i = 0; i < worker->executor_count; i++) {
		output_done(&worker->executors[i]->output);
		free(worker->executors[i]);
	}
	series_registry_free(worker->services.registry);
	channel_done(&worker->services.channel);
	free(worker->services.state_directory);
	buf_done(&worker->scratch);
	pthread_mutex_destroy(&worker->lock);
	pthread_cond_destroy(&worker->wake);
	pthread_cond_destroy(&worker->left);
	free(worker);
}
