/* SPDX-License-Identifier: Apache-2.0 */
#include "replace.h"

#include "base/clock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_NEW 0644

struct replace {
	char *path; /* with links resolved */
	const char *name; /* its last part */
	int folder;
	bool exists;
	struct stat stat;
	struct buf old;
};

static int failed(const struct replace *replace, int code, const char *what, struct error *error)
{
	return error_set(error, code, "%s: %s: %s", replace->path, what, error_text(NULL, code));
}

/* realpath() of a file that may be missing: that of its folder, then. NULL with errno. */
static char *resolve(const char *path, bool missing_ok)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = NULL, *parent = NULL;
	char *real = realpath(path, NULL);

	if (real || errno != ENOENT || !missing_ok || !slash)
		return real;
	folder = strndup(path, (size_t)(slash - path) + 1);
	parent = folder ? realpath(folder, NULL) : NULL;
	if (!parent || asprintf(&real, "%s/%s", parent, slash + 1) < 0)
		return NULL;
	return real;
}

static int lock_folder(struct replace *replace, int64_t deadline, struct error *error)
{
	_cleanup_free_ char *folder = strndup(replace->path, (size_t)(replace->name - replace->path));

	if (!folder)
		return error_set(error, -ENOMEM, "%s: out of memory", replace->path);
	replace->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (replace->folder < 0)
		return failed(replace, -errno, "can't open its folder", error);
	while (flock(replace->folder, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return failed(replace, -errno, "can't lock its folder", error);
		if (clock_ns(CLOCK_MONOTONIC) >= deadline)
			return error_set(error, -ETIMEDOUT, "%s: somebody else keeps its folder locked",
				replace->path);
		poll(NULL, 0, 10);
	}
	return 0;
}

static int read_old(struct replace *replace, bool missing_ok, struct error *error)
{
	int r;

	if (fstatat(replace->folder, replace->name, &replace->stat, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT && missing_ok)
			return 0;
		return failed(replace, -errno, "can't read it", error);
	}
	if (!S_ISREG(replace->stat.st_mode))
		return error_set(error, -EINVAL, "%s: it is no regular file", replace->path);
	replace->exists = true;
	r = file_read(replace->folder, replace->name, REPLACE_SIZE_MAX, &replace->old);
	return r < 0 ? failed(replace, r, "can't read it", error) : 0;
}

int replace_begin(const char *path, bool missing_ok, int64_t deadline, struct replace **ret_replace,
	struct error *error)
{
	_cleanup_(replace_freep) struct replace *replace = calloc(1, sizeof *replace);
	_cleanup_free_ char *real = NULL;
	int r;

	if (!replace)
		return error_set(error, -ENOMEM, "%s: out of memory", path);
	replace->folder = -EBADF;
	real = resolve(path, missing_ok);
	if (!real)
		return error_set(error, -errno, "%s: %s", path, error_text(NULL, -errno));
	replace->name = strrchr(real, '/') + 1;
	replace->path = TAKE_PTR(real);
	r = lock_folder(replace, deadline, error);
	if (r == 0)
		r = read_old(replace, missing_ok, error);
	if (r < 0)
		return r;
	*ret_replace = TAKE_PTR(replace);
	return 0;
}

const struct buf *replace_old(const struct replace *replace)
{
	return &replace->old;
}

/* The mode goes last: a new owner takes set-id bits away. */
static int dress(const struct replace *replace, int fd)
{
	struct stat now;

	if (!replace->exists)
		return fchmod(fd, MODE_NEW) < 0 ? -errno : 0;
	if (fstat(fd, &now) < 0)
		return -errno;
	if ((now.st_uid != replace->stat.st_uid || now.st_gid != replace->stat.st_gid) &&
		fchown(fd, replace->stat.st_uid, replace->stat.st_gid) < 0)
		return -errno;
	return fchmod(fd, replace->stat.st_mode & 07777) < 0 ? -errno : 0;
}

static int write_new(
	const struct replace *replace, const char *temporary, const struct buf *content, struct error *error)
{
	_cleanup_fd_ int fd = -EBADF;
	int r;

	/* A crash may have left one; whoever holds the lock may take it away. */
	unlinkat(replace->folder, temporary, 0);
	fd = openat(replace->folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return failed(replace, -errno, "can't write a new one beside it", error);
	r = dress(replace, fd);
	if (r < 0)
		return failed(replace, r, "can't keep its owner and mode", error);
	r = fd_write_full(fd, content->data, content->size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? failed(replace, r, "can't write a new one beside it", error) : 0;
}

bool replace_same(const struct replace *replace, const struct buf *content)
{
	return replace->exists && content->size == replace->old.size &&
		(!content->size || memcmp(content->data, replace->old.data, content->size) == 0);
}

int replace_write(struct replace *replace, const struct buf *content, struct error *error)
{
	_cleanup_free_ char *temporary = NULL;
	int r;

	if (asprintf(&temporary, ".%s.gavea", replace->name) < 0)
		return error_set(error, -ENOMEM, "%s: out of memory", replace->path);
	r = write_new(replace, temporary, content, error);
	if (r == 0 && renameat(replace->folder, temporary, replace->folder, replace->name) < 0)
		r = failed(replace, -errno, "can't put the new one in its place", error);
	if (r < 0) {
		unlinkat(replace->folder, temporary, 0);
		return r;
	}
	if (fsync(replace->folder) < 0)
		return failed(replace, -errno, "can't sync its folder", error);
	return 0;
}

int replace_try(struct replace *replace, struct error *error)
{
	_cleanup_free_ char *temporary = NULL;
	int r;

	if (asprintf(&temporary, ".%s.gavea", replace->name) < 0)
		return error_set(error, -ENOMEM, "%s: out of memory", replace->path);
	r = write_new(replace, temporary, &replace->old, error);
	unlinkat(replace->folder, temporary, 0);
	return r;
}

int replace_undo(struct replace *replace, struct error *error)
{
	if (replace->exists)
		return replace_write(replace, &replace->old, error);
	if (unlinkat(replace->folder, replace->name, 0) < 0)
		return failed(replace, -errno, "can't remove it again", error);
	return 0;
}

void replace_free(struct replace *replace)
{
	if (!replace)
		return;
	fd_close(replace->folder);
	buf_done(&replace->old);
	free(replace->path);
	free(replace);
}
