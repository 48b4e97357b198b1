/* SPDX-License-Identifier: Apache-2.0 */
/* The spool's folder, and what lies in it. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/manager/spool_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define RETRY_DISK_AFTER (10 * NSEC_PER_SEC)

void spool_disk_failed(struct spool *spool, const char *what, int error)
{
	if (!spool->disk_error[0])
		log_error("spool: %s in %s failed: %s; going on in memory", what, spool->folder_path,
			strerror(-error));
	snprintf(spool->disk_error, sizeof spool->disk_error, "%s: %s", what, strerror(-error));
	spool->retry_disk_at = clock_ns(CLOCK_MONOTONIC) + RETRY_DISK_AFTER;
}

static bool has_segments(int folder)
{
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;
	uint64_t stream;
	bool found = false;

	if (!dir) {
		fd_close(copy);
		return false;
	}
	while (!found && (entry = readdir(dir)))
		found = segment_parse_name(entry->d_name, &stream) == 0;
	closedir(dir);
	return found;
}

int spool_open_folder(struct spool *spool)
{
	int r;

	if (spool->folder >= 0)
		return 0;
	r = make_directories(spool->folder_path, 0750);
	if (r < 0)
		return r;
	spool->folder = open(spool->folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->folder < 0)
		return -errno;
	if (flock(spool->folder, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		spool->folder = fd_close(spool->folder);
		return r;
	}
	/* A folder that came late: what an earlier start left there belongs before what is in memory by now, and only a
	 * start can put it there. */
	if (spool->count > 0 && has_segments(spool->folder)) {
		spool->folder = fd_close(spool->folder);
		return -ENOTEMPTY;
	}
	return 0;
}

void spool_remove_segment(struct spool *spool, size_t i)
{
	char name[32];

	if (!spool->segments[i].in_memory) {
		segment_file_name(spool->segments[i].stream, name);
		unlinkat(spool->folder, name, 0);
	}
	fd_close(spool->segments[i].fd);
	memmove(&spool->segments[i], &spool->segments[i + 1],
		(spool->count - i - 1) * sizeof *spool->segments);
	spool->count--;
}
