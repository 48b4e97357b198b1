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
#include "watch.h"

#include "base/clock.h"
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

#define REREAD (60 * NSEC_PER_SEC)

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
	size_t watch; /* its number */
	int series[METRICS];
};

struct filesystem {
	struct source source;
	struct filter exclude_types;
	struct filter exclude_mount_points;
	bool remote;
	double warning;
	double critical;
	double trend_from; /* per cent used */
	int64_t full_warning; /* nanoseconds */
	int64_t full_critical;
	enum gavea_status readonly; /* of what turned read-only */
	struct watches watches;
	bool read; /* the mount table was read, and is valid until poll() says otherwise */
	int64_t next_read; /* when it is read anyway: poll() does not tell of a file system that failed */
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
	watches_done(&filesystem->watches);
	list_free(filesystem->list, filesystem->count);
}

static int filesystem_open(void *state, struct collection *collection)
{
	struct filesystem *filesystem = state;
	struct gavea_check *check = collection->check;
	const char *procfs = gavea_option_string(check, "procfs");
	int r;

	filesystem->source = (struct source)SOURCE_INIT;
	filesystem->remote = gavea_option_bool(check, "remote");
	filesystem->warning = gavea_option_float(check, "disk_warning");
	filesystem->critical = gavea_option_float(check, "disk_critical");
	filesystem->trend_from = gavea_option_float(check, "disk_trend_from");
	filesystem->full_warning = gavea_option_int(check, "disk_full_warning");
	filesystem->full_critical = gavea_option_int(check, "disk_full_critical");
	filesystem->watches.window = gavea_option_int(check, "disk_trend_window");
	filesystem->readonly =
		(enum gavea_status)status_from_name(gavea_option_string(check, "disk_readonly"));
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
static void strip_rootfs(const char *rootfs, struct mount *mount)
{
	const char *rest = startswith(mount->mount_point, rootfs);

	if (!*rootfs || !rest || (*rest && *rest != '/'))
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
	int watch;

	if (filesystem->count == MOUNTS_MAX) {
		if (!filesystem->too_many)
			gavea_log(collection->check, GAVEA_LOG_WARNING,
				"more than %d file systems; the others are left out", MOUNTS_MAX);
		filesystem->too_many = true;
		mount_done(mount);
		return 0;
	}
	watch = watches_get(&filesystem->watches, collection, mount->mount_point, mount->device);
	if (watch < 0 || GROW(filesystem->list, filesystem->count, filesystem->room) < 0) {
		mount_done(mount);
		return -ENOMEM;
	}
	fs = &filesystem->list[filesystem->count];
	*fs = (struct fs){.mount = *mount, .watch = (size_t)watch};
	if (asprintf(&fs->path, "%s%s", collection->rootfs, mount->mount_point) < 0) {
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
	watches_begin(&filesystem->watches);
	for (const char *line = r == 0 && text.size ? text.data : NULL; line; line = scan_line(line)) {
		struct mount mount;

		r = mount_parse(line, &mount);
		if (r < 0)
			break;
		strip_rootfs(collection->rootfs, &mount);
		if (!wanted(filesystem, &mount) || is_repeated(filesystem, &mount)) {
			mount_done(&mount);
			continue;
		}
		r = list_add(filesystem, collection, &mount);
		if (r < 0)
			break;
	}
	/* A table that could not be read says nothing of what is gone. */
	if (r == 0) {
		watches_end(&filesystem->watches, collection);
		for (size_t i = 0; i < filesystem->count; i++)
			filesystem->list[i].watch = (size_t)watches_get(&filesystem->watches, collection,
				filesystem->list[i].mount.mount_point, filesystem->list[i].mount.device);
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

/* How soon it is full, by what it did in the last quarter of an hour or in the window: the sooner. INT64_MAX: not soon. */
static int64_t time_to_full(
	const struct filesystem *filesystem, struct watch *watch, int64_t now, double used, double avail)
{
	trend_add(&watch->fast, now, avail);
	trend_add(&watch->slow, now, avail);
	if (used < filesystem->trend_from)
		return INT64_MAX;
	return MIN(trend_time_left(&watch->fast, avail), trend_time_left(&watch->slow, avail));
}

/* Read-only types show a mount that may be written to and a file system that may not; with all others, that is an error's
 * doing. */
static bool turned_readonly(const struct fs *fs, const struct watch *watch)
{
	static const char *const readonly_types[] = {
		"cramfs", "erofs", "iso9660", "romfs", "squashfs", "udf"};

	for (size_t i = 0; i < ARRAY_SIZE(readonly_types); i++)
		if (streq(fs->mount.type, readonly_types[i]))
			return false;
	return watch->was_writable || fs->mount.writable || fs->mount.failed;
}

static void judge_readonly(
	const struct filesystem *filesystem, struct collection *collection, const struct fs *fs, double space)
{
	const struct watch *watch = &filesystem->watches.list[fs->watch];

	if (turned_readonly(fs, watch))
		verdict(&collection->verdicts, collection->check, fs->mount.mount_point, filesystem->readonly,
			false,
			"turned read-only: nothing can be written; the kernel's log says why (dmesg), and "
			"fsck and "
			"a remount, or a new disk, help");
	else /* What can't be written to does not fill up. */
		verdict(&collection->verdicts, collection->check, fs->mount.mount_point, GAVEA_OK, false,
			"%.0f %% used, read-only", space);
}

static void judge(const struct filesystem *filesystem, struct collection *collection, const struct fs *fs,
	const struct statfs *stat)
{
	double space = used_percent(stat->f_blocks, stat->f_bfree, stat->f_bavail);
	double inodes = used_percent(stat->f_files, stat->f_ffree, stat->f_ffree);
	double worst = MAX(space, inodes), avail = (double)stat->f_bavail * (double)stat->f_bsize;
	struct watch *watch = &filesystem->watches.list[fs->watch];
	int64_t full = time_to_full(filesystem, watch, collection->now, space, avail);
	enum gavea_status status = GAVEA_OK;
	char size[32], in[32], inodes_text[48] = "", full_text[64] = "";

	watch->was_writable = true;
	if (worst > filesystem->critical || full < filesystem->full_critical)
		status = GAVEA_CRITICAL;
	else if (worst > filesystem->warning || full < filesystem->full_warning)
		status = GAVEA_WARNING;
	if (inodes > filesystem->warning || inodes > filesystem->critical)
		snprintf(inodes_text, sizeof(inodes_text), "%.0f %% of the inodes used; ", inodes);
	if (full < MAX(filesystem->full_warning, filesystem->full_critical))
		snprintf(full_text, sizeof(full_text), "; full in %s if it goes on so",
			format_duration_rough(in, full));
	verdict(&collection->verdicts, collection->check, fs->mount.mount_point, status, false,
		"%s%.0f %% used, %s free%s", inodes_text, space, format_size(size, (uint64_t)avail),
		full_text);
}

static void sum_up(
	struct collection *collection, const struct fs *fs, const struct statfs *stat, bool readonly)
{
	struct facts *facts = &collection->facts;
	double space = used_percent(stat->f_blocks, stat->f_bfree, stat->f_bavail);

	facts->filesystems++;
	if (readonly || space <= facts->fullest)
		return;
	facts->fullest = space;
	facts->fullest_mount_point = fs->mount.mount_point;
}

static void collect_error(struct collection *collection, const struct fs *fs, int error)
{
	collect(collection, fs->series[DEVICE_ERROR], 1);
	/* One that is gone since the mount table was read is no news. */
	if (!fs->covered && error != ENOENT)
		verdict(&collection->verdicts, collection->check, fs->mount.mount_point, GAVEA_UNKNOWN, false,
			"can't be asked: %s; if nobody needs it, leave it out with "
			"filesystem_mount_points_exclude",
			strerror(error));
}

static void collect_fs(
	const struct filesystem *filesystem, struct collection *collection, const struct fs *fs)
{
	struct statfs stat;
	double block;
	bool readonly;

	if (statfs(fs->path, &stat) < 0) {
		collect_error(collection, fs, errno);
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
	if (fs->covered || !stat.f_blocks)
		return;
	sum_up(collection, fs, &stat, readonly || fs->mount.failed);
	if (readonly || fs->mount.failed)
		judge_readonly(
			filesystem, collection, fs, used_percent(stat.f_blocks, stat.f_bfree, stat.f_bavail));
	else
		judge(filesystem, collection, fs, &stat);
}

static void filesystem_save(void *state, struct collection *collection)
{
	const struct filesystem *filesystem = state;

	watches_save(&filesystem->watches, collection);
}

static int filesystem_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct filesystem *filesystem = state;

	(void)file;
	(void)text;
	if (filesystem->source.fd < 0)
		return 0;
	if (!list_is_current(filesystem) || due(collection, &filesystem->next_read, REREAD)) {
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
	filesystem_open, filesystem_collect, filesystem_close, filesystem_save};
