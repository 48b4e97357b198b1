/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/link.h"
#include "agent/place.h"
#include "base/clock.h"
#include "base/fd.h"
#include "wire/frame.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKER_SOCKET 3
#define DEATH_LASTS_MS 200

struct link {
	int fd;
	int pidfd;
	pid_t pid;
	bool reaped;
	struct buf scratch;
};

/* The worker's environment: what C programs expect, and what sanitizers are told. Nothing that could be a secret. */
static char **worker_environment(void)
{
	static const char *const kept[] = {"PATH", "TZ", "UBSAN_OPTIONS", "TSAN_OPTIONS"};
	static const char *const fixed[] = {
		"LANG=C.UTF-8",
		/* GnuTLS comes along with libcurl, unused; its start alone costs 800 KiB. */
		"GNUTLS_NO_IMPLICIT_INIT=1",
		/* Looking for leaks needs ptrace, which the sandbox forbids. */
		"ASAN_OPTIONS=detect_leaks=0:exitcode=99:handle_segv=0",
	};
	char **list = calloc(ARRAY_SIZE(kept) + ARRAY_SIZE(fixed) + 1, sizeof *list);
	size_t n = 0;

	if (!list)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		const char *value = getenv(kept[i]);

		if (value && asprintf(&list[n], "%s=%s", kept[i], value) < 0)
			list[n] = NULL;
		n += list[n] != NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		list[n] = strdup(fixed[i]);
		n += list[n] != NULL;
	}
	return list;
}

static void string_list_free(char **list)
{
	for (char **s = list; *s; s++)
		free(*s);
	free(list);
}
DEFINE_CLEANUP(char **, string_list_free);

