/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounted file systems: node_filesystem_*, and an item each. The mount table is read again when the kernel
 * says that it changed; in between a run costs one statfs() a file system.
 */
#include "collector.h"
#include "filter.h"
#include "mountinfo.h"
#include "scan.h"
#include "source.h"

#include "base/parse.h"
#include "base/status.h"
#include "base/util.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

enum {
	MOUNTS_MAX = 4096,
};

enum { SIZE, FREE, AVAIL, FILES, FILES_FREE, READONLY, DEVICE_ERROR, METRICS };

static const struct metric fs_metrics[METRICS] = {
	{"node_filesystem_size_bytes", GAVEA_GAUGE, "bytes", "Size"},
	{"node_filesystem_free_bytes", GAVEA_GAUGE, "bytes", "Space that is free"},
	{"node_filesystem_avail_bytes", GAVEA_GAUGE, "bytes", "Space that is free for users other than root"},
	{"node_filesystem_files", GAVEA_GAUGE, NULL, "Inodes"},
	{"node_filesystem_files_free", GAVEA_GAUGE, NULL, "Inodes that are free"},
	{"node_filesystem_readonly", GAVEA_GAUGE, NULL, "Whether it is read-only"},
	{"node_filesystem_device_error", GAVEA_GAUGE, NULL, "Whether its figures could not be had"},
};

/* Types whose statfs() asks another machine, or another process, and may wait for it for ever. */
static const char *const remote_types[] = {"9p", "afs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gfs",
	"gfs2", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs"};

struct fs {
	struct mount mount;
	char *path; /* to ask, below rootfs */
	bool covered; /* a later mount lies on the same mount point */
	int series[METRICS];
};

struct filesystem {
	struct source source;
	struct filter exclude_types;
	struct filter exclude_mount_points;
	char *rootfs; /* without a slash at its end: "" is the host's own root */
	bool remote;
	double warning;
	double critical;
	bool read; /* the mount table was read, and is valid until poll() says otherwise */
	bool too_many;
	struct fs *list;
	size_t count;
	size_t room;
};

static void list_free(struct fs *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mount_done(&list[i].mount);
		free(list[i].path);
	}
	free(list);
}

static void filesystem_close(void *state)
{
	struct filesystem *filesystem = state;

	source_close(&filesystem->source);
	filter_close(&filesystem->exclude_types);
	filter_close(&filesystem->exclude_mount_points);
	free(filesystem->rootfs);
	list_free(filesystem->list, filesystem->count);
}

static int filesystem_open(void *state, struct collection *collection)
{
	struct filesystem *filesystem = state;
	struct gavea_check *check = collection->check;
	const char *procfs = gavea_option_string(check, "procfs");
	const char *rootfs = gavea_option_string(check, "rootfs");
	size_t length = strlen(rootfs);
	int r;

	filesystem->source = (struct source)SOURCE_INIT;
	filesystem->remote = gavea_option_bool(check, "remote");
	filesystem->warning = gavea_option_float(check, "disk_warning");
	filesystem->critical = gavea_option_float(check, "disk_critical");
	while (length && rootfs[length - 1] == '/')
		length--;
	filesystem->rootfs = strndup(rootfs, length);
	if (!filesystem->rootfs)
		return -ENOMEM;
	r = filter_open(&filesystem->exclude_types, check, "filesystem_fs_types_exclude");
	if (r == 0)
		r = filter_open(&filesystem->exclude_mount_points, check, "filesystem_mount_points_exclude");
	if (r < 0)
		return r;
	/* The first process sees the host's mounts; this one may live among fewer. */
	r = source_open(&filesystem->source, procfs, "1/mountinfo");
	if (r < 0)
		r = source_open(&filesystem->source, procfs, "self/mountinfo");
	if (r < 0)
		gavea_log(check, GAVEA_LOG_WARNING, "%s/1/mountinfo: %s", procfs, strerror(-r));
	return 0;
}

