/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/program.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 100 /* between two looks at cancelled() */
#define LINGER \
	(200 * NSEC_PER_MSEC) /* for the last output, when the program has ended and its pipes have not */
#define DEATH_LASTS NSEC_PER_SEC /* from SIGKILL until the process is given up */
#define CHUNK 65536
#define USER_ROOM 65536 /* of an entry of the user database */
#define BASE_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define SETPRIV "/usr/bin/setpriv"
#define PREFIX_MAX 7

enum { OUT, ERR, STREAMS };

enum phase { RUNNING, TERMINATED, KILLED };

struct stream {
	int fd; /* ours; -EBADF: at its end */
	int theirs; /* kept until the program has ended: a pipe that nobody writes to any more would wake us for nothing */
	struct buf *to;
	size_t max;
	bool *cut;
};

struct running {
	const struct program *program;
	struct program_result *result;
	struct stream streams[STREAMS];
	pid_t pid;
	int pidfd;
	bool ended; /* the program itself; still a zombie, so that its group's number is not given out again */
	enum phase phase;
	int64_t next; /* when the phase is over; INT64_MAX: never */
};

static void running_done(struct running *running)
{
	for (int i = 0; i < STREAMS; i++) {
		fd_close(running->streams[i].fd);
		fd_close(running->streams[i].theirs);
	}
	fd_close(running->pidfd);
}

/* ---- What it is started with ---- */

/* Whether the list sets the variable that `entry` ("NAME=value") sets. */
static bool overrides(const char *const *environment, const char *entry)
{
	size_t length = (size_t)(strchrnul(entry, '=') - entry) + 1;

	for (; environment && *environment; environment++)
		if (strncmp(*environment, entry, length) == 0)
			return true;
	return false;
}

static const char **make_environment(const char *const *given)
{
	static const char *const base[] = {BASE_PATH, "LANG=C.UTF-8"};
	const char **list;
	size_t count = 0, n = 0;

	while (given && given[count])
		count++;
	list = calloc(count + ARRAY_SIZE(base) + 1, sizeof *list);
	for (size_t i = 0; list && i < ARRAY_SIZE(base); i++)
		if (!overrides(given, base[i]))
			list[n++] = base[i];
	for (size_t i = 0; list && i < count; i++)
		list[n++] = given[i];
	return list;
}

int program_find_user(const char *name, struct program_user *ret_user, struct error *error)
{
	_cleanup_free_ char *buffer = malloc(USER_ROOM);
	struct passwd entry, *found = NULL;
	uint64_t number;
	int r;

	if (!buffer)
		return error_set(error, -ENOMEM, "out of memory");
	if (parse_uint64(name, &number) == 0 && number < UINT32_MAX)
		r = getpwuid_r((uid_t)number, &entry, buffer, USER_ROOM, &found);
	else
		r = getpwnam_r(name, &entry, buffer, USER_ROOM, &found);
	if (!found && r != 0 && r != ENOENT)
		return error_set(error, -r, "cannot look up the user %s: %s", name, strerror(r));
	if (!found)
		return error_set(error, -ENOENT, "there is no user %s", name);
	*ret_user = (struct program_user){.uid = found->pw_uid, .gid = found->pw_gid};
	return 0;
}

/* CAP_KILL, because what became another user has to be ended as well. */
static const int user_capabilities[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};

static bool is_ambient(int capability)
{
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1;
}

static bool any_is_ambient(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(user_capabilities); i++)
		if (is_ambient(user_capabilities[i]))
			return true;
	return false;
}

bool program_can_change_user(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(user_capabilities); i++)
		if (geteuid() == 0 ? prctl(PR_CAPBSET_READ, user_capabilities[i], 0, 0, 0) != 1
				   : !is_ambient(user_capabilities[i]))
			return false;
	return access(SETPRIV, X_OK) == 0;
}

