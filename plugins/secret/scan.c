/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore.h"
#include "scan_internal.h"

#include "base/clock.h"
#include "base/fd.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define OVERLAP ((size_t)2 * ENGINE_MATCH_MAX)
#define CARRY_MAX (SCAN_BLOCK / 2) /* of a line that is not whole yet */
#define SEEN 64 /* bytes at the start of an overlap that are only there as context */
#define SNIFF 8192
#define PACKED ((size_t)64 * 1024)
#define ENTRIES_MAX 100000 /* of one archive */
#define KEYSTORE_MAX SCAN_BLOCK

int scan_init(struct scan *scan, const struct engine *engine, const struct fingerprint_key *key,
	const struct scan_settings *settings, struct findings *findings)
{
	*scan = (struct scan){.settings = *settings, .engine = engine, .key = key, .findings = findings};
	scan->block = malloc(SCAN_BLOCK);
	return scan->block ? matcher_new(engine, key, &scan->matcher) : -ENOMEM;
}

void scan_done(struct scan *scan)
{
	matcher_free(scan->matcher);
	free(scan->block);
	free(scan->unjudged);
	*scan = (struct scan){.matcher = NULL};
}

bool scan_is_over(struct scan *scan)
{
	if (!scan->unfinished)
		scan->unfinished = clock_ns(CLOCK_MONOTONIC) >= scan->settings.deadline ||
			(scan->settings.cancelled && scan->settings.cancelled(scan->settings.userdata));
	return scan->unfinished;
}

void scan_leave_out(struct scan *scan, uint64_t *counter, const char *path, const char *cause)
{
	++*counter;
	if (!scan->unjudged && asprintf(&scan->unjudged, "%s: %s", path, cause) < 0)
		scan->unjudged = NULL;
}

/* ---- Blocks ---- */

/* A library may have many test keys: where there are no lines, one of a kind says enough. */
static bool is_told(const struct target *target, const struct sighting *what)
{
	const struct findings *findings = target->scan->findings;

	for (size_t i = findings->count; i-- > 0 && streq(findings->list[i].path, target->path);)
		if (findings->list[i].what.rule == what->rule)
			return true;
	return false;
}

static int on_sighting(void *userdata, const struct sighting *sighting)
{
	struct target *target = userdata;
	struct sighting what = *sighting;

	if (target->binary) {
		if (what.generic || is_told(target, &what))
			return 0;
		what.line = 0;
	}
	if (target->store && !target->readable)
		what.status = GAVEA_WARNING;
	return findings_add(target->scan->findings, target->path, &what, target->readable);
}

/* The end of a block is read again as the start of the next one. */
static int on_format(void *userdata, const struct sighting *sighting)
{
	struct target *target = userdata;

	if (sighting->offset < target->told_before)
		return 0;
	target->told = MAX(target->told, MAX(sighting->end, sighting->offset + 1));
	return on_sighting(target, sighting);
}

