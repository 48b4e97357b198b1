/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"
#include "formats.h"
#include "keystore.h"

#include "base/clock.h"
#include "base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t)1024 * 1024)
#define OVERLAP ((size_t)2 * ENGINE_MATCH_MAX)
#define SEEN 64 /* bytes at the start of an overlap that are only there as context */
#define SNIFF 8192
#define DEPTH_MAX 48
#define PATH_LENGTH_MAX 8192
#define PROCESS_MAX ((size_t)256 * 1024)

struct target {
	struct scan *scan;
	const char *path;
	const struct format *format;
	bool readable; /* by others */
	bool store;
};

int scan_init(struct scan *scan, const struct engine *engine, const struct fingerprint_key *key,
	const struct scan_settings *settings, struct findings *findings)
{
	*scan = (struct scan){.settings = *settings, .key = key, .findings = findings};
	scan->block = malloc(BLOCK);
	return scan->block ? matcher_new(engine, key, &scan->matcher) : -ENOMEM;
}

void scan_done(struct scan *scan)
{
	matcher_free(scan->matcher);
	free(scan->block);
	free(scan->unjudged);
	*scan = (struct scan){.matcher = NULL};
}

static bool time_is_up(struct scan *scan)
{
	if (!scan->unfinished)
		scan->unfinished = clock_ns(CLOCK_MONOTONIC) >= scan->settings.deadline ||
			(scan->settings.cancelled && scan->settings.cancelled(scan->settings.userdata));
	return scan->unfinished;
}

static void leave_out(struct scan *scan, uint64_t *counter, const char *path, const char *cause)
{
	++*counter;
	if (!scan->unjudged && asprintf(&scan->unjudged, "%s: %s", path, cause) < 0)
		scan->unjudged = NULL;
}

static int on_sighting(void *userdata, const struct sighting *sighting)
{
	struct target *target = userdata;
	struct sighting what = *sighting;

	if (target->store && !target->readable)
		what.status = GAVEA_WARNING;
	return findings_add(target->scan->findings, target->path, &what, target->readable);
}

