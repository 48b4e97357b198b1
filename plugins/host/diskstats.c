/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/diskstats: node_disk_*. Older kernels have fewer columns; what isn't there has no series. What udev knows of a
 * disk is read again once in a while.
 */
#include "collector.h"
#include "filter.h"
#include "roster.h"
#include "scan.h"
#include "udev.h"

#include "base/clock.h"

#include <errno.h>

#define REREAD (60 * NSEC_PER_SEC)

enum {
	COLUMNS = 17,
	WIDTH = COLUMNS + UDEV_SERIES,
	SECTOR = 512, /* of this file, whatever the disk's own is */
};

#define MS 0.001

static const struct metric disk_metrics[COLUMNS] = {
	{"node_disk_reads_completed_total", GAVEA_COUNTER, NULL, "Reads completed"},
	{"node_disk_reads_merged_total", GAVEA_COUNTER, NULL, "Reads merged"},
	{"node_disk_read_bytes_total", GAVEA_COUNTER, "bytes", "Bytes read"},
	{"node_disk_read_time_seconds_total", GAVEA_COUNTER, "seconds", "Time spent by all reads"},
	{"node_disk_writes_completed_total", GAVEA_COUNTER, NULL, "Writes completed"},
	{"node_disk_writes_merged_total", GAVEA_COUNTER, NULL, "Writes merged"},
	{"node_disk_written_bytes_total", GAVEA_COUNTER, "bytes", "Bytes written"},
	{"node_disk_write_time_seconds_total", GAVEA_COUNTER, "seconds", "Time spent by all writes"},
	{"node_disk_io_now", GAVEA_GAUGE, NULL, "Reads and writes in flight"},
	{"node_disk_io_time_seconds_total", GAVEA_COUNTER, "seconds", "Time in which the device was busy"},
	{"node_disk_io_time_weighted_seconds_total", GAVEA_COUNTER, "seconds",
		"Time spent by all reads and writes, with those in flight"},
	{"node_disk_discards_completed_total", GAVEA_COUNTER, NULL, "Discards completed"},
	{"node_disk_discards_merged_total", GAVEA_COUNTER, NULL, "Discards merged"},
	{"node_disk_discarded_sectors_total", GAVEA_COUNTER, NULL, "Sectors discarded"},
	{"node_disk_discard_time_seconds_total", GAVEA_COUNTER, "seconds", "Time spent by all discards"},
	{"node_disk_flush_requests_total", GAVEA_COUNTER, NULL, "Flushes completed"},
	{"node_disk_flush_requests_time_seconds_total", GAVEA_COUNTER, "seconds",
		"Time spent by all flushes"},
};

static const double disk_factors[COLUMNS] = {
	1, 1, SECTOR, MS, 1, 1, SECTOR, MS, 1, MS, MS, 1, 1, 1, MS, 1, MS};

struct diskstats {
	struct roster disks;
	struct filter exclude;
	int64_t next_reread;
	bool reread; /* in this run */
};

static int diskstats_open(void *state, struct collection *collection)
{
	struct diskstats *diskstats = state;

	roster_init(&diskstats->disks, WIDTH);
	return filter_open(&diskstats->exclude, collection->check, "diskstats_device_exclude");
}

static void diskstats_close(void *state)
{
	struct diskstats *diskstats = state;

	roster_done(&diskstats->disks);
	filter_close(&diskstats->exclude);
}

static struct roster_entry *disk_add(struct diskstats *diskstats, struct collection *collection,
	const char *name, size_t size, size_t columns)
{
	struct roster_entry *entry = roster_add(&diskstats->disks, name, size);

	if (!entry)
		return NULL;
	entry->ignored = filter_excludes(&diskstats->exclude, entry->name);
	if (!entry->ignored)
		declare_all(collection, disk_metrics, columns, "device", entry->name, entry->series);
	return entry;
}

static int disk_line(struct diskstats *diskstats, struct collection *collection, const char *line)
{
	uint64_t numbers[COLUMNS], major, minor;
	struct roster_entry *entry;
	const char *name, *p;
	size_t size, columns;

	if (!(p = scan_u64(line, &major)) || !(p = scan_u64(p, &minor)) || !(name = scan_word(p, &size)))
		return -EBADMSG;
	entry = roster_find(&diskstats->disks, name, size);
	if (entry && entry->ignored)
		return 0;
	columns = scan_numbers(name + size, numbers, COLUMNS);
	if (columns < 11)
		return -EBADMSG;
	if (!entry || diskstats->reread) {
		if (!entry && !(entry = disk_add(diskstats, collection, name, size, columns)))
			return -ENOMEM;
		if (!entry->ignored)
			udev_read(collection, entry->name, major, minor, entry->series + COLUMNS,
				entry->last + COLUMNS);
	}
	for (size_t i = 0; i < columns; i++)
		collect(collection, entry->series[i], (double)numbers[i] * disk_factors[i]);
	for (size_t i = COLUMNS; i < WIDTH; i++)
		collect(collection, entry->series[i], (double)entry->last[i]);
	return 0;
}

static int diskstats_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct diskstats *diskstats = state;
	int r = 0;

	(void)file;
	diskstats->reread = due(collection, &diskstats->next_reread, REREAD);
	roster_begin(&diskstats->disks);
	for (const char *line = *text ? text : NULL; line; line = scan_line(line)) {
		int one = disk_line(diskstats, collection, line);

		if (one < 0)
			r = one;
	}
	roster_end(&diskstats->disks);
	return r;
}

const struct collector collector_diskstats = {"diskstats", {"diskstats"}, sizeof(struct diskstats),
	diskstats_open, diskstats_collect, diskstats_close, NULL};
