/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_internal.h"

#include "base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static int scan_process_file(struct scan *scan, const char *path, const struct format *format)
{
	struct target target = {.scan = scan, .path = path, .format = format, .readable = !format};
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : fd_read_full(fd, scan->block, SCAN_SMALL);
	int r;

	/* A process that has ended, or a thread of the kernel. */
	if (n == -ENOENT || n == -ESRCH || n == 0)
		return 0;
	if (n < 0) {
		scan_leave_out(scan, &scan->unreadable, path, strerror((int)-n));
		return 0;
	}
	if ((size_t)n == SCAN_SMALL)
		scan_leave_out(scan, &scan->large, path, "longer than 256 KiB");
	scan->files++;
	for (ssize_t i = 0; i < n; i++)
		if (!scan->block[i])
			scan->block[i] = format ? '\n' : ' ';
	r = scan_text(&target, scan->block, (size_t)n);
	explicit_bzero(scan->block, (size_t)n);
	return r;
}

int scan_processes(struct scan *scan, const char *procfs)
{
	DIR *dir = opendir(procfs);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && !scan_is_over(scan) && (entry = readdir(dir))) {
		char path[512];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%.128s/%.20s/environ", procfs, entry->d_name);
		r = scan_process_file(scan, path, format_environment());
		snprintf(path, sizeof(path), "%.128s/%.20s/cmdline", procfs, entry->d_name);
		if (r == 0)
			r = scan_process_file(scan, path, NULL);
	}
	closedir(dir);
	return r;
}
