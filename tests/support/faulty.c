/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For LD_PRELOAD: makes calls to the disk fail, or the process die at one. Only in the program whose name is
 * $FAULTY_PROGRAM, only for what lies below $FAULTY_UNDER, and only calls that change something there.
 *
 *   FAULTY_NTH=N      the N-th such call; 0: none
 *   FAULTY_ERRNO=E    fails with that errno (5, EIO); 0: kill -9 before the call is made
 *   FAULTY_WHILE=FILE all such calls fail while that file exists
 *   FAULTY_LOG=FILE   gets a line with the name of each call
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The one thing that a shim cannot do without. */
static int calls;

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static int is_under(const char *path)
{
	const char *under = setting("FAULTY_UNDER");
	size_t length = strlen(under);

	return length && strncmp(path, under, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int fd_is_under(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return 0;
	path[n] = 0;
	return is_under(path);
}

static int at_is_under(int folder, const char *path)
{
	return path[0] == '/' || folder == AT_FDCWD ? is_under(path) : fd_is_under(folder);
}

static void note(const char *name)
{
	const char *path = setting("FAULTY_LOG");
	int fd;

	if (!*path)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	syscall(SYS_write, fd, name, strlen(name));
	syscall(SYS_write, fd, "\n", (size_t)1);
	close(fd);
}

/* Whether this call, which is one that counts, fails. */
static int fails(const char *name)
{
	const char *while_there = setting("FAULTY_WHILE");
	int error = atoi(setting("FAULTY_ERRNO"));

	if (strcmp(program_invocation_short_name, setting("FAULTY_PROGRAM")) != 0)
		return 0;
	note(name);
	if (*while_there && syscall(SYS_faccessat, AT_FDCWD, while_there, F_OK) == 0) {
		errno = error;
		return 1;
	}
	if (++calls != atoi(setting("FAULTY_NTH")))
		return 0;
	if (error == 0)
		kill(getpid(), SIGKILL);
	errno = error;
	return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (is_under(path) && fails("open"))
		return -1;
	return NEXT(open)(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (at_is_under(folder, path) && fails("openat"))
		return -1;
	return NEXT(openat)(folder, path, flags, mode);
}

/* What a failing disk takes of a write before it fails: half. */
ssize_t write(int fd, const void *bytes, size_t size)
{
	if (fd_is_under(fd) && fails("write")) {
		int error = errno;

		syscall(SYS_write, fd, bytes, size / 2);
		errno = error;
		return -1;
	}
	return NEXT(write)(fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	if (fd_is_under(fd) && fails("pwrite")) {
		int error = errno;

		syscall(SYS_pwrite64, fd, bytes, size / 2, offset);
		errno = error;
		return -1;
	}
	return NEXT(pwrite)(fd, bytes, size, offset);
}

int fsync(int fd)
{
	return fd_is_under(fd) && fails("fsync") ? -1 : NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
	return fd_is_under(fd) && fails("fdatasync") ? -1 : NEXT(fdatasync)(fd);
}

int ftruncate(int fd, off_t size)
{
	return fd_is_under(fd) && fails("ftruncate") ? -1 : NEXT(ftruncate)(fd, size);
}

int renameat(int from, const char *old, int to, const char *new)
{
	return at_is_under(to, new) && fails("renameat") ? -1 : NEXT(renameat)(from, old, to, new);
}

int unlinkat(int folder, const char *path, int flags)
{
	return at_is_under(folder, path) && fails("unlinkat") ? -1 : NEXT(unlinkat)(folder, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
	return is_under(path) && fails("mkdir") ? -1 : NEXT(mkdir)(path, mode);
}
