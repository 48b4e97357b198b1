/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"
#include "tool.h"

#include "base/clock.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PREFIX "gavea-restore-"
#define LOCK ".gavea-restore.lock"
#define LOOK_EVERY (2 * NSEC_PER_SEC)
#define FREE_PARTS 20 /* a restore leaves this part of the file system free */

static int run(
	struct context *context, bool as_self, const char *program, const char *option, const char *path)
{
	_cleanup_tool_ struct tool tool = {0};
	int r;

	tool_init(&tool, context, program);
	tool.tidies = true;
	tool.as_self = as_self;
	tool_add(&tool, option);
	tool_add(&tool, "--");
	tool_add(&tool, path);
	r = tool_run(&tool);
	return r < 0 ? r : tool.result.code ? -EIO : 0;
}

static void chmod_tree(struct context *context, const char *path)
{
	_cleanup_tool_ struct tool tool = {0};

	tool_init(&tool, context, "/usr/bin/chmod");
	tool.tidies = true;
	tool_add(&tool, "-R");
	tool_add(&tool, "u+rwX");
	tool_add(&tool, path);
	(void)tool_run(&tool);
}

/* A cluster that a killed worker left behind holds the folder. */
static void stop_cluster(struct context *context, const char *path)
{
	_cleanup_tool_ struct tool tool = {0};
	char link[4300], target[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "%s/pg_ctl", path);
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	if (!startswith(target, "/usr/lib/postgresql/"))
		return;
	snprintf(link, sizeof(link), "%s/" SCRATCH_DATA, path);
	tool_init(&tool, context, target);
	tool.tidies = true;
	tool_add(&tool, "-D");
	tool_add(&tool, link);
	tool_add(&tool, "-w");
	tool_add(&tool, "-m");
	tool_add(&tool, "immediate");
	tool_add(&tool, "stop");
	(void)tool_run(&tool);
}

/* What was restored as another user is removed as that user; the folder itself is ours. */
static void remove_tree(struct context *context, const char *path)
{
	char data[4300], sub[4300];

	stop_cluster(context, path);
	snprintf(data, sizeof(data), "%s/" SCRATCH_DATA, path);
	snprintf(sub, sizeof(sub), "%s/" SCRATCH_RUN, path);
	if (run(context, false, "/usr/bin/rm", "-rf", data) < 0) {
		chmod_tree(context, data);
		(void)run(context, false, "/usr/bin/rm", "-rf", data);
		(void)run(context, true, "/usr/bin/rm", "-rf", data);
	}
	(void)run(context, false, "/usr/bin/rm", "-rf", sub);
	snprintf(sub, sizeof(sub), "%s/pg_ctl", path);
	(void)unlink(sub);
	snprintf(sub, sizeof(sub), "%s/hba", path);
	(void)unlink(sub);
	if (rmdir(path) < 0 && errno != ENOENT)
		gavea_log(context->check, GAVEA_LOG_WARNING, "cannot remove %s: %s: remove it by hand", path,
			strerror(errno));
}

static void remove_leftovers(struct context *context, const char *into)
{
	DIR *dir = opendir(into);
	struct dirent *entry;
	char path[4200];

	while (dir && (entry = readdir(dir))) {
		if (!startswith(entry->d_name, PREFIX))
			continue;
		snprintf(path, sizeof(path), "%s/%s", into, entry->d_name);
		gavea_log(context->check, GAVEA_LOG_NOTICE,
			"removing %s, which an earlier restore test left behind", path);
		remove_tree(context, path);
	}
	if (dir)
		closedir(dir);
}

static int take_lock(struct scratch *scratch, const char *into, struct error *error)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/" LOCK, into);
	scratch->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (scratch->lock < 0)
		return error_set(
			error, -errno, "restore_into: cannot write into %s: %s", into, strerror(errno));
	if (flock(scratch->lock, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, -EBUSY, "another restore test runs in %s", into);
	return 0;
}

int scratch_open(struct scratch *scratch, struct context *context, struct error *error)
{
	const char *into = context->settings->restore_into;
	int r;

	*scratch = (struct scratch){.context = context, .lock = -EBADF};
	r = strlen(into) > 3900 ? error_set(error, -ENAMETOOLONG, "restore_into: too long")
				: take_lock(scratch, into, error);
	if (r < 0)
		return r;
	remove_leftovers(context, into);
	snprintf(scratch->path, sizeof(scratch->path), "%s/" PREFIX "XXXXXX", into);
	if (!mkdtemp(scratch->path)) {
		r = -errno;
		scratch->path[0] = '\0';
		return error_set(
			error, r, "restore_into: cannot make a folder in %s: %s", into, strerror(-r));
	}
	/* The other user makes the folders inside, and only those. */
	if (context->settings->has_user)
		(void)chmod(scratch->path, 01777); /* NOLINT: the name cannot be guessed */
	snprintf(scratch->data, sizeof(scratch->data), "%s/" SCRATCH_DATA, scratch->path);
	snprintf(scratch->run, sizeof(scratch->run), "%s/" SCRATCH_RUN, scratch->path);
	/* What needs no tool is written by this process, and read by the other user's PostgreSQL. */
	if (run(context, !context->settings->kind->programs, "/usr/bin/mkdir",
		    context->settings->kind->programs ? "-m700" : "-m755", scratch->data) < 0 ||
		run(context, false, "/usr/bin/mkdir", "-m700", scratch->run) < 0)
		return error_set(error, -EACCES, "cannot make folders in %s%s", scratch->path,
			context->settings->has_user ? ": let the user into it" : "");
	context->temporary = scratch->run;
	return 0;
}

void scratch_clean(struct context *context)
{
	const char *into = context->settings->restore_into;
	struct scratch scratch = {.context = context, .lock = -EBADF};

	if (strlen(into) <= 3900 && take_lock(&scratch, into, NULL) == 0)
		remove_leftovers(context, into);
	fd_close(scratch.lock);
}

void scratch_close(struct scratch *scratch)
{
	scratch->context->temporary = NULL;
	if (scratch->path[0])
		remove_tree(scratch->context, scratch->path);
	scratch->path[0] = '\0';
	scratch->lock = fd_close(scratch->lock);
}

static int64_t measure(char *path)
{
	char *paths[] = {path, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	int64_t size = 0;
	FTSENT *entry;

	while (fts && (entry = fts_read(fts)))
		if (entry->fts_info == FTS_F)
			size += MAX(entry->fts_statp->st_blocks * 512, entry->fts_statp->st_size);
	if (fts)
		fts_close(fts);
	return size;
}

bool scratch_is_too_large(struct scratch *scratch)
{
	struct statvfs disk;

	scratch->measured = clock_ns(CLOCK_MONOTONIC);
	scratch->too_large = measure(scratch->data) > scratch->context->settings->restore_max_size;
	scratch->disk_full = statvfs(scratch->path, &disk) == 0 && disk.f_blocks &&
		disk.f_bavail < disk.f_blocks / FREE_PARTS;
	return scratch->too_large || scratch->disk_full;
}

bool scratch_stop(void *userdata)
{
	struct scratch *scratch = userdata;

	int64_t now = clock_ns(CLOCK_MONOTONIC);

	context_repeat_progress(scratch->context);
	if (now >= scratch->context->deadline || gavea_cancelled(scratch->context->check))
		return true;
	if (now - scratch->measured < LOOK_EVERY)
		return scratch->too_large || scratch->disk_full;
	return scratch_is_too_large(scratch);
}
