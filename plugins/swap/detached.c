/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks without systemd: a session of their own, begun by setsid(1) and watched by a small shell that writes how they
 * ended. Files in the check's folder: KEY.pid (the shell's line of /proc/PID/stat; made by whoever comes first, so that
 * nothing is started twice), KEY.exit, KEY.log.
 */
#include "hook.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "kit/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETSID "/usr/bin/setsid"
#define SH "/bin/sh"
#define STAT_MAX 4096
#define LOG_MAX 65536
#define START_PATIENCE (2 * NSEC_PER_SEC)
#define YOUNG 10 /* seconds: as long may the pid file be empty */
#define STATUS_TIMEOUT 124 /* of timeout(1), */
#define STATUS_KILLED 137 /* and when it had to kill */

/* $1: files, $2: seconds, then the program. What it leaves behind in the background is not waited for. */
static const char script[] = "f=$1 t=$2; shift 2; umask 077\n"
			     "set -C; cat /proc/$$/stat >\"$f.pid\" || exit 0; set +C\n"
			     "{ timeout -k 5 \"$t\" \"$@\" </dev/null; echo $? >\"$f.exit.new\"; mv "
			     "\"$f.exit.new\" \"$f.exit\"; } 2>&1 |\n"
			     "{ head -c 65536 >\"$f.log\"; cat >/dev/null; }\n";

static int path_of(const struct hook_launch *launch, const char *ending, char **ret_path)
{
	return asprintf(ret_path, "%s/%s%s", launch->folder, launch->key, ending) < 0 ? -ENOMEM : 0;
}

static int read_file(const struct hook_launch *launch, const char *ending, size_t limit, struct buf *buf)
{
	_cleanup_free_ char *path = NULL;
	int r = path_of(launch, ending, &path);

	return r < 0 ? r : file_read(AT_FDCWD, path, limit, buf);
}

static bool is_there(const struct hook_launch *launch, const char *ending)
{
	_cleanup_free_ char *path = NULL;

	return path_of(launch, ending, &path) == 0 && access(path, F_OK) == 0;
}

/* ---- Processes ---- */

struct process {
	pid_t pid;
	pid_t session;
	uint64_t started; /* ticks since boot */
};

/* Reads a line of /proc/PID/stat: its second field may hold anything but ends with the last ")". */
static int process_parse(const char *text, struct process *ret_process)
{
	const char *rest = strrchr(text, ')');
	long pid, session;
	uint64_t started;

	if (!rest || sscanf(text, "%ld", &pid) != 1 ||
		sscanf(rest + 1,
			" %*c %*d %*d %ld %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
			"%" SCNu64,
			&session, &started) != 2 ||
		pid <= 1 || pid > INT32_MAX)
		return -EBADMSG;
	*ret_process = (struct process){.pid = (pid_t)pid, .session = (pid_t)session, .started = started};
	return 0;
}

static int process_read(pid_t pid, struct process *ret_process)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char path[64];
	int r;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	r = file_read(AT_FDCWD, path, STAT_MAX, &text);
	return r < 0 ? r : process_parse(buf_str(&text), ret_process);
}

/* The shell that watches the hook: 1 with it when it lives, 0 when it is gone; -ENOENT: none was started; -EAGAIN: it is
 * about to write who it is. */
static int watcher_of(const struct hook_launch *launch, struct process *ret_process)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct process now;
	int r = read_file(launch, ".pid", STAT_MAX, &text);

	*ret_process = (struct process){0};
	if (r < 0)
		return r;
	if (process_parse(buf_str(&text), ret_process) < 0) {
		_cleanup_free_ char *path = NULL;
		struct stat st;

		if (path_of(launch, ".pid", &path) < 0 || stat(path, &st) < 0)
			return -EAGAIN;
		return clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC - st.st_mtime < YOUNG ? -EAGAIN : 0;
	}
	return process_read(ret_process->pid, &now) == 0 && now.started == ret_process->started;
}

