/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/program/child.h"
#include "base/clock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM_SOCKET 3
#define SEND_PATIENCE_MS 5000
#define END_PATIENCE_MS 2000
#define CHUNK ((size_t)16 * 1024)

/* Between fork() and exec. Tells why it failed by its errno over the socket's other end. */
static void become(const char *path, int fd, int report)
{
	char *const arguments[] = {(char *)path, NULL};
	int error;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	if (fd == PROGRAM_SOCKET ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, PROGRAM_SOCKET) >= 0)
		execv(path, arguments);
	error = errno;
	(void)!write(report, &error, sizeof error);
	_exit(127);
}

/* 0 once the program runs, or the -errno for which it does not. */
static int wait_for_exec(int report)
{
	int error;
	ssize_t n = fd_read_full(report, &error, sizeof error);

	if (n == 0)
		return 0;
	return n == sizeof error ? -error : -EIO;
}

static int fork_program(const char *path, int fd, pid_t *ret_pid)
{
	_cleanup_fd_ int there = -EBADF, here = -EBADF;
	int pipe[2], r;
	pid_t pid;

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -errno;
	here = pipe[0];
	/* Above the descriptor that the program's socket becomes. */
	there = fcntl(pipe[1], F_DUPFD_CLOEXEC, PROGRAM_SOCKET + 1);
	close(pipe[1]);
	if (there < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(path, fd, there);
	there = fd_close(there);
	r = wait_for_exec(here);
	if (r < 0)
		(void)waitpid(pid, NULL, 0);
	else
		*ret_pid = pid;
	return r;
}

static int explain(int r, const char *path, struct error *error)
{
	if (r == -ENOENT)
		return error_set(
			error, r, "%s: not there, or its interpreter (the \"#!\" line) is not", path);
	if (r == -ENOEXEC)
		return error_set(error, r,
			"%s: neither a program of this machine nor a script with a \"#!\" line", path);
	if (r == -EACCES || r == -EPERM)
		return error_set(error, r,
			"%s: may not be run: %s: it needs mode 0755, the right to run programs, and an "
			"interpreter "
			"below /usr, /bin or /opt",
			path, strerror(-r));
	return error_set(error, r, "%s: cannot be run: %s", path, strerror(-r));
}

int child_start(struct child *child, const char *path, struct error *error)
{
	_cleanup_fd_ int ours = -EBADF, theirs = -EBADF;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(error, -errno, "cannot make a socket: %s", strerror(errno));
	ours = pair[0];
	theirs = pair[1];
	r = fork_program(path, theirs, &child->pid);
	if (r < 0)
		return explain(r, path, error);
	child->fd = TAKE_FD(ours);
	buf_reset(&child->in);
	child->in.limit = 2 * CHILD_LINE_MAX;
	child->taken = child->searched = 0;
	return 0;
}

int child_send(struct child *child, const struct buf *line)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + SEND_PATIENCE_MS * NSEC_PER_MSEC;

	for (size_t sent = 0; sent < line->size;) {
		struct pollfd p = {.fd = child->fd, .events = POLLOUT};
		ssize_t n =
			send(child->fd, line->data + sent, line->size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -EPIPE;
		if (clock_ns(CLOCK_MONOTONIC) > end)
			return -ETIMEDOUT;
		(void)poll(&p, 1, 100);
	}
	return 0;
}

/* A line that is whole already: 1; or 0. */
static int take_line(struct child *child, char **ret_line, size_t *ret_size)
{
	char *start = child->in.data + child->taken;
	char *end = child->in.size > child->searched
		? memchr(child->in.data + child->searched, '\n', child->in.size - child->searched)
		: NULL;

	if (!end) {
		child->searched = child->in.size;
		return 0;
	}
	*end = '\0';
	*ret_line = start;
	*ret_size = (size_t)(end - start);
	child->taken = child->searched = (size_t)(end + 1 - child->in.data);
	return 1;
}

/* Lines that were taken make room. */
static void compact(struct child *child)
{
	if (child->taken == 0)
		return;
	memmove(child->in.data, child->in.data + child->taken, child->in.size - child->taken);
	child->in.size -= child->taken;
	child->searched -= child->taken;
	child->taken = 0;
}

/* 1: something came; 0: nothing in time; or -errno. */
static int fill(struct child *child, int timeout_ms)
{
	struct pollfd p = {.fd = child->fd, .events = POLLIN};
	char *room;
	ssize_t n;

	compact(child);
	if (child->in.size > CHILD_LINE_MAX)
		return -EMSGSIZE;
	if (poll(&p, 1, timeout_ms) <= 0)
		return 0;
	room = buf_extend(&child->in, CHUNK);
	if (!room)
		return -ENOMEM;
	n = recv(child->fd, room, CHUNK, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -EPIPE;
	child->in.size += (size_t)n;
	return 1;
}

int child_receive(struct child *child, int timeout_ms, char **ret_line, size_t *ret_size)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + timeout_ms * NSEC_PER_MSEC;

	for (;;) {
		int64_t left = (end - clock_ns(CLOCK_MONOTONIC)) / NSEC_PER_MSEC;
		int r = take_line(child, ret_line, ret_size);

		if (r > 0)
			return r;
		r = fill(child, (int)MAX(left, INT64_C(0)));
		if (r < 0 || (r == 0 && left <= 0))
			return r;
	}
}

static void tell(int status, char cause[CHILD_CAUSE_SIZE])
{
	const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;

	if (name)
		snprintf(cause, CHILD_CAUSE_SIZE, "was killed by SIG%s", name);
	else if (WIFSIGNALED(status))
		snprintf(cause, CHILD_CAUSE_SIZE, "was killed by signal %d", WTERMSIG(status));
	else
		snprintf(cause, CHILD_CAUSE_SIZE, "exited with status %d", WEXITSTATUS(status));
}

void child_end(struct child *child, char cause[CHILD_CAUSE_SIZE])
{
	int status = 0;
	bool ended = false;

	if (child->pid == 0)
		return;
	child->fd = fd_close(child->fd);
	for (int waited = 0; !ended && waited < END_PATIENCE_MS; waited += 5) {
		ended = waitpid(child->pid, &status, WNOHANG) == child->pid;
		if (!ended)
			(void)poll(NULL, 0, 5);
	}
	if (!ended) {
		(void)kill(child->pid, SIGKILL);
		(void)waitpid(child->pid, NULL, 0);
	}
	if (cause && ended)
		tell(status, cause);
	else if (cause)
		snprintf(cause, CHILD_CAUSE_SIZE, "closed descriptor 3");
	buf_done(&child->in);
	*child = (struct child)CHILD_INIT;
}

void child_kill(struct child *child)
{
	if (child->pid)
		(void)kill(child->pid, SIGKILL);
	child_end(child, NULL);
}
