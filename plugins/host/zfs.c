/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ZFS, from the statistics in /proc/spl/kstat/zfs: of its caches, and of each pool and its data sets. Their names make the
 * names of the series. The files are opened anew each time, since pools come and go; hosts without ZFS pay for one look a
 * minute.
 */
#include "attrs.h"
#include "keyed.h"
#include "scan.h"
#include "scanned.h"
#include "source.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define RESCAN (60 * NSEC_PER_SEC)

static const struct {
	const char *file;
	const char *prefix;
} areas[] = {
	{"abdstats", "node_zfs_abd_"},
	{"arcstats", "node_zfs_arc_"},
	{"dbuf_stats", "node_zfs_dbuf_"},
	{"dmu_tx", "node_zfs_dmu_tx_"},
	{"dnodestats", "node_zfs_dnode_"},
	{"fm", "node_zfs_fm_"},
	{"vdev_cache_stats", "node_zfs_vdev_cache_"},
	{"vdev_mirror_stats", "node_zfs_vdev_mirror_"},
	{"xuio_stats", "node_zfs_xuio_"},
	{"zfetchstats", "node_zfs_zfetch_"},
	{"zil", "node_zfs_zil_"},
};

static const char *const pool_states[] = {"online", "degraded", "faulted", "offline", "removed", "unavail"};
static const struct metric state_metric = {
	"node_zfs_zpool_state", GAVEA_GAUGE, NULL, "Whether the pool is in that state"};

struct zfs {
	char *folder;
	bool there;
	int64_t next_look;
	struct keyed keyed[ARRAY_SIZE(areas)];
	struct text text;
	struct collection *collection; /* while it collects */
	const char *pool; /* that is collected */
};

static int zfs_open(void *state, struct collection *collection)
{
	struct zfs *zfs = state;

	for (size_t i = 0; i < ARRAY_SIZE(areas); i++)
		keyed_init(&zfs->keyed[i], areas[i].file, NULL);
	zfs->folder = path_join(collection->procfs, "spl/kstat/zfs", NULL);
	return zfs->folder ? 0 : gavea_fail(collection->check, -ENOMEM, "out of memory");
}

static void zfs_close(void *state)
{
	struct zfs *zfs = state;

	for (size_t i = 0; i < ARRAY_SIZE(areas); i++)
		roster_done(&zfs->keyed[i].keys);
	text_done(&zfs->text);
	free(zfs->folder);
}

static int read_file(struct zfs *zfs, const char *folder, const char *name)
{
	struct source source = SOURCE_INIT;
	int r = source_open(&source, folder, name);

	if (r == 0)
		r = source_read(&source, &zfs->text);
	source_close(&source);
	return r;
}

/* The rows "NAME TYPE VALUE" below two lines of headings, those of type 4, an unsigned number. NULL: no more. */
static const char *kstat_next(const char *line, const char **ret_name, size_t *ret_size, double *ret_value)
{
	for (; line; line = scan_line(line)) {
		const char *name = scan_word(line, ret_size);
		uint64_t type, value;
		const char *p = name ? scan_u64(name + *ret_size, &type) : NULL;

		if (!p || type != 4 || !scan_u64(p, &value))
			continue;
		*ret_name = name;
		*ret_value = (double)value;
		return line;
	}
	return NULL;
}

static const char *kstat_begin(const char *text)
{
	const char *line = *text ? scan_line(text) : NULL;

	return line ? scan_line(line) : NULL;
}

static int area_collect(struct zfs *zfs, struct collection *collection, size_t area)
{
	const char *line, *name;
	size_t size;
	double value;
	int r = read_file(zfs, zfs->folder, areas[area].file);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	roster_begin(&zfs->keyed[area].keys);
	for (line = kstat_begin(zfs->text.data); r == 0 && (line = kstat_next(line, &name, &size, &value));
		line = scan_line(line))
		r = keyed_collect(
			&zfs->keyed[area], collection, areas[area].prefix, name, size, GAVEA_GAUGE, value);
	roster_end(&zfs->keyed[area].keys);
	return r;
}

/* A value of a pool, or with dataset of one of its data sets. The host knows a series that was declared before. */
static void pool_value(
	struct zfs *zfs, const char *prefix, const char *name, size_t size, const char *dataset, double value)
{
	struct gavea_pair labels[] = {{"zpool", zfs->pool}, {"dataset", dataset}};
	char full[KEY_MAX + 64];
	struct metric metric = {full, GAVEA_GAUGE, NULL, "A statistic of a ZFS pool"};

