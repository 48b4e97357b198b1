/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors and files. Every descriptor is opened with O_CLOEXEC and starts as -EBADF. All calls here
 * block. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include "base/buf.h"
#include "base/util.h"

#include <errno.h>
#include <sys/types.h>

/* Closes fd if it is one, keeps errno, and returns -EBADF for `fd = fd_close(fd)`. */
int fd_close(int fd);

static inline void fd_closep(int *fd)
{
	*fd = fd_close(*fd);
}
#define _cleanup_fd_ _cleanup_(fd_closep)

/* Reads until size bytes are there or the file ends. Returns how many, or -errno. */
ssize_t fd_read_full(int fd, void *buffer, size_t size);
ssize_t fd_pread_full(int fd, void *buffer, size_t size, off_t offset);

/* Writes all of it. 0 or -errno. */
int fd_write_full(int fd, const void *bytes, size_t size);
int fd_pwrite_full(int fd, const void *bytes, size_t size, off_t offset);

int fd_set_nonblocking(int fd, int on);

/* Appends a whole file of at most limit bytes (-EFBIG beyond) to buf. The path is relative to dir_fd, or
 * AT_FDCWD. */
int file_read(int dir_fd, const char *path, size_t limit, struct buf *buf);

/* Replaces a file so that after a crash it has either the old or the new content: temporary file, fsync,
 * rename, fsync of the folder. */
int file_write_atomic(int dir_fd, const char *path, const void *bytes, size_t size, mode_t mode);

/* mkdir -p with this mode for what is made; 0 when it is there in the end. */
int make_directories(const char *path, mode_t mode);

#endif
