/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that something fills: each file or folder directly in it is one backup, with the time of its newest file. */
#include "kinds.h"

#include "base/clock.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define ENTRIES_MAX 2000000u
#define DEPTH_MAX 64

struct walk {
	struct context *context;
	unsigned entries;
	int64_t newest;
	int64_t size;
	int error;
};

static bool is_over(struct walk *walk)
{
	struct context *context = walk->context;

	if (walk->error < 0)
		return true;
	if (++walk->entries > ENTRIES_MAX)
		walk->error = -E2BIG;
	else if (walk->entries % 1024 == 0 &&
		(gavea_cancelled(context->check) || clock_ns(CLOCK_MONOTONIC) >= context->deadline))
		walk->error = -ETIME;
	return walk->error < 0;
}

/* Links are not followed, so there are no loops; what is removed meanwhile is passed over. */
static void walk_entry(
	struct walk *walk, int folder, const char *name, int depth) /* NOLINT(misc-no-recursion) */
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int fd;

	if (is_over(walk) || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISREG(st.st_mode)) {
		walk->size += st.st_size;
		walk->newest = MAX(walk->newest, (int64_t)st.st_mtim.tv_sec);
	}
	if (!S_ISDIR(st.st_mode))
		return;
	fd = depth < DEPTH_MAX ? openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		walk->error = depth < DEPTH_MAX ? -errno : -ELOOP;
		fd_close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
			walk_entry(walk, dirfd(dir), entry->d_name, depth + 1);
	closedir(dir);
}

static int fail(struct context *context, const char *place, const char *name, int r)
{
	finding_add(&context->findings, "directory", r == -ENOENT ? GAVEA_CRITICAL : GAVEA_UNKNOWN,
		"cannot read %s%s%s: %s", place, name ? "/" : "", name ? name : "",
		r == -ETIME           ? "it takes too long: raise the check's timeout"
			: r == -E2BIG ? "it holds more than 2000000 files"
			: r == -ELOOP ? "its folders lie too deep"
				      : strerror(-r));
	return r;
}

static int look(struct context *context, const char *place, struct facts *facts)
{
	DIR *dir = opendir(place);
	struct walk walk = {.context = context};
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return fail(context, place, NULL, -errno);
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue; /* hidden ones are what rsync and others are still writing */
		walk.newest = walk.size = 0;
		walk_entry(&walk, dirfd(dir), entry->d_name, 0);
		if (walk.error < 0)
			r = fail(context, place, entry->d_name, walk.error);
		else if (walk.newest > 0)
			r = facts_add(facts, entry->d_name, walk.newest, walk.size);
	}
	closedir(dir);
	return r;
}

const struct backup_kind kind_directory = {
	.name = "directory",
	.has_places = true,
	.look = look,
};