/*
 * posix_spawn() cannot change the user. setpriv(1) can, and it also takes the right to do so away, which would else
 * be inherited: also by programs that do not change the user.
 */
static const char **make_arguments(const struct program *program, char *user, char *group)
{
	const char *prefix[PREFIX_MAX] = {SETPRIV, "--inh-caps=-all", "--ambient-caps=-all"};
	size_t count = 0, n = 0, own = 0;
	const char **list;

	if (program->user) {
		prefix[3] = user;
		prefix[4] = group;
		prefix[5] = "--init-groups";
		own = 6;
	} else if (any_is_ambient()) {
		own = 3;
	}
	if (own)
		prefix[own++] = "--";
	while (program->arguments[count])
		count++;
	list = calloc(own + count + 1, sizeof *list);
	for (size_t i = 0; list && i < own; i++)
		list[n++] = prefix[i];
	for (size_t i = 0; list && i < count; i++)
		list[n++] = program->arguments[i];
	return list;
}

/* A memory file: nobody has to feed the program while it runs. */
static int make_input(const struct program *program)
{
	_cleanup_fd_ int fd = memfd_create("input", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, program->input, program->input_size);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? r : TAKE_FD(fd);
}

static int open_streams(struct running *running)
{
	for (int i = 0; i < STREAMS; i++) {
		int fds[2];

		if (pipe2(fds, O_CLOEXEC) < 0)
			return -errno;
		running->streams[i].fd = fds[0];
		running->streams[i].theirs = fds[1];
	}
	return 0;
}

/* All calls on actions and attributes can fail for want of memory only. */
static int make_actions(posix_spawn_file_actions_t *actions, const struct running *running, int input)
{
	const char *directory = running->program->directory ? running->program->directory : "/";
	int r = 0;

	if (input >= 0)
		r |= posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);
	else
		r |= posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	r |= posix_spawn_file_actions_adddup2(actions, running->streams[OUT].theirs, STDOUT_FILENO);
	r |= posix_spawn_file_actions_adddup2(actions, running->streams[ERR].theirs, STDERR_FILENO);
	/* Libraries may have opened what they did not mark close-on-exec. */
	r |= posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	r |= posix_spawn_file_actions_addchdir_np(actions, directory);
	return r ? -ENOMEM : 0;
}

static int make_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, defaults;
	int r = 0;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	r |= posix_spawnattr_setsigmask(attributes, &none);
	r |= posix_spawnattr_setsigdefault(attributes, &defaults);
	r |= posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	return r ? -ENOMEM : 0;
}

static int spawn(struct running *running, int input, const char **arguments, const char **environment)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	r = make_actions(&actions, running, input);
	if (r == 0)
		r = make_attributes(&attributes);
	if (r == 0)
		r = -posix_spawn(&running->pid, arguments[0], &actions, &attributes, (char *const *)arguments,
			(char *const *)environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r;
}

/* A pidfd of a child that has not been waited for cannot be that of another process. Without one the child could be
 * neither watched nor ended. */
static int watch(struct running *running)
{
	int r;

	running->pidfd = pidfd_open(running->pid, 0);
	if (running->pidfd >= 0)
		return 0;
	r = -errno;
	(void)kill(-running->pid, SIGKILL);
	(void)waitpid(running->pid, NULL, 0);
	return r;
}

static int explain(const struct program *program, int r, struct error *error)
{
	const char *path = program->arguments[0];
	const char *directory = program->directory;

	if (directory && access(directory, X_OK) < 0)
		return error_set(error, r, "cannot start %s in %s: %s", path, directory, strerror(errno));
	if (r == -ENOENT && access(path, F_OK) == 0)
		return error_set(error, r,
			"cannot start %s: the interpreter that its first line names is not there", path);
	if (r == -ENOEXEC)
		return error_set(error, r,
			"cannot start %s: it is no program of this machine, and has no \"#!\" line", path);
	return error_set(error, r, "cannot start %s: %s", path, strerror(-r));
}

