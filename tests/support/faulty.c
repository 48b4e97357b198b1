/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For LD_PRELOAD: makes calls to the disk fail, or the process die at one. Only in the program whose name is
 * $FAULTY_PROGRAM, only for what lies below $FAULTY_UNDER, and only calls that change something there.
 *
 *   FAULTY_NTH=N      the N-th such call; 0: none
 *   FAULTY_ERRNO=E    fails with that errno (5, EIO); 0: kill -9 before the call is made
 *   FAULTY_AFTER=1    kill -9 when the call was made, but has not returned
 *   FAULTY_SHORT=1    no failure: if it writes, it takes half of the bytes, as a signal or a full disk may have it
 *   FAULTY_ARMED=FILE allocations count from when that file exists
 *   FAULTY_MALLOC=N   the N-th allocation fails, in all of the program; with FAULTY_LOG, the last line tells how many there were
 *   FAULTY_WHILE=FILE all such calls fail while that file exists
 *   FAULTY_CLOCK=FILE the wall clock is wrong by as many seconds as stand in that file
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
#include <time.h>
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

enum fault {
	FAULT_NONE,
	FAULT_ERROR, /* errno is set */
	FAULT_SHORT,
	FAULT_AFTER,
};

/* What becomes of this call, which is one that counts. */
static enum fault fault(const char *name)
{
	const char *while_there = setting("FAULTY_WHILE");
	int error = atoi(setting("FAULTY_ERRNO"));

	if (strcmp(program_invocation_short_name, setting("FAULTY_PROGRAM")) != 0)
		return FAULT_NONE;
	note(name);
	if (*while_there && syscall(SYS_faccessat, AT_FDCWD, while_there, F_OK) == 0) {
		errno = error;
		return FAULT_ERROR;
	}
	if (++calls != atoi(setting("FAULTY_NTH")))
		return FAULT_NONE;
	if (*setting("FAULTY_SHORT"))
		return FAULT_SHORT;
	if (*setting("FAULTY_AFTER"))
		return FAULT_AFTER;
	if (error == 0)
		kill(getpid(), SIGKILL);
	errno = error;
	return FAULT_ERROR;
}

/* Hands on what a call returned, unless it was the last thing that this process did. */
static long end(enum fault what, long result)
{
	if (what == FAULT_AFTER)
		kill(getpid(), SIGKILL);
	return result;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* A call with an int, which counts when is_there. */
#define WRAP(name, is_there, call) \
	do { \
		enum fault what = (is_there) ? fault(#name) : FAULT_NONE; \
\
		return what == FAULT_ERROR ? -1 : (int)end(what, call); \
	} while (0)

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	WRAP(open, is_under(path), NEXT(open)(path, flags, mode));
}

int openat(int folder, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	WRAP(openat, at_is_under(folder, path), NEXT(openat)(folder, path, flags, mode));
}

/* What a failing disk takes of a write before it fails: half. */
ssize_t write(int fd, const void *bytes, size_t size)
{
	enum fault what = fd_is_under(fd) ? fault("write") : FAULT_NONE;

	if (what == FAULT_ERROR) {
		int error = errno;

		syscall(SYS_write, fd, bytes, size / 2);
		errno = error;
		return -1;
	}
	if (what == FAULT_SHORT && size > 1)
		size /= 2;
	return end(what, NEXT(write)(fd, bytes, size));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	enum fault what = fd_is_under(fd) ? fault("pwrite") : FAULT_NONE;

	if (what == FAULT_ERROR) {
		int error = errno;

		syscall(SYS_pwrite64, fd, bytes, size / 2, offset);
		errno = error;
		return -1;
	}
	if (what == FAULT_SHORT && size > 1)
		size /= 2;
	return end(what, NEXT(pwrite)(fd, bytes, size, offset));
}

int fsync(int fd)
{
	WRAP(fsync, fd_is_under(fd), NEXT(fsync)(fd));
}

int fdatasync(int fd)
{
	WRAP(fdatasync, fd_is_under(fd), NEXT(fdatasync)(fd));
}

int ftruncate(int fd, off_t size)
{
	WRAP(ftruncate, fd_is_under(fd), NEXT(ftruncate)(fd, size));
}

int renameat(int from, const char *old, int to, const char *new)
{
	WRAP(renameat, at_is_under(to, new), NEXT(renameat)(from, old, to, new));
}

int unlinkat(int folder, const char *path, int flags)
{
	WRAP(unlinkat, at_is_under(folder, path), NEXT(unlinkat)(folder, path, flags));
}

int mkdir(const char *path, mode_t mode)
{
	WRAP(mkdir, is_under(path), NEXT(mkdir)(path, mode));
}

/* ---- The clock ---- */

int clock_gettime(clockid_t clock, struct timespec *time)
{
	const char *path = clock == CLOCK_REALTIME ? setting("FAULTY_CLOCK") : "";
	int r = (int)syscall(SYS_clock_gettime, clock, time), fd;
	char text[24] = "";

	if (r != 0 || !*path || strcmp(program_invocation_short_name, setting("FAULTY_PROGRAM")) != 0)
		return r;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return r;
	if (syscall(SYS_read, fd, text, sizeof text - 1) > 0)
		time->tv_sec += atol(text);
	syscall(SYS_close, fd);
	return r;
}

/* ---- Memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static int allocations, armed;

static int lacks_memory(void)
{
	const char *nth = getenv("FAULTY_MALLOC");

	if (!nth || !program_invocation_short_name ||
		strcmp(program_invocation_short_name, setting("FAULTY_PROGRAM")) != 0)
		return 0;
	if (!armed && *setting("FAULTY_ARMED"))
		armed = syscall(SYS_faccessat, AT_FDCWD, setting("FAULTY_ARMED"), F_OK) == 0;
	if (!armed && *setting("FAULTY_ARMED"))
		return 0;
	if (__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED) != atoi(nth))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return lacks_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return lacks_memory() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return lacks_memory() ? NULL : __libc_realloc(old, size);
}

__attribute__((destructor)) static void tell_allocations(void)
{
	char text[32];

	if (!getenv("FAULTY_MALLOC") || strcmp(program_invocation_short_name, setting("FAULTY_PROGRAM")) != 0)
		return;
	snprintf(text, sizeof text, "malloc %d", allocations);
	note(text);
}