static void kill_session(pid_t session)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		struct process process;
		uint64_t pid;

		if (parse_uint64(entry->d_name, &pid) == 0 && pid > 1 && pid <= INT32_MAX &&
			process_read((pid_t)pid, &process) == 0 && process.session == session)
			(void)kill((pid_t)pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

/* ---- Starting ---- */

static int run_setsid(const struct hook_launch *launch, int64_t deadline, struct error *error)
{
	_cleanup_program_result_ struct program_result result = {0};
	_cleanup_free_ const char **arguments = NULL;
	_cleanup_free_ char *files = NULL;
	size_t count = 0, n = 0;
	char seconds[32], end[64];
	struct program program = {.environment = launch->environment,
		.output_max = 1024,
		.errors_max = 1024,
		.deadline = deadline,
		.grace = NSEC_PER_SEC / 2};
	int r;

	while (launch->arguments[count])
		count++;
	arguments = calloc(count + 9, sizeof *arguments);
	if (!arguments || path_of(launch, "", &files) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	snprintf(seconds, sizeof seconds, "%" PRId64, MAX(launch->timeout / NSEC_PER_SEC, INT64_C(1)));
	arguments[n++] = SETSID;
	arguments[n++] = "--fork";
	arguments[n++] = SH;
	arguments[n++] = "-c";
	arguments[n++] = script;
	arguments[n++] = "gavea-hook";
	arguments[n++] = files;
	arguments[n++] = seconds;
	memcpy(&arguments[n], launch->arguments, count * sizeof *arguments);
	program.arguments = arguments;
	r = program_run(&program, &result, error);
	if (r < 0)
		return r;
	if (result.end != PROGRAM_EXITED || result.code != 0)
		return error_set(error, -EIO, SETSID " %s: %s", program_end_text(end, &result),
			buf_str(&result.errors));
	return 0;
}

int detached_start(const struct hook_launch *launch, int64_t deadline, struct error *error)
{
	int64_t patience = clock_ns(CLOCK_MONOTONIC) + START_PATIENCE;
	int r;

	if (mkdir(launch->folder, 0700) < 0 && errno != EEXIST)
		return error_set(error, -errno, "cannot make %s: %s", launch->folder, strerror(errno));
	if (is_there(launch, ".pid"))
		return 0;
	if (access(launch->arguments[0], X_OK) < 0)
		return error_set(error, -errno, "cannot start %s: %s", launch->arguments[0], strerror(errno));
	r = run_setsid(launch, deadline, error);
	while (r == 0 && !is_there(launch, ".pid")) {
		if (clock_ns(CLOCK_MONOTONIC) > MIN(patience, deadline))
			return error_set(error, -ETIMEDOUT, "the hook's session has not begun yet");
		poll(NULL, 0, 5);
	}
	return r;
}

/* ---- Looking ---- */

/* The last line that it wrote. */
static void last_line(const struct hook_launch *launch, char *text, size_t size)
{
	_cleanup_buf_ struct buf log = BUF_INIT;
	char *line;

	*text = '\0';
	if (read_file(launch, ".log", LOG_MAX + 1, &log) < 0 || log.size == 0)
		return;
	while (log.size && strchr("\r\n \t", log.data[log.size - 1]))
		log.data[--log.size] = '\0';
	line = strrchr(log.data, '\n');
	snprintf(text, size, "%s", line ? line + 1 : log.data);
}

static int exit_of(const struct hook_launch *launch, struct hook_view *ret_view)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char line[112];
	int64_t code;
	int r = read_file(launch, ".exit", 64, &text);

	if (r < 0)
		return r;
	if (text.size && text.data[text.size - 1] == '\n')
		text.data[--text.size] = '\0';
	if (parse_int64(buf_str(&text), &code) < 0 || code < 0 || code > 255)
		return -EBADMSG;
	last_line(launch, line, sizeof line);
	ret_view->state = code == STATUS_TIMEOUT || code == STATUS_KILLED ? HOOK_TIMED_OUT : HOOK_EXITED;
	ret_view->code = (int)code;
	snprintf(ret_view->text, sizeof ret_view->text, "%s%d%s%s",
		ret_view->state == HOOK_TIMED_OUT ? "timed out, exit status " : "exit status ", (int)code,
		*line ? ": " : "", line);
	return 0;
}

int detached_observe(const struct hook_launch *launch, struct hook_view *ret_view, struct error *error)
{
	struct process watcher;
	int r = exit_of(launch, ret_view);

	if (r == 0)
		return 0;
	if (r == -ENOENT)
		r = watcher_of(launch, &watcher);
	if (r == -ENOENT) {
		ret_view->state = HOOK_ABSENT;
		return 0;
	}
	if (r == 1 || r == -EAGAIN) {
		ret_view->state = HOOK_RUNNING;
		return 0;
	}
	if (r < 0 && r != -EBADMSG)
		return error_set(error, r, "cannot look at the hook: %s", strerror(-r));
	/* It may have ended just now. */
	if (exit_of(launch, ret_view) == 0)
		return 0;
	ret_view->state = HOOK_LOST;
	snprintf(ret_view->text, sizeof ret_view->text, "it is gone, and its exit status is not known");
	return 0;
}

int detached_end(const struct hook_launch *launch, struct error *error)
{
	/* Its log stays, for people; app_tidy() lets go of it with the swap's own. */
	static const char *const endings[] = {".exit", ".exit.new", ".pid"};
	struct process watcher, now;
	int r = watcher_of(launch, &watcher);

	/* Also when the watcher has ended: what the hook left behind has its session, and as long as it lives nobody else
	 * gets that number. */
	if (r == 1 || (r == 0 && watcher.session > 1 && process_read(watcher.session, &now) < 0))
		kill_session(watcher.session);
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		_cleanup_free_ char *path = NULL;

		if (path_of(launch, endings[i], &path) < 0)
			return error_set(error, -ENOMEM, "out of memory");
		if (unlink(path) < 0 && errno != ENOENT)
			return error_set(error, -errno, "cannot remove %s: %s", path, strerror(errno));
	}
	return 0;
}
