/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_workers.h"

#include "base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TITLE "nginx: worker process"

static ssize_t read_file(int proc, const char *pid, const char *name, char *text, size_t size)
{
	char path[64];
	_cleanup_fd_ int fd = -EBADF;
	ssize_t n;

	snprintf(path, sizeof path, "%.20s/%s", pid, name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -errno : fd_read_full(fd, text, size - 1);
	text[MAX(n, 0)] = '\0';
	return n;
}

/* The fourth field, behind a name in parentheses that may hold anything. 0: it is gone. */
static pid_t parent_of(int proc, const char *pid)
{
	char text[512];
	const char *end;
	int parent;

	if (read_file(proc, pid, "stat", text, sizeof text) <= 0)
		return 0;
	end = strrchr(text, ')');
	return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static void look_at(int proc, const char *pid, struct nginx_workers *workers)
{
	char title[128];

	if (read_file(proc, pid, "cmdline", title, sizeof title) <= 0 || !startswith(title, TITLE))
		return;
	if (startswith(title, TITLE " is shutting down"))
		workers->shutting_down++;
	else if (workers->count < NGINX_WORKERS_MAX)
		workers->worker[workers->count++] =
			(struct nginx_worker){(pid_t)strtol(pid, NULL, 10), parent_of(proc, pid)};
}

int nginx_workers_read(struct nginx_workers *ret_workers, struct error *error)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;

	if (!folder)
		return error_set(error, -errno, "/proc: %s", error_text(NULL, -errno));
	ret_workers->shutting_down = ret_workers->count = 0;
	while ((entry = readdir(folder)))
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at(dirfd(folder), entry->d_name, ret_workers);
	closedir(folder);
	return 0;
}

static bool contains(const struct nginx_workers *workers, pid_t pid)
{
	for (unsigned i = 0; i < workers->count; i++)
		if (workers->worker[i].pid == pid)
			return true;
	return false;
}

/* For a while both the old and the new ones of a master take clients. */
static bool has_old(const struct nginx_workers *before, const struct nginx_workers *now, pid_t master)
{
	for (unsigned i = 0; i < now->count; i++)
		if (now->worker[i].master == master && contains(before, now->worker[i].pid))
			return true;
	return false;
}

bool nginx_workers_replaced(const struct nginx_workers *before, const struct nginx_workers *now)
{
	for (unsigned i = 0; i < now->count; i++) {
		const struct nginx_worker *worker = &now->worker[i];

		if (worker->master && !contains(before, worker->pid) && !has_old(before, now, worker->master))
			return true;
	}
	return false;
}
