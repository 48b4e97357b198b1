/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For LD_PRELOAD: one call of a program fails, or is the one at which it dies. Only in the program whose name is
 * $STARVE_PROGRAM.
 *
 *   STARVE_KIND   disk: what changes something below $STARVE_UNDER; memory: malloc, calloc, realloc from when something
 *                 there was touched first (libconfig, which comes before, does not look whether it got memory)
 *   STARVE_NTH    which of them; 0: none
 *   STARVE_LAST   up to this one all fail (default: STARVE_NTH)
 *   STARVE_ERRNO  fails with that errno; 0: kill -9 before the call is made
 *   STARVE_COUNT  a file that gets the number of calls when the program exits
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { NONE, DISK, MEMORY };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);

static enum kind kind; /* set once all others are */
static atomic_long calls;
static atomic_bool touched;
static long first, last;
static int error;
static const char *under, *count_file;

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static void __attribute__((constructor)) begin(void)
{
	if (strcmp(program_invocation_short_name, setting("STARVE_PROGRAM")) != 0)
		return;
	first = atol(setting("STARVE_NTH"));
	last = *setting("STARVE_LAST") ? atol(setting("STARVE_LAST")) : first;
	error = atoi(setting("STARVE_ERRNO"));
	under = setting("STARVE_UNDER");
	count_file = setting("STARVE_COUNT");
	kind = strcmp(setting("STARVE_KIND"), "memory") == 0 ? MEMORY : DISK;
}

static void __attribute__((destructor)) end(void)
{
	char text[32];
	int fd, length;

	if (kind == NONE || !*count_file)
		return;
	kind = NONE;
	length = snprintf(text, sizeof text, "%ld\n", (long)calls);
	fd = (int)syscall(SYS_openat, AT_FDCWD, count_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	syscall(SYS_write, fd, text, (size_t)length);
	close(fd);
}

static int fails(void)
{
	long at = touched ? ++calls : 0;

	if (at < first || at > last || first == 0)
		return 0;
	if (error == 0)
		kill(getpid(), SIGKILL);
	errno = error;
	return 1;
}

/* ---- Memory ---- */

void *malloc(size_t size)
{
	return kind == MEMORY && fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return kind == MEMORY && fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
	return kind == MEMORY && size > 0 && fails() ? NULL : __libc_realloc(pointer, size);
}

/* ---- The disk ---- */

static int is_under(const char *path)
{
	size_t length = strlen(under);
	int inside =
		length && strncmp(path, under, length) == 0 && (path[length] == '/' || path[length] == 0);

	if (inside)
		touched = true;
	return inside;
}

static int path_fails(const char *path)
{
	return kind != NONE && is_under(path) && kind == DISK && fails();
}

static int fd_fails(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	if (kind != DISK)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return 0;
	path[n] = 0;
	return is_under(path) && fails();
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Half of it is there when it fails, as with a disk that is full. */
ssize_t write(int fd, const void *bytes, size_t size)
{
	if (!fd_fails(fd))
		return NEXT(write)(fd, bytes, size);
	syscall(SYS_write, fd, bytes, size / 2);
	errno = error;
	return -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
	if (!fd_fails(fd))
		return NEXT(pwrite64)(fd, bytes, size, offset);
	syscall(SYS_pwrite64, fd, bytes, size / 2, offset);
	errno = error;
	return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	return pwrite64(fd, bytes, size, offset);
}

int fsync(int fd)
{
	return fd_fails(fd) ? -1 : NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
	return fd_fails(fd) ? -1 : NEXT(fdatasync)(fd);
}

int ftruncate64(int fd, off64_t size)
{
	return fd_fails(fd) ? -1 : NEXT(ftruncate64)(fd, size);
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
	return fd_fails(fd) ? -1 : NEXT(fallocate64)(fd, mode, offset, size);
}

int rename(const char *old, const char *new)
{
	return path_fails(new) ? -1 : NEXT(rename)(old, new);
}

int renameat(int from, const char *old, int to, const char *new)
{
	return path_fails(new) ? -1 : NEXT(renameat)(from, old, to, new);
}

int unlink(const char *path)
{
	return path_fails(path) ? -1 : NEXT(unlink)(path);
}

int mkdir(const char *path, mode_t mode)
{
	return path_fails(path) ? -1 : NEXT(mkdir)(path, mode);
}

static int open_with(const char *name, const char *path, int flags, mode_t mode)
{
	int (*next)(const char *path, int flags, ...) =
		(int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);

	return flags & O_CREAT && path_fails(path) ? -1 : next(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_with("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_with("open64", path, flags, mode);
}