static uint64_t count_lines(const char *text, size_t size)
{
	uint64_t count = 0;

	for (const char *p = text, *end = text + size; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		count++;
	return count;
}

/* One block, by its form first: that says more. */
static int scan_block(
	struct target *target, const char *block, size_t size, uint64_t offset, size_t seen, uint64_t line)
{
	struct scan *scan = target->scan;
	int r = 0;

	if (target->format)
		r = format_scan(target->format, scan->key, block, size, offset, line, on_sighting, target);
	if (r == 0)
		r = matcher_scan(scan->matcher, block, size, offset, seen, line, on_sighting, target);
	if (r == -E2BIG || r == -EIO) {
		leave_out(scan, &scan->failed, target->path,
			r == -EIO ? "the engine failed" : "too many candidates in one block");
		r = 0;
	}
	return r;
}

static int scan_stream(struct target *target, int fd, size_t have)
{
	struct scan *scan = target->scan;
	uint64_t offset = 0, line = 1;
	size_t seen = 0;
	int r = 0;

	matcher_reset(scan->matcher);
	for (;;) {
		bool full = have == BLOCK;
		ssize_t n;

		r = scan_block(target, scan->block, have, offset, seen, line);
		if (r < 0 || !full || time_is_up(scan))
			break;
		line += count_lines(scan->block, have - OVERLAP);
		offset += have - OVERLAP;
		memmove(scan->block, scan->block + have - OVERLAP, OVERLAP);
		if (offset > scan->settings.file_max) {
			leave_out(scan, &scan->large, target->path, "it grew beyond max_size");
			break;
		}
		n = fd_read_full(fd, scan->block + OVERLAP, BLOCK - OVERLAP);
		if (n < 0)
			leave_out(scan, &scan->unreadable, target->path, strerror((int)-n));
		if (n <= 0)
			break;
		scan->bytes += (uint64_t)n;
		have = OVERLAP + (size_t)n;
		seen = SEEN;
	}
	return r;
}

static int tell_keystore(struct target *target, size_t size)
{
	struct sighting sighting = {.rule = "trivial-keystore",
		.description = "key store that a trivial password opens",
		.remedy = "change its password, and the keys if others could read it",
		.status = GAVEA_CRITICAL,
		.end = size};

	fingerprint(target->scan->key, target->scan->block, size, sighting.fingerprint);
	return on_sighting(target, &sighting);
}

static int scan_open(struct target *target, int fd, const struct stat *st)
{
	struct scan *scan = target->scan;
	ssize_t n = fd_read_full(fd, scan->block, MIN(BLOCK, (size_t)MAX(st->st_size, 1)));
	int r = 0;

	if (n < 0) {
		leave_out(scan, &scan->unreadable, target->path, strerror((int)-n));
		return 0;
	}
	/* A small file is read in one go; only the end tells whether it is whole. */
	if ((size_t)n < BLOCK && n > 0) {
		ssize_t more = fd_read_full(fd, scan->block + n, BLOCK - (size_t)n);

		n += MAX(more, 0);
	}
	scan->files++;
	scan->bytes += (uint64_t)n;
	if (memchr(scan->block, 0, MIN((size_t)n, (size_t)SNIFF))) {
		scan->binary++;
		r = (size_t)n < BLOCK ? keystore_is_trivial(scan->block, (size_t)n) : 0;
		if (r == -E2BIG)
			leave_out(scan, &scan->failed, target->path, "its password takes too long to try");
		r = r == 1 ? tell_keystore(target, (size_t)n) : 0;
	} else {
		r = scan_stream(target, fd, (size_t)n);
	}
	explicit_bzero(scan->block, (size_t)n);
	return r;
}

/* ---- Trees ---- */

/* Opened by the name that O_PATH resolved, so that nothing but a regular file is ever opened for reading. */
static int open_regular(int dir_fd, const char *name, struct stat *st)
{
	_cleanup_fd_ int at = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[64];
	int fd;

	if (at < 0 || fstat(at, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode))
		return -ENOTSUP;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static bool is_skipped(const struct scan *scan, const char *path, const char *name)
{
	for (size_t i = 0; i < scan->settings.skip_count; i++) {
		const char *pattern = scan->settings.skip[i];

		if (fnmatch(pattern, strchr(pattern, '/') ? path : name, 0) == 0)
			return true;
	}
	return false;
}

static int scan_file(struct scan *scan, int dir_fd, const char *name, const char *path)
{
	struct target target = {.scan = scan, .path = path, .format = format_of(path)};
	struct stat st;
	_cleanup_fd_ int fd = open_regular(dir_fd, name, &st);

	if (fd == -ENOTSUP) {
		scan->special++;
		return 0;
	}
	/* It may vanish between the listing and here. */
	if (fd == -ENOENT)
		return 0;
	if (fd < 0) {
		leave_out(scan, &scan->unreadable, path, strerror(-fd));
		return 0;
	}
	target.readable = st.st_mode & S_IROTH;
	target.store = target.format && format_is_store(target.format);
	if (scan->settings.world_readable && !target.readable)
		return 0;
	if ((uint64_t)st.st_size > scan->settings.file_max) {
		leave_out(scan, &scan->large, path, "larger than max_size");
		return 0;
	}
	return scan_open(&target, fd, &st);
}

static int scan_folder(struct scan *scan, int fd, const char *path, dev_t device, unsigned depth);

static int scan_entry(
	struct scan *scan, int dir_fd, const char *name, const char *path, dev_t device, unsigned depth)
{
	struct stat st;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISREG(st.st_mode))
		return scan->files >= scan->settings.files_max ? (scan->unfinished = true, 0)
							       : scan_file(scan, dir_fd, name, path);
	if (!S_ISDIR(st.st_mode)) {
		scan->special += !S_ISLNK(st.st_mode);
		return 0;
	}
	if (st.st_dev != device)
		return 0;
	if (depth >= DEPTH_MAX || strlen(path) > PATH_LENGTH_MAX) {
		leave_out(scan, &scan->unreadable, path, "too deep");
		return 0;
	}
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		leave_out(scan, &scan->unreadable, path, strerror(errno));
		return 0;
	}
	return scan_folder(scan, fd, path, device, depth + 1);
}

/* Takes the descriptor. */
static int scan_folder(struct scan *scan, int fd, const char *path, dev_t device, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		fd_close(fd);
		return -errno;
	}
	while (r == 0 && !time_is_up(scan) && (entry = readdir(dir))) {
		_cleanup_free_ char *below = NULL;

		if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
			continue;
		if (asprintf(&below, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/",
			    entry->d_name) < 0) {
			r = -ENOMEM;
			break;
		}
		if (!is_skipped(scan, below, entry->d_name))
			r = scan_entry(scan, dirfd(dir), entry->d_name, below, device, depth);
	}
	closedir(dir);
	return r;
}