static bool is_remote(const char *type)
{
	if (startswith(type, "fuse.") || streq(type, "fuse"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(remote_types); i++)
		if (streq(type, remote_types[i]))
			return true;
	return false;
}

/* Mount points as seen from rootfs: with rootfs = "/host" what is mounted on /host/var is /var. */
static void strip_rootfs(const struct filesystem *filesystem, struct mount *mount)
{
	const char *rest = startswith(mount->mount_point, filesystem->rootfs);

	if (!*filesystem->rootfs || !rest || (*rest && *rest != '/'))
		return;
	if (*rest)
		memmove(mount->mount_point, rest, strlen(rest) + 1);
	else
		memcpy(mount->mount_point, "/", 2);
}

static bool wanted(const struct filesystem *filesystem, const struct mount *mount)
{
	return !filter_excludes(&filesystem->exclude_mount_points, mount->mount_point) &&
		!filter_excludes(&filesystem->exclude_types, mount->type) &&
		(filesystem->remote || !is_remote(mount->type));
}

/* Whether these very labels are there already; covers what lies on the same mount point. */
static bool is_repeated(struct filesystem *filesystem, const struct mount *mount)
{
	for (size_t i = 0; i < filesystem->count; i++) {
		struct fs *other = &filesystem->list[i];

		if (!streq(other->mount.mount_point, mount->mount_point))
			continue;
		if (streq(other->mount.device, mount->device) && streq(other->mount.type, mount->type))
			return true;
		other->covered = true;
	}
	return false;
}

/* Takes mount, whatever is returned. */
static int list_add(struct filesystem *filesystem, struct collection *collection, struct mount *mount)
{
	const struct gavea_pair labels[] = {
		{"device", mount->device}, {"fstype", mount->type}, {"mountpoint", mount->mount_point}};
	struct fs *fs;

	if (filesystem->count == MOUNTS_MAX) {
		if (!filesystem->too_many)
			gavea_log(collection->check, GAVEA_LOG_WARNING,
				"more than %d file systems; the others are left out", MOUNTS_MAX);
		filesystem->too_many = true;
		mount_done(mount);
		return 0;
	}
	if (GROW(filesystem->list, filesystem->count, filesystem->room) < 0) {
		mount_done(mount);
		return -ENOMEM;
	}
	fs = &filesystem->list[filesystem->count];
	*fs = (struct fs){.mount = *mount};
	if (asprintf(&fs->path, "%s%s", filesystem->rootfs, mount->mount_point) < 0) {
		mount_done(mount);
		return -ENOMEM;
	}
	filesystem->count++;
	for (size_t i = 0; i < METRICS; i++)
		fs->series[i] = declare(collection, &fs_metrics[i], labels, ARRAY_SIZE(labels));
	return 0;
}

static int list_read(struct filesystem *filesystem, struct collection *collection)
{
	_cleanup_(text_done) struct text text = TEXT_INIT;
	int r = source_read(&filesystem->source, &text);

	list_free(filesystem->list, filesystem->count);
	filesystem->list = NULL;
	filesystem->count = filesystem->room = 0;
	for (const char *line = r == 0 && text.size ? text.data : NULL; line; line = scan_line(line)) {
		struct mount mount;

		r = mount_parse(line, &mount);
		if (r < 0)
			break;
		strip_rootfs(filesystem, &mount);
		if (!wanted(filesystem, &mount) || is_repeated(filesystem, &mount)) {
			mount_done(&mount);
			continue;
		}
		r = list_add(filesystem, collection, &mount);
		if (r < 0)
			break;
	}
	return r;
}

static bool list_is_current(const struct filesystem *filesystem)
{
	struct pollfd pollfd = {.fd = filesystem->source.fd, .events = POLLPRI};

	return filesystem->read && filesystem->source.kernel && poll(&pollfd, 1, 0) == 0;
}

/* Percentage used of what a user other than root may use, as df shows it. */
static double used_percent(uint64_t total, uint64_t free, uint64_t avail)
{
	uint64_t used = total > free ? total - free : 0;

	return used + avail > 0 ? 100.0 * (double)used / ((double)used + (double)avail) : 0;
}

static void judge(const struct filesystem *filesystem, struct collection *collection, const struct fs *fs,
	const struct statfs *stat, bool readonly)
{
	struct facts *facts = &collection->facts;
	double space = used_percent(stat->f_blocks, stat->f_bfree, stat->f_bavail);
	double inodes = used_percent(stat->f_files, stat->f_ffree, stat->f_ffree);
	double worst = MAX(space, inodes);
	enum gavea_status status = GAVEA_OK;
	char size[32];

	if (fs->covered || !stat->f_blocks)
		return;
	facts->filesystems++;
	/* What can't be written to does not fill up. */
	if (readonly) {
		gavea_item(
			collection->check, fs->mount.mount_point, GAVEA_OK, "%.0f %% used, read-only", space);
		return;
	}
	if (space > facts->fullest) {
		facts->fullest = space;
		facts->fullest_mount_point = fs->mount.mount_point;
	}
	if (worst > filesystem->critical)
		status = GAVEA_CRITICAL;
	else if (worst > filesystem->warning)
		status = GAVEA_WARNING;
	format_size(size, stat->f_bavail * (uint64_t)stat->f_bsize);
	if (inodes > filesystem->warning || inodes > filesystem->critical)
		gavea_item(collection->check, fs->mount.mount_point, status,
			"%.0f %% of the inodes used; %.0f %% used, %s free", inodes, space, size);
	else
		gavea_item(collection->check, fs->mount.mount_point, status, "%.0f %% used, %s free", space,
			size);
}

static void collect_fs(
	const struct filesystem *filesystem, struct collection *collection, const struct fs *fs)
{
	struct statfs stat;
	double block;
	bool readonly;

	if (statfs(fs->path, &stat) < 0) {
		collect(collection, fs->series[DEVICE_ERROR], 1);
		return;
	}
	block = (double)stat.f_bsize;
	/* Not from the mount table: a file system that turns read-only after an error does not touch that. */
	readonly = stat.f_flags & ST_RDONLY;
	collect(collection, fs->series[SIZE], (double)stat.f_blocks * block);
	collect(collection, fs->series[FREE], (double)stat.f_bfree * block);
	collect(collection, fs->series[AVAIL], (double)stat.f_bavail * block);
	collect(collection, fs->series[FILES], (double)stat.f_files);
	collect(collection, fs->series[FILES_FREE], (double)stat.f_ffree);
	collect(collection, fs->series[READONLY], readonly);
	collect(collection, fs->series[DEVICE_ERROR], 0);
	judge(filesystem, collection, fs, &stat, readonly);
}

static int filesystem_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct filesystem *filesystem = state;

	(void)file;
	(void)text;
	if (filesystem->source.fd < 0)
		return 0;
	if (!list_is_current(filesystem)) {
		int r = list_read(filesystem, collection);

		filesystem->read = r == 0;
		if (r < 0)
			return r;
	}
	collection->facts.filesystems = 0;
	for (size_t i = 0; i < filesystem->count; i++)
		collect_fs(filesystem, collection, &filesystem->list[i]);
	return 0;
}

const struct collector collector_filesystem = {"filesystem", {NULL}, sizeof(struct filesystem),
	filesystem_open, filesystem_collect, filesystem_close};
