/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_workers.h"

#include "base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TITLE "nginx: worker process"

static void look_at(int proc, const char *name, struct nginx_workers *workers)
{
	char path[64], title[128];
	_cleanup_fd_ int fd = -EBADF;
	ssize_t size;

	snprintf(path, sizeof path, "%.20s/cmdline", name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	/* It may be gone by now. */
	if (fd < 0)
		return;
	size = fd_read_full(fd, title, sizeof title - 1);
	if (size <= 0)
		return;
	title[size] = '\0';
	if (!startswith(title, TITLE))
		return;
	if (startswith(title, TITLE " is shutting down"))
		workers->shutting_down++;
	else if (workers->count < NGINX_WORKERS_MAX)
		workers->pid[workers->count++] = (pid_t)strtol(name, NULL, 10);
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
		if (workers->pid[i] == pid)
			return true;
	return false;
}

bool nginx_workers_fresh(const struct nginx_workers *before, const struct nginx_workers *now)
{
	for (unsigned i = 0; i < now->count; i++)
		if (!contains(before, now->pid[i]))
			return true;
	return false;
}
