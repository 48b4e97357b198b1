/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with made-up files that stands for /proc. */
#ifndef TEST_HOST_FIXTURE_H
#define TEST_HOST_FIXTURE_H

#include "base/fd.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

struct fixture {
	char folder[64];
};

static inline void fixture_init(struct fixture *fixture)
{
	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/gavea-test-host.XXXXXX");
	if (!mkdtemp(fixture->folder))
		abort();
}

static inline int fixture_remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void fixture_done(struct fixture *fixture)
{
	nftw(fixture->folder, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file in place: who has it open sees the new content. */
static inline void fixture_write_n(struct fixture *fixture, const char *name, const char *text, size_t size)
{
	char path[256];
	char *slash;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	if (make_directories(path, 0700) < 0)
		abort();
	*slash = '/';
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_full(fd, text, size) < 0)
		abort();
	fd_close(fd);
}

static inline void fixture_write(struct fixture *fixture, const char *name, const char *text)
{
	fixture_write_n(fixture, name, text, strlen(text));
}

#endif
