/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libarchive unpacks xz, zstd, bzip2 and the like, but does not look at the checksum at the end of gzip; zlib does. So
 * all files are read through zlib, which hands on unchanged what is not gzip.
 */
#include "content.h"

#include "base/fd.h"
#include "base/parse.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define CHUNK (128u << 10)
#define ENTRIES_MAX 50000000u
#define EXTRACT_FLAGS \
	(ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT | \
		ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS | ARCHIVE_EXTRACT_NO_OVERWRITE)

struct source {
	gzFile file;
	struct archive *archive;
	const struct content_limits *limits;
	const char *path; /* borrowed, as limits and error are */
	struct error *error;
	bool stopped;
	bool empty; /* nothing more comes */
	uint64_t count; /* bytes that were unpacked */
	char buffer[CHUNK];
};

static void source_free(struct source *source)
{
	if (source->archive)
		archive_read_free(source->archive);
	if (source->file)
		gzclose_r(source->file);
	free(source);
}
DEFINE_CLEANUP(struct source *, source_free);

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static la_ssize_t source_read(struct archive *archive, void *userdata, const void **ret_buffer)
{
	struct source *source = userdata;
	int n, code;
	const char *why;

	if (source->limits->stop && source->limits->stop(source->limits->userdata)) {
		source->stopped = true;
		archive_set_error(archive, ECANCELED, "stopped");
		return -1;
	}
	n = gzread(source->file, source->buffer, CHUNK);
	why = gzerror(source->file, &code);
	/* At the end of a file that was cut off, gzread() gives what there is first. */
	if (n < 0 || (n == 0 && code != Z_OK && code != Z_STREAM_END)) {
		archive_set_error(archive, EIO, "%s", code == Z_BUF_ERROR ? "it is cut off" : why);
		return -1;
	}
	*ret_buffer = source->buffer;
	return n;
}

/* A FIFO would have us wait for a writer, a device do anything. */
static int open_plain(const char *path, int *ret_fd, struct error *error)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int r = -errno;

		return error_set(error, r, "cannot read %s: %s", path, strerror(-r));
	}
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EMEDIUMTYPE, "%s is not a plain file", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int open_source(const char *path, bool as_archive, const struct content_limits *limits,
	struct source **ret_source, struct error *error)
{
	_cleanup_(source_freep) struct source *source = calloc(1, sizeof(*source));
	_cleanup_fd_ int fd = -EBADF;
	int r = open_plain(path, &fd, error);

	if (r < 0)
		return r;
	if (source)
		source->archive = archive_read_new();
	if (!source || !source->archive || !(source->file = gzdopen(fd, "rb")))
		return error_set(error, -ENOMEM, "out of memory");
	(void)TAKE_FD(fd);
	source->limits = limits;
	/* Not those that run programs of others. */
	archive_read_support_filter_bzip2(source->archive);
	archive_read_support_filter_xz(source->archive);
	archive_read_support_filter_lzma(source->archive);
	archive_read_support_filter_zstd(source->archive);
	archive_read_support_filter_lz4(source->archive);
	archive_read_support_format_empty(source->archive);
	if (as_archive)
		archive_read_support_format_tar(source->archive);
	else
		archive_read_support_format_raw(source->archive);
	if (archive_read_open(source->archive, source, NULL, source_read, NULL) != ARCHIVE_OK) {
		const char *why = archive_error_string(source->archive);

		return error_set(error, source->stopped ? -ECANCELED : -EBADMSG, "%s is damaged: %s",
			base_name(path), why ? why : "it cannot be unpacked");
	}
	*ret_source = TAKE_PTR(source);
	return 0;
}

static int explain(struct source *source, const char *path, struct error *error)
{
	const char *why = archive_error_string(source->archive);

	if (source->stopped)
		return error_set(error, -ECANCELED, "%s was not read to its end: raise the check's timeout",
			base_name(path));
	return error_set(
		error, -EBADMSG, "%s is damaged: %s", base_name(path), why ? why : "it cannot be unpacked");
}