static int start(struct running *running, struct error *error)
{
	const struct program *program = running->program;
	char user[32], group[32];
	_cleanup_free_ const char **environment = make_environment(program->environment);
	_cleanup_free_ const char **arguments = NULL;
	_cleanup_fd_ int input = -EBADF;
	int r;

	snprintf(user, sizeof user, "--reuid=%u", program->user ? program->user->uid : 0);
	snprintf(group, sizeof group, "--regid=%u", program->user ? program->user->gid : 0);
	arguments = make_arguments(program, user, group);
	if (!environment || !arguments)
		return error_set(error, -ENOMEM, "out of memory");
	r = open_streams(running);
	if (r == 0 && program->input) {
		input = make_input(program);
		r = MIN(input, 0);
	}
	if (r < 0)
		return error_set(
			error, r, "cannot prepare pipes for %s: %s", program->arguments[0], strerror(-r));
	r = spawn(running, input, arguments, environment);
	if (r < 0)
		return explain(program, r, error);
	r = watch(running);
	if (r < 0)
		return error_set(error, r, "cannot watch %s: %s", program->arguments[0], strerror(-r));
	return 0;
}

/* ---- While it runs ---- */

/* Called only when there is something to read, so it does not block. */
static void stream_read(struct stream *stream)
{
	char chunk[CHUNK];
	ssize_t n = read(stream->fd, chunk, sizeof chunk);
	size_t room = stream->max - MIN(stream->max, stream->to->size);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		stream->fd = fd_close(stream->fd);
		return;
	}
	if ((size_t)n > room)
		*stream->cut = true;
	buf_add(stream->to, chunk, MIN((size_t)n, room));
}

static void set_phase(struct running *running, enum phase phase, int64_t lasts)
{
	static const int signals[] = {[TERMINATED] = SIGTERM, [KILLED] = SIGKILL};

	running->phase = phase;
	running->next = clock_ns(CLOCK_MONOTONIC) + lasts;
	(void)kill(-running->pid, signals[phase]);
	if (phase == KILLED)
		running->result->killed = true;
}

/* Time for the program that still runs is over. false: it is given up. */
static bool press(struct running *running)
{
	if (running->phase == RUNNING)
		set_phase(running, TERMINATED, running->program->grace);
	else if (running->phase == TERMINATED)
		set_phase(running, KILLED, DEATH_LASTS);
	else
		return false;
	return true;
}

static int poll_timeout(const struct running *running, int64_t now)
{
	int64_t left = running->next == INT64_MAX ? INT64_MAX : (running->next - now) / NSEC_PER_MSEC + 1;

	if (running->program->cancelled && running->phase == RUNNING && !running->ended)
		left = MIN(left, TICK_MS);
	return (int)MIN(left, INT64_C(3600000));
}

/* From now on the end of the output can be seen. */
static void on_end(struct running *running)
{
	running->ended = true;
	running->next = clock_ns(CLOCK_MONOTONIC) + LINGER;
	for (int i = 0; i < STREAMS; i++)
		running->streams[i].theirs = fd_close(running->streams[i].theirs);
}

static void poll_once(struct running *running, int timeout)
{
	struct pollfd polls[STREAMS + 1];
	nfds_t count = 0;

	for (int i = 0; i < STREAMS; i++)
		polls[count++] = (struct pollfd){.fd = running->streams[i].fd, .events = POLLIN};
	polls[count++] = (struct pollfd){.fd = running->ended ? -1 : running->pidfd, .events = POLLIN};
	if (poll(polls, count, timeout) <= 0)
		return;
	for (int i = 0; i < STREAMS; i++) {
		struct stream *stream = &running->streams[i];

		if (polls[i].revents & POLLIN)
			stream_read(stream);
		else if (polls[i].revents)
			stream->fd = fd_close(stream->fd);
	}
	if (polls[STREAMS].revents)
		on_end(running);
}