	snprintf(full, sizeof(full), "%s%.*s", prefix, (int)MIN(size, (size_t)KEY_MAX), name);
	collect(zfs->collection, declare(zfs->collection, &metric, labels, dataset ? 2 : 1), value);
}

/* Two lines below a heading: names and values. */
static void io_collect(struct zfs *zfs)
{
	const char *names = *zfs->text.data ? scan_line(zfs->text.data) : NULL;
	const char *values = names ? scan_line(names) : NULL;
	size_t size;

	while (values && (names = scan_word(names, &size))) {
		uint64_t value;

		values = scan_u64(values, &value);
		if (values)
			pool_value(zfs, "node_zfs_zpool_", names, size, NULL, (double)value);
		names += size;
	}
}

static void objset_collect(struct zfs *zfs)
{
	char dataset[512] = "";
	const char *line, *name;
	size_t size;
	double value;

	for (line = kstat_begin(zfs->text.data); line; line = scan_line(line)) {
		const char *p = scan_word(line, &size);

		if (p && size == strlen("dataset_name") && memcmp(p, "dataset_name", size) == 0 &&
			(p = scan_word(p + size, &size)) && (p = scan_word(p + size, &size)))
			snprintf(dataset, sizeof(dataset), "%.*s", (int)MIN(size, sizeof(dataset) - 1), p);
	}
	for (line = kstat_begin(zfs->text.data); (line = kstat_next(line, &name, &size, &value));
		line = scan_line(line))
		if (*dataset)
			pool_value(zfs, "node_zfs_zpool_dataset_", name, size, dataset, value);
}

static void state_collect(struct zfs *zfs)
{
	struct verdicts *verdicts = &zfs->collection->verdicts;
	size_t length = strcspn(zfs->text.data, "\n");
	enum gavea_status status = GAVEA_CRITICAL;
	char item[160];

	for (size_t i = 0; i < ARRAY_SIZE(pool_states); i++) {
		const struct gavea_pair labels[] = {{"state", pool_states[i]}, {"zpool", zfs->pool}};
		bool is = strlen(pool_states[i]) == length &&
			strncasecmp(zfs->text.data, pool_states[i], length) == 0;

		collect(zfs->collection, declare(zfs->collection, &state_metric, labels, 2), is);
		if (is && i == 0)
			status = GAVEA_OK;
	}
	snprintf(item, sizeof(item), "zpool %.140s", zfs->pool);
	verdict(verdicts, zfs->collection->check, item, status, false, "%.*s%s", (int)MIN(length, (size_t)32),
		zfs->text.data, status == GAVEA_OK ? "" : "; see zpool status");
}

static int pool_file(void *context, const char *folder, const char *name)
{
	struct zfs *zfs = context;
	bool is_io = streq(name, "io"), is_state = streq(name, "state");

	if ((!is_io && !is_state && !startswith(name, "objset-")) || read_file(zfs, folder, name) < 0)
		return 0;
	if (is_io)
		io_collect(zfs);
	else if (is_state)
		state_collect(zfs);
	else
		objset_collect(zfs);
	return 0;
}

static int each_pool(void *context, const char *folder, const char *name)
{
	struct zfs *zfs = context;
	_cleanup_free_ char *path = path_join(folder, name, NULL);

	if (!path)
		return -ENOMEM;
	zfs->pool = name;
	return attr_each(path, "", zfs, pool_file);
}

static int zfs_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct zfs *zfs = state;
	int r = 0;

	(void)file;
	(void)text;
	if (due(collection, &zfs->next_look, RESCAN))
		zfs->there = access(zfs->folder, F_OK) == 0;
	if (!zfs->there)
		return 0;
	zfs->collection = collection;
	for (size_t i = 0; i < ARRAY_SIZE(areas) && r == 0; i++)
		r = area_collect(zfs, collection, i);
	return r < 0 ? r : attr_each(zfs->folder, "", zfs, each_pool);
}

const struct collector collector_zfs = {
	"zfs", {NULL}, sizeof(struct zfs), zfs_open, zfs_collect, zfs_close, NULL};