int scan_path(struct scan *scan, const char *path)
{
	struct stat st;
	int fd;

	/* The path itself may be a link: the operator named it. */
	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : scan_folder(scan, fd, path, st.st_dev, 0);
	}
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	if (access(path, R_OK) < 0)
		return -errno;
	return scan_file(scan, AT_FDCWD, path, path);
}

/* ---- Processes and units ---- */

static int scan_process_file(struct scan *scan, const char *path, const struct format *format)
{
	struct target target = {.scan = scan, .path = path, .format = format, .readable = !format};
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : fd_read_full(fd, scan->block, PROCESS_MAX);
	int r;

	/* A process that has ended, or a thread of the kernel. */
	if (n == -ENOENT || n == -ESRCH || n == 0)
		return 0;
	if (n < 0) {
		leave_out(scan, &scan->unreadable, path, strerror((int)-n));
		return 0;
	}
	if ((size_t)n == PROCESS_MAX)
		leave_out(scan, &scan->large, path, "longer than 256 KiB");
	scan->files++;
	for (ssize_t i = 0; i < n; i++)
		if (!scan->block[i])
			scan->block[i] = format ? '\n' : ' ';
	matcher_reset(scan->matcher);
	r = scan_block(&target, scan->block, (size_t)n, 0, 0, 1);
	explicit_bzero(scan->block, (size_t)n);
	return r;
}

int scan_processes(struct scan *scan, const char *procfs)
{
	DIR *dir = opendir(procfs);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && !time_is_up(scan) && (entry = readdir(dir))) {
		char path[512];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%.128s/%.20s/environ", procfs, entry->d_name);
		r = scan_process_file(scan, path, format_environment());
		snprintf(path, sizeof(path), "%.128s/%.20s/cmdline", procfs, entry->d_name);
		if (r == 0)
			r = scan_process_file(scan, path, NULL);
	}
	closedir(dir);
	return r;
}

/* Blanks all lines but those that set the environment, so that numbers of lines stay. */
static void keep_environment(char *text, size_t size)
{
	char *end = text + size;

	for (char *line = text, *next; line < end; line = next) {
		char *newline = memchr(line, '\n', (size_t)(end - line));

		next = newline ? newline + 1 : end;
		if ((size_t)(next - line) > 12 && memcmp(line, "Environment=", 12) == 0)
			memset(line, ' ', 12);
		else if (newline)
			memset(line, ' ', (size_t)(newline - line));
		else
			memset(line, ' ', (size_t)(end - line));
	}
}

static int scan_unit(struct scan *scan, int dir_fd, const char *name, const char *path)
{
	struct stat st;
	_cleanup_fd_ int fd = open_regular(dir_fd, name, &st);
	struct target target = {.scan = scan, .path = path, .format = format_environment()};
	ssize_t n;
	int r;

	if (fd == -ENOTSUP || fd == -ENOENT)
		return 0;
	n = fd < 0 ? fd : fd_read_full(fd, scan->block, PROCESS_MAX);
	if (n < 0) {
		leave_out(scan, &scan->unreadable, path, strerror((int)-n));
		return 0;
	}
	scan->files++;
	target.readable = st.st_mode & S_IROTH;
	keep_environment(scan->block, (size_t)n);
	matcher_reset(scan->matcher);
	r = scan_block(&target, scan->block, (size_t)n, 0, 0, 1);
	explicit_bzero(scan->block, (size_t)n);
	return r;
}

static int scan_unit_folder(struct scan *scan, const char *folder, unsigned depth)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int r = 0;

	if (!dir && errno != ENOENT)
		leave_out(scan, &scan->unreadable, folder, strerror(errno));
	while (dir && r == 0 && !time_is_up(scan) && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			r = -ENOMEM;
		else if (fnmatch("*.d", entry->d_name, 0) == 0 && depth == 0)
			r = scan_unit_folder(scan, path, 1);
		else if (fnmatch("*.service", entry->d_name, 0) == 0 ||
			fnmatch("*.conf", entry->d_name, 0) == 0)
			r = scan_unit(scan, dirfd(dir), entry->d_name, path);
	}
	if (dir)
		closedir(dir);
	return r;
}

int scan_units(struct scan *scan, const char *folder)
{
	return scan_unit_folder(scan, folder, 0);
}
