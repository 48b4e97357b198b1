/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 1000000
#define BLOCK ((size_t)64 << 10)
#define OPEN_MAX 16

struct unpacking {
	struct archive *from;
	struct archive *to;
	const char *folder;
	uint64_t left; /* bytes that may still come */
	const struct patience *patience;
	struct error *error;
};

static int archive_failed(const struct unpacking *u, struct archive *archive, const char *what)
{
	const char *text = archive_error_string(archive);
	int code = archive_errno(archive);

	return error_set(
		u->error, code > 0 ? -code : -EIO, "%s: %s", what, text ? text : "the archive is damaged");
}

/* Whether a name stays below the folder, whatever is on the disk. */
static bool stays_inside(const char *name)
{
	if (!*name || *name == '/')
		return false;
	for (const char *part = name; *part;) {
		size_t length = strcspn(part, "/");

		if (length == 2 && part[0] == '.' && part[1] == '.')
			return false;
		part += length;
		part += strspn(part, "/");
	}
	return true;
}

static int refuse(const struct unpacking *u, const char *name, const char *why)
{
	return error_set(u->error, -EINVAL, "the archive's entry \"%.200s\" %s", name, why);
}

static int put_below(const struct unpacking *u, struct archive_entry *entry, const char *name)
{
	const char *link = archive_entry_hardlink(entry);
	_cleanup_free_ char *path = NULL, *target = NULL;

	if (asprintf(&path, "%s/%s", u->folder, name) < 0)
		return -ENOMEM;
	archive_entry_set_pathname(entry, path);
	if (!link)
		return 0;
	if (!stays_inside(link))
		return refuse(u, name, "is a link out of the release");
	if (asprintf(&target, "%s/%s", u->folder, link) < 0)
		return -ENOMEM;
	archive_entry_set_hardlink(entry, target);
	return 0;
}

static int judge_entry(const struct unpacking *u, struct archive_entry *entry)
{
	const char *name = archive_entry_pathname(entry);
	mode_t type = archive_entry_filetype(entry);
	_cleanup_free_ char *copy = NULL;

	if (!name)
		return refuse(u, "?", "has a name that can't be read");
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	if (!stays_inside(copy))
		return refuse(u, copy, "leads out of the release");
	if (!archive_entry_hardlink(entry) && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
		return refuse(u, copy, "is neither file, folder nor link");
	archive_entry_set_perm(entry, archive_entry_perm(entry) & 0777);
	return put_below(u, entry, copy);
}

static int copy_data(struct unpacking *u)
{
	const void *block;
	la_int64_t offset;
	size_t size;
	int r;

	while ((r = archive_read_data_block(u->from, &block, &size, &offset)) == ARCHIVE_OK) {
		if (size > u->left)
			return error_set(
				u->error, -EFBIG, "the archive unpacks to more than size_max allows");
		u->left -= size;
		if (archive_write_data_block(u->to, block, size, offset) < ARCHIVE_OK)
			return archive_failed(u, u->to, "unpacking");
		if (patience_over(u->patience))
			return error_set(u->error, -ETIMEDOUT, "time is up while the archive was unpacked");
	}
	return r == ARCHIVE_EOF ? 0 : archive_failed(u, u->from, "reading the archive");
}

static int take_entry(struct unpacking *u, struct archive_entry *entry)
{
	/* A sparse file says how large it is without holding that much. */
	int64_t size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : 0;
	int r = judge_entry(u, entry);

	if (r < 0)
		return r;
	if (size < 0 || (uint64_t)size > u->left)
		return error_set(u->error, -EFBIG, "the archive unpacks to more than size_max allows");
	if (archive_write_header(u->to, entry) < ARCHIVE_WARN)
		return archive_failed(u, u->to, "unpacking");
	return copy_data(u);
}

static int take_entries(struct unpacking *u)
{
	struct archive_entry *entry;
	unsigned count = 0;
	int r = 0, next;

	while (r == 0 && (next = archive_read_next_header(u->from, &entry)) != ARCHIVE_EOF) {
		if (next < ARCHIVE_WARN)
			return archive_failed(u, u->from, "reading the archive");
		if (++count > ENTRIES_MAX)
			return error_set(
				u->error, -EFBIG, "the archive has more than %d entries", ENTRIES_MAX);
		r = take_entry(u, entry);
	}
	if (r == 0 && count == 0)
		return error_set(u->error, -EINVAL, "the archive is empty");
	if (r == 0 && archive_write_close(u->to) < ARCHIVE_OK)
		return archive_failed(u, u->to, "unpacking");
	return r;
}

static int open_archives(struct unpacking *u, int fd)
{
	int flags = ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
		ARCHIVE_EXTRACT_SECURE_SYMLINKS;

	u->from = archive_read_new();
	u->to = archive_write_disk_new();
	if (!u->from || !u->to)
		return -ENOMEM;
	archive_read_support_format_tar(u->from);
	archive_read_support_filter_gzip(u->from);
	archive_read_support_filter_xz(u->from);
	archive_read_support_filter_zstd(u->from);
	archive_read_support_filter_bzip2(u->from);
	archive_write_disk_set_options(u->to, flags);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	if (archive_read_open_fd(u->from, fd, BLOCK) < ARCHIVE_OK)
		return archive_failed(u, u->from, "reading the archive");
	return 0;
}

int unpack(
	int fd, const char *folder, uint64_t size_max, const struct patience *patience, struct error *error)
{
	struct unpacking u = {.folder = folder, .left = size_max, .patience = patience, .error = error};
	int r = open_archives(&u, fd);

	if (r == 0)
		r = take_entries(&u);
	archive_read_free(u.from);
	archive_write_free(u.to);
	return r;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int remove_tree(const char *path)
{
	if (nftw(path, remove_one, OPEN_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0)
		return 0;
	return errno == ENOENT ? 0 : -errno;
}
