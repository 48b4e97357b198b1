/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "something else";
	}
}

static int explain(int r, struct error *error)
{
	switch (r) {
	case -ENOENT:
	case -ENOTDIR:
		return error_set(error, -ENOENT, "there is no such file");
	case -ELOOP:
		return error_set(error, r, "the symbolic link leads in a circle");
	case -EACCES:
	case -EPERM:
		return error_set(error, -EACCES, "permission denied");
	default:
		return error_set(error, r, "cannot read the file: %s", strerror(-r));
	}
}

static int judge_kind(const struct stat *st, struct error *error)
{
	if (!S_ISREG(st->st_mode))
		return error_set(error, -EINVAL, "this is %s, not a regular file", kind_of(st->st_mode));
	if (st->st_size > SOURCE_SIZE_MAX)
		return error_set(error, -EFBIG, "larger than %u MiB", SOURCE_SIZE_MAX / 1024 / 1024);
	return 0;
}

/* The kind is judged before opening, because to open a device or a FIFO does things; and again after it. */
static int open_regular(const char *path, struct stat *ret_st, struct error *error)
{
	int fd, r;

	if (stat(path, ret_st) < 0)
		return explain(-errno, error);
	r = judge_kind(ret_st, error);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return explain(-errno, error);
	r = fstat(fd, ret_st) < 0 ? explain(-errno, error) : judge_kind(ret_st, error);
	if (r < 0) {
		fd_close(fd);
		return r;
	}
	return fd;
}

static int read_all(int fd, size_t expected, struct buf *content, struct error *error)
{
	ssize_t r;

	/* At once, so that no copy of a key stays behind where the buffer was before it grew. */
	(void)buf_extend(content, expected + 16385);
	do {
		char *room = buf_extend(content, 16384);

		if (!room)
			return buf_error(content) == -E2BIG ? error_set(error, -EFBIG, "larger than %u MiB",
								      SOURCE_SIZE_MAX / 1024 / 1024)
							    : error_set(error, -ENOMEM, "out of memory");
		r = fd_read_full(fd, room, 16384);
		if (r < 0)
			return explain((int)r, error);
		content->size += (size_t)r;
	} while (r == 16384);
	return 0;
}

int source_read(const char *path, struct source *ret_source, struct error *error)
{
	struct source source = {.content = {.limit = SOURCE_SIZE_MAX + 32768}};
	struct stat st;
	_cleanup_fd_ int fd = open_regular(path, &st, error);
	int r;

	if (fd < 0)
		return fd;
	r = read_all(fd, (size_t)st.st_size, &source.content, error);
	if (r < 0) {
		source_done(&source);
		return r;
	}
	source.modified = st.st_mtim.tv_sec;
	source.device = st.st_dev;
	source.inode = st.st_ino;
	*ret_source = source;
	return 0;
}

void source_done(struct source *source)
{
	if (source->content.data)
		explicit_bzero(source->content.data, source->content.room);
	buf_done(&source->content);
}