static int grow(struct source *source, const char *path, size_t size, struct error *error)
{
	char text[32];

	source->count += size;
	if (source->count <= source->limits->max)
		return 0;
	return error_set(error, -EFBIG, "%s unpacks to more than %s", base_name(path),
		format_size(text, source->limits->max));
}

/* ---- Reading ---- */

static void keep_edges(struct content *content, const char *data, size_t size)
{
	size_t n = MIN(size, CONTENT_EDGE - content->head_size), kept;

	memcpy(content->head + content->head_size, data, n);
	content->head_size += n;
	content->size += size;
	n = MIN(size, (size_t)CONTENT_EDGE);
	kept = MIN(content->tail_size, CONTENT_EDGE - n);
	memmove(content->tail, content->tail + content->tail_size - kept, kept);
	memcpy(content->tail + kept, data + size - n, n);
	content->tail_size = kept + n;
}

int content_open(const char *path, const struct content_limits *limits, struct source **ret_source,
	struct error *error)
{
	_cleanup_(source_freep) struct source *source = NULL;
	struct archive_entry *entry;
	int r = open_source(path, false, limits, &source, error);

	if (r < 0)
		return r;
	r = archive_read_next_header(source->archive, &entry);
	if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
		return explain(source, path, error);
	source->path = path;
	source->empty = r == ARCHIVE_EOF;
	source->error = error;
	*ret_source = TAKE_PTR(source);
	return 0;
}