static int spawn_process(const char *program, const char *plugin, int socket, pid_t *ret_pid)
{
	_cleanup_(string_list_freep) char **environment = worker_environment();
	char *arguments[] = {(char *)"gavea-worker", (char *)plugin, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	if (!environment)
		return -ENOMEM;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, socket, WORKER_SOCKET);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	/* A group of its own: Ctrl-C at a terminal is for the host, which lets its workers go in order. */
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(
		&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	r = -posix_spawn(ret_pid, program, &actions, &attributes, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r;
}

static int enter_cgroup(int cgroup_fd, pid_t pid)
{
	_cleanup_fd_ int fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	char text[16];

	if (fd < 0)
		return -errno;
	return fd_write_full(fd, text, (size_t)snprintf(text, sizeof text, "%d", (int)pid));
}

static int send_start(struct link *link, const struct link_spec *spec)
{
	Gavea__Worker__V1__Start start = GAVEA__WORKER__V1__START__INIT;
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;

	start.protocol = 1;
	start.plugin = (char *)spec->plugin;
	start.path = (char *)spec->path;
	start.describe = spec->describe;
	start.rights = (Gavea__Worker__V1__Rights *)spec->rights;
	if (spec->state_directory)
		start.state_directory = (char *)spec->state_directory;
	message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_START;
	message.start = &start;
	return link_send(link, &message, -1);
}

/* A plugin that is a program has a worker of another kind, which lies beside the usual one. */
static char *worker_for(const struct link_spec *spec)
{
	_cleanup_free_ char *usual =
		spec->worker ? strdup(spec->worker) : place_program("gavea-worker", GAVEA_LIBEXEC_DIR);
	char *other;

	if (!usual || !plugin_is_program(spec->path))
		return TAKE_PTR(usual);
	return asprintf(&other, "%s-program", usual) < 0 ? NULL : other;
}

int link_spawn(const struct link_spec *spec, struct link **ret_link, struct error *error)
{
	_cleanup_free_ char *program = worker_for(spec);
	_cleanup_(link_freep) struct link *link = calloc(1, sizeof *link);
	_cleanup_fd_ int theirs = -EBADF;
	int fds[2], r;

	if (!link || !program)
		return error_set(error, -ENOMEM, "out of memory");
	*link = (struct link){.fd = -EBADF, .pidfd = -EBADF, .reaped = true};
	r = frame_pair(fds);
	if (r < 0)
		return error_set(error, r, "cannot make a socket for the worker: %s", strerror(-r));
	link->fd = fds[0];
	theirs = fds[1];
	/* dup2() onto itself would leave close-on-exec set. */
	if (theirs == WORKER_SOCKET && fcntl(theirs, F_SETFD, 0) < 0)
		return error_set(error, -errno, "cannot hand the worker its socket: %s", strerror(errno));
	r = spawn_process(program, spec->plugin, theirs, &link->pid);
	if (r < 0)
		return error_set(error, r, "cannot start %s: %s", program, strerror(-r));
	link->reaped = false;
	link->pidfd = pidfd_open(link->pid, 0);
	if (link->pidfd < 0)
		return error_set(error, -errno, "cannot watch the worker: %s", strerror(errno));
	if (spec->cgroup_fd >= 0) {
		r = enter_cgroup(spec->cgroup_fd, link->pid);
		if (r < 0)
			return error_set(error, r, "cannot put the worker into its cgroup: %s", strerror(-r));
	}
	r = send_start(link, spec);
	if (r < 0)
		return error_set(error, r, "cannot speak with the worker: %s", strerror(-r));
	*ret_link = TAKE_PTR(link);
	return 0;
}

int link_fd(const struct link *link)
{
	return link->fd;
}

int link_pidfd(const struct link *link)
{
	return link->pidfd;
}

pid_t link_pid(const struct link *link)
{
	return link->pid;
}

int link_send(struct link *link, const Gavea__Worker__V1__ToWorker *message, int passed_fd)
{
	if (link->fd < 0)
		return -EPIPE;
	return frame_send(link->fd, &message->base, passed_fd, &link->scratch);
}

int link_receive(struct link *link, Gavea__Worker__V1__FromWorker **ret_message)
{
	ProtobufCMessage *message;
	int r;

	if (link->fd < 0)
		return 0;
	r = frame_receive(
		link->fd, &gavea__worker__v1__from_worker__descriptor, &message, NULL, &link->scratch);
	if (r > 0)
		*ret_message = (Gavea__Worker__V1__FromWorker *)message;
	return r;
}

void link_close(struct link *link)
{
	link->fd = fd_close(link->fd);
}

void link_kill(struct link *link)
{
	if (!link->reaped && link->pidfd >= 0)
		pidfd_send_signal(link->pidfd, SIGKILL, NULL, 0);
	else if (!link->reaped)
		kill(link->pid, SIGKILL);
}

bool link_reap(struct link *link, int *ret_status)
{
	int status;

	if (link->reaped || waitpid(link->pid, &status, WNOHANG) != link->pid)
		return false;
	link->reaped = true;
	*ret_status = status;
	return true;
}

char *link_death(int wait_status, char buffer[static 64])
{
	if (WIFSIGNALED(wait_status)) {
		const char *name = sigabbrev_np(WTERMSIG(wait_status));

		if (name)
			snprintf(buffer, 64, "killed by SIG%s", name);
		else
			snprintf(buffer, 64, "killed by signal %d", WTERMSIG(wait_status));
	} else {
		snprintf(buffer, 64, "exited with status %d", WEXITSTATUS(wait_status));
	}
	return buffer;
}

void link_free(struct link *link)
{
	int status;

	if (!link)
		return;
	fd_close(link->fd);
	if (!link->reaped && !link_reap(link, &status)) {
		struct pollfd p = {.fd = link->pidfd, .events = POLLIN};

		link_kill(link);
		/* Death by SIGKILL takes well under this, unless the process hangs in the kernel: then it is
		 * left. Without a pidfd (none was to be had) it is looked at by and by. */
		if (link->pidfd >= 0 && poll(&p, 1, DEATH_LASTS_MS) > 0)
			link_reap(link, &status);
		for (int i = 0; link->pidfd < 0 && i < DEATH_LASTS_MS && !link_reap(link, &status); i++)
			poll(NULL, 0, 1);
	}
	fd_close(link->pidfd);
	buf_done(&link->scratch);
	free(link);
}

static int wait_for_message(struct link *link, int timeout_ms, Gavea__Worker__V1__FromWorker **ret_message)
{
	ProtobufCMessage *message;
	int r = frame_receive_wait(link->fd, &gavea__worker__v1__from_worker__descriptor, &message, NULL,
		&link->scratch, timeout_ms);

	if (r > 0)
		*ret_message = (Gavea__Worker__V1__FromWorker *)message;
	return r;
}

static int describe_failed(struct link *link, int r, int timeout_ms, struct error *error)
{
	struct pollfd p = {.fd = link->pidfd, .events = POLLIN};
	char text[64];
	int status;

	if (r == -ETIMEDOUT)
		return error_set(
			error, r, "no answer in %g s while the plugin was loaded", timeout_ms / 1000.0);
	if (r == -EBADMSG)
		return error_set(error, r, "the worker sent a malformed frame");
	if (r < 0)
		return error_set(error, r, "cannot speak with the worker: %s", strerror(-r));
	if (poll(&p, 1, 1000) > 0 && link_reap(link, &status))
		return error_set(
			error, -EPIPE, "worker %s while the plugin was loaded", link_death(status, text));
	return error_set(error, -EPIPE, "the worker ended while the plugin was loaded");
}

/* 1 with *ret_hello; 0: the message says nothing of that; -errno with error filled. */
static int take_hello(
	Gavea__Worker__V1__FromWorker *message, Gavea__Worker__V1__Hello **ret_hello, struct error *error)
{
	switch (message->body_case) {
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_HELLO:
		*ret_hello = TAKE_PTR(message->hello);
		message->body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY__NOT_SET;
		return 1;
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_REFUSED:
		return error_set(error, -ENOEXEC, "%s", message->refused->error);
	case GAVEA__WORKER__V1__FROM_WORKER__BODY_LOG:
		return 0;
	default:
		return error_set(error, -EPROTO, "the worker answered out of turn");
	}
}

int link_described(struct link *link, Gavea__Worker__V1__Hello **ret_hello, struct error *error)
{
	for (;;) {
		Gavea__Worker__V1__FromWorker *message;
		int r = link_receive(link, &message), status;
		char text[64];

		if (r == -EAGAIN)
			return r;
		if (r == 0 && !link_reap(link, &status))
			return -EINPROGRESS;
		if (r == 0)
			return error_set(error, -EPIPE, "worker %s while the plugin was loaded",
				link_death(status, text));
		if (r < 0)
			return describe_failed(link, r, 0, error);
		r = take_hello(message, ret_hello, error);
		gavea__worker__v1__from_worker__free_unpacked(message, NULL);
		if (r != 0)
			return MIN(r, 0);
	}
}

int link_describe(
	struct link *link, int timeout_ms, Gavea__Worker__V1__Hello **ret_hello, struct error *error)
{
	int64_t deadline = clock_ns(CLOCK_MONOTONIC) + timeout_ms * NSEC_PER_MSEC;

	for (;;) {
		int64_t left = (deadline - clock_ns(CLOCK_MONOTONIC)) / NSEC_PER_MSEC;
		Gavea__Worker__V1__FromWorker *message;
		int r = wait_for_message(link, (int)MAX(left, (int64_t)0), &message);

		if (r <= 0)
			return describe_failed(link, r, timeout_ms, error);
		r = take_hello(message, ret_hello, error);
		gavea__worker__v1__from_worker__free_unpacked(message, NULL);
		if (r != 0)
			return MIN(r, 0);
	}
}