static uint64_t count_lines(const char *text, size_t size)
{
	uint64_t count = 0;

	for (const char *p = text, *end = text + size; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		count++;
	return count;
}

/* How much of a block is whole lines; a line that is too long for one is cut. */
static size_t whole_lines(const char *block, size_t size)
{
	const char *newline = memrchr(block, '\n', size);
	size_t whole = newline ? (size_t)(newline - block) + 1 : 0;

	return size - whole > CARRY_MAX ? size - OVERLAP : whole;
}

struct block {
	const char *text;
	size_t size;
	size_t seen;
	uint64_t offset;
	uint64_t line;
	bool last;
};

/* The lines that were not told yet. */
static int parse_block(struct target *target, const struct block *block, size_t whole)
{
	size_t from = target->parsed > block->offset ? (size_t)(target->parsed - block->offset) : 0;
	size_t to = block->last ? block->size : whole;
	int r = 0;

	target->told_before = target->told;
	if (from < to)
		r = format_scan(target->format, target->scan->key, block->text + from, to - from,
			block->offset + from, block->line + count_lines(block->text, from), on_format,
			target);
	target->parsed = block->offset + whole;
	return r;
}

/* By its form first: that says more. */
static int scan_block(struct target *target, const struct block *block, size_t whole)
{
	struct scan *scan = target->scan;
	int r = target->format ? parse_block(target, block, whole) : 0;

	if (r == 0)
		r = matcher_scan(scan->matcher, block->text, block->size, block->offset, block->seen,
			block->line, on_sighting, target);
	if (r == -E2BIG || r == -EIO) {
		scan_leave_out(scan, &scan->failed, target->path,
			r == -EIO ? "the engine failed" : "too many candidates in one block");
		r = 0;
	}
	return r;
}

int scan_text(struct target *target, const char *text, size_t size)
{
	struct block block = {text, size, 0, 0, 1, true};

	target->parsed = target->told = 0;
	matcher_reset(target->scan->matcher);
	return scan_block(target, &block, size);
}

/* ---- Streams: files, and what they unpack to ---- */

struct stream {
	int fd;
	struct archive *archive; /* NULL: as it is */
	uint64_t start; /* scan->bytes before the first byte of all that this file unpacks to */
	int error; /* behind what was read */
};

static ssize_t unpack_some(struct stream *stream, char *to, size_t size)
{
	size_t done = 0;

	while (done < size && stream->error == 0) {
		la_ssize_t n = archive_read_data(stream->archive, to + done, size - done);

		if (n == 0)
			break;
		if (n < 0)
			stream->error = -EBADMSG;
		else
			done += (size_t)n;
	}
	return (ssize_t)done;
}

static ssize_t read_some(struct stream *stream, char *to, size_t size)
{
	return stream->archive ? unpack_some(stream, to, size) : fd_read_full(stream->fd, to, size);
}

/* What a file's content is called when it cannot be searched to its end. */
static void leave_rest(struct target *target, ssize_t error)
{
	struct scan *scan = target->scan;

	if (error == -EBADMSG)
		scan_leave_out(scan, &scan->failed, target->path, "it does not unpack");
	else
		scan_leave_out(scan, &scan->unreadable, target->path, strerror((int)-error));
}

/* From a first block of `have` bytes on, which is in scan->block. */
static int scan_stream(struct target *target, struct stream *stream, size_t have)
{
	struct scan *scan = target->scan;
	struct block block = {scan->block, have, 0, target->offset, target->line, false};
	int r;

	matcher_reset(scan->matcher);
	target->parsed = target->told = target->offset;
	for (;;) {
		size_t whole, carry;
		ssize_t n;

		block.last = block.size < SCAN_BLOCK;
		whole = block.last && !target->format ? block.size : whole_lines(block.text, block.size);
		r = scan_block(target, &block, whole);
		if (r < 0 || block.last || scan_is_over(scan))
			break;
		carry = MAX(block.size - whole, OVERLAP);
		block.line += count_lines(block.text, block.size - carry);
		block.offset += block.size - carry;
		memmove(scan->block, scan->block + block.size - carry, carry);
		block.size = carry;
		block.seen = SEEN;
		if ((stream->archive ? scan->bytes - stream->start : block.offset - target->offset) >
			scan->settings.file_max) {
			scan_leave_out(scan, &scan->large, target->path,
				stream->archive ? "it unpacks to more than max_size"
						: "it grew beyond max_size");
			break;
		}
		n = read_some(stream, scan->block + carry, SCAN_BLOCK - carry);
		if (n < 0) {
			leave_rest(target, n);
			break;
		}
		/* At the end, what is left may be a last line without a newline. */
		scan->bytes += (uint64_t)n;
		block.size += (size_t)n;
	}
	if (stream->error < 0)
		leave_rest(target, stream->error);
	if (r == 0) {
		size_t whole = whole_lines(block.text, block.size);

		target->settled = block.offset + whole;
		target->settled_line = block.line + count_lines(block.text, whole);
	}
	return r;
}

/* One file in it; that of a packed file that is no archive has its name. */
static int scan_entry(const struct target *outer, struct stream *stream, struct archive_entry *entry)
{
	struct scan *scan = outer->scan;
	const char *inner =
		archive_format(stream->archive) == ARCHIVE_FORMAT_RAW ? NULL : archive_entry_pathname(entry);
	struct target target = *outer;
	_cleanup_free_ char *path = NULL;
	ssize_t n = read_some(stream, scan->block, SCAN_BLOCK);

	if (inner && asprintf(&path, "%s!%s", outer->path, inner) < 0)
		return -ENOMEM;
	if (path)
		target.path = path;
	if (n <= 0) {
		if (stream->error < 0)
			leave_rest(&target, stream->error);
		return 0;
	}
	scan->bytes += (uint64_t)n;
	target.binary = memchr(scan->block, 0, MIN((size_t)n, (size_t)SNIFF)) != NULL;
	target.format = inner && !target.binary ? format_of(inner) : NULL;
	target.line = 1;
	scan->binary += target.binary;
	return scan_stream(&target, stream, (size_t)n);
}

static int scan_entries(struct target *target, struct archive *archive)
{
	struct scan *scan = target->scan;
	struct stream stream = {-EBADF, archive, scan->bytes, 0};
	struct archive_entry *entry;
	unsigned count = 0;
	int r = 0, code = ARCHIVE_OK;

	while (r == 0 && !scan_is_over(scan) && stream.error == 0 &&
		((code = archive_read_next_header(archive, &entry)) == ARCHIVE_OK || code == ARCHIVE_WARN)) {
		if (scan->bytes - stream.start > scan->settings.file_max || ++count > ENTRIES_MAX) {
			scan_leave_out(scan, &scan->large, target->path, "it unpacks to more than max_size");
			break;
		}
		if (archive_entry_filetype(entry) == AE_IFREG)
			r = scan_entry(target, &stream, entry);
	}
	if (code < ARCHIVE_WARN)
		leave_rest(target, -EBADMSG);
	return r;
}

/* Only what libarchive undoes by itself: it would run programs for other forms. */
static struct archive *open_packed(int fd)
{
	struct archive *archive = archive_read_new();

	if (!archive)
		return NULL;
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_bzip2(archive);
	archive_read_support_filter_xz(archive);
	archive_read_support_filter_zstd(archive);
	archive_read_support_format_raw(archive);
	archive_read_support_format_empty(archive);
	archive_read_support_format_zip(archive);
	if (lseek(fd, 0, SEEK_SET) < 0 || archive_read_open_fd(archive, fd, PACKED) != ARCHIVE_OK) {
		archive_read_free(archive);
		return NULL;
	}
	return archive;
}

static int scan_packed(struct target *target, int fd)
{
	struct archive *archive = open_packed(fd);
	int r = 0;

	target->whole = true;
	if (archive)
		r = scan_entries(target, archive);
	else
		leave_rest(target, -EBADMSG);
	archive_read_free(archive);
	explicit_bzero(target->scan->block, SCAN_BLOCK);
	return r;
}

/* ---- Files ---- */

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

static int try_keystore(struct target *target, size_t size)
{
	struct scan *scan = target->scan;
	int r = size < KEYSTORE_MAX ? keystore_is_trivial(scan->block, size) : 0;

	if (r == -E2BIG)
		scan_leave_out(scan, &scan->failed, target->path, "its password takes too long to try");
	return r == 1 ? tell_keystore(target, size) : 0;
}

static bool begins(const char *text, size_t size, const char *magic, size_t magic_size)
{
	return size >= magic_size && memcmp(text, magic, magic_size) == 0;
}

static bool is_packed(const char *text, size_t size)
{
	return begins(text, size, "\x1f\x8b\x08", 3) || begins(text, size, "PK\3\4", 4) ||
		begins(text, size, "\xfd\x37zXZ", 5) ||
		(begins(text, size, "BZh", 3) && size > 9 && memcmp(text + 4, "1AY&SY", 6) == 0) ||
		begins(text, size, "\x28\xb5\x2f\xfd", 4);
}

/* Packed in a way that is not undone here. */
static bool is_strange(const char *text, size_t size)
{
	return begins(text, size, "7z\xbc\xaf\x27\x1c", 6) || begins(text, size, "\x04\x22\x4d\x18", 4) ||
		begins(text, size, "Rar!\x1a\x07", 6) || begins(text, size, "LZIP\1", 5);
}

static int scan_content(struct target *target, int fd, size_t size)
{
	struct scan *scan = target->scan;
	struct stream stream = {fd, NULL, 0, 0};
	int r = 0;

	if (target->offset == 0 && is_packed(scan->block, size))
		return scan_packed(target, fd);
	if (target->offset == 0 && is_strange(scan->block, size))
		scan_leave_out(
			scan, &scan->archives, target->path, "it is packed in a way that is not known here");
	if (target->offset == 0 && memchr(scan->block, 0, MIN(size, (size_t)SNIFF))) {
		target->binary = target->whole = true;
		target->format = NULL;
		scan->binary++;
		r = try_keystore(target, size);
	}
	return r == 0 ? scan_stream(target, &stream, size) : r;
}

int scan_file(struct target *target, int fd, const struct stat *st)
{
	struct scan *scan = target->scan;
	uint64_t left = (uint64_t)st->st_size > target->offset ? (uint64_t)st->st_size - target->offset : 0;
	/* One byte more tells that it has not grown. */
	size_t want = (size_t)MIN(left + 1, (uint64_t)SCAN_BLOCK);
	ssize_t n = read(fd, scan->block, want), more;
	int r;

	if (n < 0)
		n = -errno;
	/* What is not on a disk may come in pieces, and says nothing of its size. */
	if (n > 0 && ((uint64_t)n < left || (size_t)n == want) && (size_t)n < SCAN_BLOCK) {
		more = fd_read_full(fd, scan->block + n, SCAN_BLOCK - (size_t)n);
		n = more < 0 ? more : n + more;
	}
	if (n < 0) {
		scan_leave_out(scan, &scan->unreadable, target->path, strerror((int)-n));
		return 0;
	}
	if (target->line == 0)
		target->line = 1;
	target->settled = target->offset;
	target->settled_line = target->line;
	scan->files++;
	scan->bytes += (uint64_t)n;
	r = scan_content(target, fd, (size_t)n);
	explicit_bzero(scan->block, (size_t)n);
	return r;
}

int scan_open_regular(int dir_fd, const char *name, struct stat *ret_st)
{
	_cleanup_fd_ int at = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[64];
	int fd;

	if (at < 0 || fstat(at, ret_st) < 0)
		return -errno;
	if (!S_ISREG(ret_st->st_mode))
		return -ENOTSUP;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

ssize_t scan_load(struct scan *scan, int dir_fd, const char *name, const char *path, struct stat *ret_st)
{
	_cleanup_fd_ int fd = scan_open_regular(dir_fd, name, ret_st);
	ssize_t n = fd < 0 ? fd : fd_read_full(fd, scan->block, SCAN_SMALL);

	if (n == -ENOTSUP || n == -ENOENT)
		return n;
	if (n < 0) {
		scan_leave_out(scan, &scan->unreadable, path, strerror((int)-n));
		return n;
	}
	if ((size_t)n == SCAN_SMALL)
		scan_leave_out(scan, &scan->large, path, "longer than 256 KiB");
	scan->files++;
	scan->bytes += (uint64_t)n;
	return n;
}
