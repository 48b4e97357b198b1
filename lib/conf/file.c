/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "base/parse.h"
#include "conf/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int conf_slurp(const char *path, size_t limit, struct buf *buf)
{
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t n;
	char *room;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (uintmax_t)st.st_size > limit)
		return -EFBIG;
	/* One more than the limit: the size of what /proc and others show is not what fstat() says. */
	room = buf_extend(buf, limit + 1);
	if (!room)
		return -ENOMEM;
	n = fd_read_full(fd, room, limit + 1);
	if (n < 0)
		return (int)n;
	if ((size_t)n > limit) {
		explicit_bzero(room, (size_t)n);
		return -EFBIG;
	}
	buf->size += (size_t)n;
	buf->data[buf->size] = 0;
	return 0;
}

const char *conf_slurp_text(int error, size_t limit, char buffer[static 64])
{
	char size[32];

	if (error == -EINVAL)
		return "is not a regular file";
	if (error == -EFBIG) {
		snprintf(buffer, 64, "is larger than %s", format_size(size, limit));
		return buffer;
	}
	return strerror(-error);
}
