/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"
#include "place.h"
#include "scan_internal.h"

#include "base/buf.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DEPTH_MAX 48
#define PATH_LENGTH_MAX 8192

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif
#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xFF534D42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xFE534D42
#endif
#define MQUEUE_MAGIC 0x19800202

struct tree {
	struct scan *scan;
	struct buf path; /* of what is being looked at; names are put behind it and taken off again */
	dev_t device;
	bool open; /* everybody may pass through all folders up to here */
};

/* ---- File systems ---- */

/* Made by the kernel: nobody keeps a secret there but for its processes, which are searched by themselves. */
static bool is_kernel_made(long type)
{
	static const long types[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,
		CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC, SECURITYFS_MAGIC, SELINUX_MAGIC,
		PSTOREFS_MAGIC, EFIVARFS_MAGIC, DEVPTS_SUPER_MAGIC, BINFMTFS_MAGIC, HUGETLBFS_MAGIC,
		MQUEUE_MAGIC, NSFS_MAGIC};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (type == types[i])
			return true;
	return false;
}

/* What hangs when its server does, or mounts more when it is looked at. */
static bool is_remote(long type)
{
	return type == NFS_SUPER_MAGIC || type == AUTOFS_SUPER_MAGIC || type == FUSE_SUPER_MAGIC ||
		type == (long)CIFS_SUPER_MAGIC || type == (long)SMB2_SUPER_MAGIC ||
		type == (long)SMB_SUPER_MAGIC || type == (long)CEPH_SUPER_MAGIC ||
		type == (long)AFS_SUPER_MAGIC || type == V9FS_MAGIC;
}

/* Whether to go into another file system; when not, it is said. */
static bool may_cross(struct tree *tree, int fd)
{
	struct scan *scan = tree->scan;
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0) {
		scan_leave_out(scan, &scan->unreadable, tree->path.data, strerror(errno));
		return false;
	}
	if (is_kernel_made((long)fs.f_type))
		return false;
	if (scan->settings.cross && !is_remote((long)fs.f_type))
		return true;
	scan_leave_out(scan, &scan->mounts, tree->path.data,
		scan->settings.cross
			? "is another host's file system; name it in scan or in skip"
			: "is another file system; name it in scan or in skip, or set cross_filesystems");
	return false;
}

/* ---- Files and folders ---- */

static bool is_skipped(const struct scan *scan, const char *path, const char *name)
{
	for (size_t i = 0; i < scan->settings.skip_count; i++) {
		const char *pattern = scan->settings.skip[i];
		const char *text = strchr(pattern, '/') ? path : name;

		if (strpbrk(pattern, "*?[\\") ? fnmatch(pattern, text, 0) == 0 : streq(pattern, text))
			return true;
	}
	return false;
}

/* open: everybody may come as far as its folder. */
static int scan_named(struct scan *scan, int dir_fd, const char *name, const char *path, bool open)
{
	struct target target = {.scan = scan, .path = path, .format = format_of(path)};
	struct stat st;
	_cleanup_fd_ int fd = scan_open_regular(dir_fd, name, &st);

	if (fd == -ENOTSUP) {
		scan->special++;
		return 0;
	}
	/* It may vanish between the listing and here. */
	if (fd == -ENOENT)
		return 0;
	if (fd < 0) {
		scan_leave_out(scan, &scan->unreadable, path, strerror(-fd));
		return 0;
	}
	target.readable = open && (st.st_mode & S_IROTH);
	target.store = target.format && format_is_store(target.format);
	if (scan->settings.world_readable && !target.readable)
		return 0;
	if (scan->memory)
		return memory_scan_file(scan->memory, &target, fd, &st);
	if ((uint64_t)st.st_size > scan->settings.file_max) {
		scan_leave_out(scan, &scan->large, path, "larger than max_size");
		return 0;
	}
	return scan_file(&target, fd, &st);
}

static int walk_folder(struct tree *tree, int fd, unsigned depth);

static int go_into(struct tree *tree, int dir_fd, const char *name, unsigned depth)
{
	struct scan *scan = tree->scan;
	_cleanup_fd_ int fd = -EBADF;
	dev_t device = tree->device;
	bool open = tree->open;
	struct stat st;
	int r;

	if (depth >= DEPTH_MAX || tree->path.size > PATH_LENGTH_MAX) {
		scan_leave_out(scan, &scan->unreadable, tree->path.data, "too deep");
		return 0;
	}
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		if (errno != ENOENT)
			scan_leave_out(scan, &scan->unreadable, tree->path.data, strerror(errno));
		return 0;
	}
	if (st.st_dev != device && !may_cross(tree, fd))
		return 0;
	tree->device = st.st_dev;
	tree->open = open && (st.st_mode & S_IXOTH);
	r = tree->open || !scan->settings.world_readable ? walk_folder(tree, TAKE_FD(fd), depth + 1) : 0;
	tree->device = device;
	tree->open = open;
	return r;
}

static int go_to(struct tree *tree, int dir_fd, const struct dirent *entry, unsigned depth)
{
	struct scan *scan = tree->scan;
	unsigned char type = entry->d_type;
	struct stat st;

	/* Some file systems do not say. */
	if (type == DT_UNKNOWN) {
		if (fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return 0;
		type = IFTODT(st.st_mode);
	}
	if (type == DT_DIR)
		return go_into(tree, dir_fd, entry->d_name, depth);
	if (type != DT_REG) {
		scan->special += type != DT_LNK;
		return 0;
	}
	if (scan->files >= scan->settings.files_max) {
		scan->unfinished = true;
		return 0;
	}
	return scan_named(scan, dir_fd, entry->d_name, tree->path.data, tree->open);
}

/* Takes the descriptor. */
static int walk_folder(struct tree *tree, int fd, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	size_t size = tree->path.size;
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		fd_close(fd);
		return -errno;
	}
	while (r == 0 && !scan_is_over(tree->scan) && (entry = readdir(dir))) {
		if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
			continue;
		if (size > 1)
			buf_add_char(&tree->path, '/');
		buf_add_str(&tree->path, entry->d_name);
		r = buf_error(&tree->path);
		if (r == 0 && !is_skipped(tree->scan, tree->path.data, entry->d_name))
			r = go_to(tree, dirfd(dir), entry, depth);
		tree->path.size = size;
	}
	closedir(dir);
	return r;
}

/* By its path without links, since none is followed otherwise. */
static int scan_one(struct scan *scan, const char *path, bool open)
{
	_cleanup_free_ char *real = realpath(path, NULL);

	if (!real || access(real, R_OK) < 0)
		return -errno;
	return scan_named(scan, AT_FDCWD, real, path, open);
}

int scan_path(struct scan *scan, const char *path)
{
	struct tree tree = {.scan = scan, .path = BUF_INIT};
	size_t size = strlen(path);
	struct stat st;
	int fd, r;

	/* The path itself may be a link: the operator named it. */
	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return scan_one(scan, path, place_is_reachable(path));
	if (!S_ISDIR(st.st_mode))
		return -ENOTSUP;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (size > 1 && path[size - 1] == '/')
		size--;
	buf_add(&tree.path, path, size);
	tree.device = st.st_dev;
	tree.open = place_is_reachable(path) && (st.st_mode & S_IXOTH);
	r = walk_folder(&tree, fd, 0);
	buf_done(&tree.path);
	return r;
}