ssize_t content_next(void *userdata, void *buffer, size_t size)
{
	struct source *source = userdata;
	size_t have = 0;

	while (have < size && !source->empty) {
		la_ssize_t n = archive_read_data(source->archive, (char *)buffer + have, size - have);
		int r = n < 0 ? explain(source, source->path, source->error) : 0;

		if (r == 0)
			r = grow(source, source->path, (size_t)n, source->error);
		if (r < 0)
			return r;
		source->empty = n == 0;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

void content_close(struct source *source)
{
	if (source)
		source_free(source);
}

/* What take() gets is the unpacked content, piece by piece. */
static int unpack(const char *path, const struct content_limits *limits,
	int (*take)(void *userdata, const void *data, size_t size), void *userdata, struct error *error)
{
	_cleanup_(source_freep) struct source *source = NULL;
	_cleanup_free_ char *buffer = malloc(CHUNK);
	int r = content_open(path, limits, &source, error);
	ssize_t n;

	if (r < 0 || !buffer)
		return r < 0 ? r : error_set(error, -ENOMEM, "out of memory");
	while ((n = content_next(source, buffer, CHUNK)) > 0) {
		r = take(userdata, buffer, (size_t)n);
		if (r < 0)
			return error_set(error, r, "cannot write: %s", strerror(-r));
	}
	return (int)n;
}

static int take_edges(void *userdata, const void *data, size_t size)
{
	keep_edges(userdata, data, size);
	return 0;
}

static int list_entries(
	const char *path, const struct content_limits *limits, struct content *content, struct error *error)
{
	_cleanup_(source_freep) struct source *source = NULL;
	struct archive_entry *entry;
	int r = open_source(path, true, limits, &source, error);

	if (r < 0)
		return r;
	while ((r = archive_read_next_header(source->archive, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN)
		if (++content->entries > ENTRIES_MAX)
			return error_set(
				error, -EFBIG, "%s has more than %u entries", base_name(path), ENTRIES_MAX);
	return r == ARCHIVE_EOF ? 0 : explain(source, path, error);
}

/* An archive ends with two blocks of zeros. Where they are missing it was cut off between two entries, or the
 * program that made it was. */
static bool ends_with_zeros(const struct content *content)
{
	if (content->tail_size < 1024)
		return false;
	for (size_t i = content->tail_size - 1024; i < content->tail_size; i++)
		if (content->tail[i])
			return false;
	return true;
}

static bool looks_like_tar(const struct content *content)
{
	if (content->head_size < 512)
		return false;
	if (memcmp(content->head + 257, "ustar", 5) == 0)
		return true;
	for (size_t i = 0; i < 512; i++)
		if (content->head[i])
			return false;
	/* Zeros alone are an archive without entries. */
	return content->size % 512 == 0 && ends_with_zeros(content);
}

int content_read(const char *path, const struct content_limits *limits, struct content *ret_content,
	struct error *error)
{
	struct content *content = ret_content;
	int r;

	*content = (struct content){0};
	r = unpack(path, limits, take_edges, content, error);
	content->is_archive = r == 0 && looks_like_tar(content);
	if (!content->is_archive)
		return r;
	if (!ends_with_zeros(content))
		return error_set(error, -EBADMSG, "%s is damaged: the archive has no end, it is cut off",
			base_name(path));
	return list_entries(path, limits, content, error);
}

/* ---- Copying out ---- */

static int copy_entry(struct source *source, struct archive *disk, const char *path, struct error *error)
{
	const void *block;
	la_int64_t offset;
	size_t size;
	int r;

	while ((r = archive_read_data_block(source->archive, &block, &size, &offset)) == ARCHIVE_OK) {
		r = grow(source, path, size, error);
		if (r < 0)
			return r;
		if (archive_write_data_block(disk, block, size, offset) < ARCHIVE_WARN)
			return error_set(error, -EIO, "cannot write: %s", archive_error_string(disk));
	}
	return r == ARCHIVE_EOF ? 0 : explain(source, path, error);
}

/* Paths become relative to the folder: SECURE_NOABSOLUTEPATHS would refuse the folder itself. */
static int place_entry(struct archive_entry *entry, const char *folder, struct error *error)
{
	const char *name = archive_entry_pathname(entry), *link = archive_entry_hardlink(entry);
	char full[8192];

	if (!name || snprintf(full, sizeof(full), "%s/%s", folder, name) >= (int)sizeof(full) ||
		strstr(name, "../"))
		return error_set(error, -EBADMSG, "an entry's name leads out of the archive or is too long");
	archive_entry_set_pathname(entry, full);
	if (!link)
		return 0;
	if (snprintf(full, sizeof(full), "%s/%s", folder, link) >= (int)sizeof(full) || strstr(link, "../"))
		return error_set(error, -EBADMSG, "a link leads out of the archive or is too long");
	archive_entry_set_hardlink(entry, full);
	return 0;
}

int content_extract(
	const char *path, const char *folder, const struct content_limits *limits, struct error *error)
{
	_cleanup_(source_freep) struct source *source = NULL;
	struct archive *disk = archive_write_disk_new();
	struct archive_entry *entry;
	int r = disk ? open_source(path, true, limits, &source, error) : -ENOMEM;
	int end = ARCHIVE_EOF;

	if (disk)
		archive_write_disk_set_options(disk, EXTRACT_FLAGS & ~ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
	while (r == 0 &&
		((end = archive_read_next_header(source->archive, &entry)) == ARCHIVE_OK ||
			end == ARCHIVE_WARN)) {
		mode_t type = archive_entry_filetype(entry);

		if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK &&
			!archive_entry_hardlink(entry))
			continue; /* devices and FIFOs are nothing to restore for a test */
		r = place_entry(entry, folder, error);
		if (r == 0 && archive_write_header(disk, entry) < ARCHIVE_WARN)
			r = error_set(error, -EIO, "cannot write: %s", archive_error_string(disk));
		if (r == 0 && type == AE_IFREG && !archive_entry_hardlink(entry))
			r = copy_entry(source, disk, path, error);
	}
	if (r == 0 && end != ARCHIVE_EOF)
		r = explain(source, path, error);
	if (disk && archive_write_free(disk) != ARCHIVE_OK && r == 0)
		r = error_set(error, -EIO, "cannot write into %s", folder);
	return r;
}

static int take_file(void *userdata, const void *data, size_t size)
{
	return fd_write_full(*(int *)userdata, data, size);
}

int content_copy(const char *path, const char *to, const struct content_limits *limits, struct error *error)
{
	_cleanup_fd_ int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return error_set(error, -errno, "cannot make %s: %s", to, strerror(errno));
	return unpack(path, limits, take_file, &fd, error);
}