static bool is_open(const struct running *running)
{
	return running->streams[OUT].fd >= 0 || running->streams[ERR].fd >= 0;
}

/* Until the program has ended and its output too, or it is given up. */
static void drive(struct running *running)
{
	const struct program *program = running->program;

	while (!running->ended || is_open(running)) {
		int64_t now = clock_ns(CLOCK_MONOTONIC);

		if (!running->ended && running->phase == RUNNING && program->cancelled &&
			program->cancelled(program->userdata)) {
			running->result->end = PROGRAM_CANCELLED;
			(void)press(running);
			continue;
		}
		if (now >= running->next && running->ended)
			break;
		if (now >= running->next) {
			if (running->phase == RUNNING)
				running->result->end = PROGRAM_TIMED_OUT;
			if (!press(running))
				break;
			continue;
		}
		poll_once(running, poll_timeout(running, now));
	}
}

/* What lies in the pipes, and no more: writers that are left are not waited for. */
static void drain(struct running *running)
{
	for (int i = 0; i < STREAMS; i++) {
		struct stream *stream = &running->streams[i];
		struct pollfd p = {.fd = stream->fd, .events = POLLIN};

		for (int n = 0; n < 16 && stream->fd >= 0 && poll(&p, 1, 0) > 0; n++)
			stream_read(stream);
	}
}

static void reap(struct running *running)
{
	struct program_result *result = running->result;
	int status = 0;

	result->held = is_open(running);
	/* Before the program is waited for: until then its number is no other group's. */
	(void)kill(-running->pid, SIGKILL);
	if (result->held)
		drain(running);
	while (wait4(running->pid, &status, 0, &result->usage) < 0 && errno == EINTR)
		;
	result->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	if (result->end == PROGRAM_EXITED && WIFSIGNALED(status))
		result->end = PROGRAM_SIGNALLED;
}

static void result_reset(struct program_result *result)
{
	struct buf output = result->output, errors = result->errors;

	buf_reset(&output);
	buf_reset(&errors);
	*result = (struct program_result){.output = output, .errors = errors};
}

int program_run(const struct program *program, struct program_result *result, struct error *error)
{
	_cleanup_(running_done) struct running running = {
		.program = program,
		.result = result,
		.streams = {[OUT] = {.fd = -EBADF,
				    .theirs = -EBADF,
				    .to = &result->output,
				    .max = program->output_max,
				    .cut = &result->output_cut},
			[ERR] = {.fd = -EBADF,
				.theirs = -EBADF,
				.to = &result->errors,
				.max = program->errors_max,
				.cut = &result->errors_cut}},
		.pidfd = -EBADF,
		.next = program->deadline,
	};
	int64_t begin = clock_ns(CLOCK_MONOTONIC);
	int r;

	result_reset(result);
	r = start(&running, error);
	if (r < 0)
		return r;
	drive(&running);
	if (running.ended)
		reap(&running);
	else
		result->stuck = true;
	result->elapsed = clock_ns(CLOCK_MONOTONIC) - begin;
	return 0;
}

void program_result_done(struct program_result *result)
{
	buf_done(&result->output);
	buf_done(&result->errors);
}

char *program_end_text(char buffer[static 64], const struct program_result *result)
{
	const char *name = sigabbrev_np(result->code);

	if (result->end == PROGRAM_TIMED_OUT)
		snprintf(buffer, 64, "timed out%s", result->killed ? ", and ignored SIGTERM" : "");
	else if (result->end == PROGRAM_CANCELLED)
		snprintf(buffer, 64, "was cancelled");
	else if (result->end == PROGRAM_EXITED)
		snprintf(buffer, 64, "exited with status %d", result->code);
	else if (name)
		snprintf(buffer, 64, "killed by SIG%s", name);
	else
		snprintf(buffer, 64, "killed by signal %d", result->code);
	return buffer;
}
