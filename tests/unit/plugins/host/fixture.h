/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with made-up files that stands for /proc, /sys and /, and a host whose clock the test sets. */
#ifndef TEST_HOST_FIXTURE_H
#define TEST_HOST_FIXTURE_H

#include "tests/support/fake_host.h"

#include "base/fd.h"
#include "base/parse.h"

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
	char path[512];
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

/* The clock of tests that set it; a test is one thread. */
struct fixture_host {
	struct fake_host fake; /* first: the host finds itself by it */
	int64_t now; /* nanoseconds; 0: the real clock */
};

static inline int64_t fixture_now(struct gavea_check *check)
{
	const struct fixture_host *host = (const struct fixture_host *)check;

	return host->now ? host->now : fake_now(check);
}

/* A host on which nothing is judged but what the test's files say. */
static inline void fixture_host_init(struct fixture_host *host, struct fixture *fixture)
{
	fixture_init(fixture);
	fake_init(&host->fake, gavea_plugin());
	host->now = 0;
	host->fake.table.now = fixture_now;
	fake_set(&host->fake, "procfs", fixture->folder);
	fake_set(&host->fake, "sysfs", fixture->folder);
	fake_set(&host->fake, "textfile_directory", "");
	fake_set(&host->fake, "ntp", "off");
	fake_set(&host->fake, "reboot_required", "ok");
}

#endif
