/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under every host agent: once a second, one pread() of each file that the host plugin reads and
 * one statfs(), and nothing made of it. What an agent costs beyond this is its own doing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static const char *const paths[] = {"/proc/stat", "/proc/meminfo", "/proc/loadavg", "/proc/diskstats",
	"/proc/net/dev", "/proc/pressure/cpu", "/proc/pressure/io", "/proc/pressure/memory"};

enum {
	FILES = sizeof(paths) / sizeof(paths[0]),
	ROOM = 65536,
};

int main(void)
{
	static char buffer[ROOM];
	struct timespec next;
	struct statfs fs;
	int fds[FILES];

	for (int i = 0; i < FILES; i++)
		fds[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (;;) {
		for (int i = 0; i < FILES; i++)
			if (fds[i] >= 0 && pread(fds[i], buffer, ROOM, 0) < 0 && errno != EOPNOTSUPP)
				return 1;
		if (statfs("/", &fs) < 0)
			return 1;
		next.tv_sec++;
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
			;
	}
}
