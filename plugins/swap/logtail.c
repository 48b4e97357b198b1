/* SPDX-License-Identifier: Apache-2.0 */
#include "logtail.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE (64 * 1024)

/* One file: the one that bears the name, or the one that did. */
struct stream {
	int fd;
	dev_t device;
	ino_t inode;
	off_t offset; /* of what is not in the buffer yet */
	char *buffer;
	size_t size; /* bytes in it, the beginning of a line */
	bool skipping; /* the rest of a line that was longer than the buffer */
};

struct logtail {
	char *path;
	struct stream now;
	struct stream before;
};

static void stream_close(struct stream *stream)
{
	fd_close(stream->fd);
	free(stream->buffer);
	*stream = (struct stream){.fd = -EBADF};
}

static int stream_open(struct stream *stream, const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*stream = (struct stream){.device = st.st_dev, .inode = st.st_ino, .buffer = malloc(BUFFER_SIZE)};
	if (!stream->buffer) {
		stream->fd = -EBADF;
		return -ENOMEM;
	}
	stream->fd = TAKE_FD(fd);
	return 0;
}

/* Hands over the lines in the buffer and keeps what is left. */
static void stream_split(
	struct stream *stream, void (*line)(void *userdata, const char *text, size_t size), void *userdata)
{
	char *at = stream->buffer, *end = at + stream->size, *feed;

	for (; (feed = memchr(at, '\n', (size_t)(end - at))); at = feed + 1) {
		if (!stream->skipping)
			line(userdata, at, (size_t)(feed - at));
		stream->skipping = false;
	}
	stream->size = (size_t)(end - at);
	if (stream->size == BUFFER_SIZE) {
		if (!stream->skipping)
			line(userdata, at, stream->size);
		stream->skipping = true;
		stream->size = 0;
	}
	memmove(stream->buffer, at, stream->size);
}

/* 1 when the file was cut short. */
static unsigned stream_read(
	struct stream *stream, void (*line)(void *userdata, const char *text, size_t size), void *userdata)
{
	unsigned lost = 0;
	struct stat st;

	if (stream->fd < 0 || fstat(stream->fd, &st) < 0)
		return 0;
	if (st.st_size < stream->offset) {
		stream->offset = 0;
		stream->size = 0;
		stream->skipping = false;
		lost = 1;
	}
	/* Up to what was there at the beginning, so that a fast writer can't keep us. */
	while (stream->offset < st.st_size) {
		ssize_t n = pread(stream->fd, stream->buffer + stream->size, BUFFER_SIZE - stream->size,
			stream->offset);

		if (n <= 0)
			break;
		stream->offset += n;
		stream->size += (size_t)n;
		stream_split(stream, line, userdata);
	}
	return lost;
}

int logtail_open(const char *path, struct logtail **ret_tail, struct error *error)
{
	struct logtail *tail = calloc(1, sizeof *tail);
	int r;

	if (!tail)
		return error_set(error, -ENOMEM, "out of memory");
	tail->now.fd = tail->before.fd = -EBADF;
	tail->path = strdup(path);
	r = tail->path ? stream_open(&tail->now, path) : -ENOMEM;
	if (r < 0 && r != -ENOENT) {
		logtail_free(tail);
		if (r == -EINVAL)
			return error_set(error, r, "%s: it is no regular file", path);
		return error_set(error, r, "%s: can't follow it: %s", path, error_text(NULL, r));
	}
	if (r == 0)
		tail->now.offset = lseek(tail->now.fd, 0, SEEK_END);
	*ret_tail = tail;
	return 0;
}

/* Takes up the file that bears the name by now, if it is another one. */
static void turn(struct logtail *tail)
{
	struct stream fresh;
	struct stat st;

	if (stat(tail->path, &st) < 0)
		return;
	if (tail->now.fd >= 0 && st.st_ino == tail->now.inode && st.st_dev == tail->now.device)
		return;
	if (stream_open(&fresh, tail->path) < 0)
		return;
	stream_close(&tail->before);
	tail->before = tail->now;
	tail->now = fresh;
}

unsigned logtail_read(
	struct logtail *tail, void (*line)(void *userdata, const char *text, size_t size), void *userdata)
{
	unsigned lost;

	turn(tail);
	lost = stream_read(&tail->before, line, userdata);
	return lost + stream_read(&tail->now, line, userdata);
}

void logtail_free(struct logtail *tail)
{
	if (!tail)
		return;
	stream_close(&tail->now);
	stream_close(&tail->before);
	free(tail->path);
	free(tail);
}
