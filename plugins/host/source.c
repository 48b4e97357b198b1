/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include "base/fd.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	FIRST_ROOM = 8192,
	/* Files that list devices are handed out in chunks that end with a whole record and are at most a
	 * page long: what falls short of this by more than the longest record was the last one. */
	CHUNK = 4096,
	RECORD_MAX = 1024,
};

void text_done(struct text *text)
{
	free(text->data);
	*text = (struct text)TEXT_INIT;
}

int source_open(struct source *source, const char *folder, const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct statfs fs;
	int fd;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	source->fd = fd;
	source->kernel = fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
	return 0;
}

void source_close(struct source *source)
{
	source->fd = fd_close(source->fd);
}

static int text_grow(struct text *text)
{
	size_t room = text->room ? text->room * 2 : FIRST_ROOM;
	char *data;

	if (room > SOURCE_LIMIT)
		return -EFBIG;
	data = realloc(text->data, room);
	if (!data)
		return -ENOMEM;
	text->data = data;
	text->room = room;
	return 0;
}

int source_read(const struct source *source, struct text *text)
{
	text->size = 0;
	for (;;) {
		ssize_t n;

		if (text->size + 1 >= text->room) {
			int r = text_grow(text);

			if (r < 0)
				return r;
		}
		n = pread(
			source->fd, text->data + text->size, text->room - text->size - 1, (off_t)text->size);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		text->size += (size_t)n;
		if (n == 0 ||
			(source->short_records && n < CHUNK - RECORD_MAX && text->size + 1 < text->room))
			break;
	}
	text->data[text->size] = '\0';
	return 0;
}
