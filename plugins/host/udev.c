/* SPDX-License-Identifier: Apache-2.0 */
#include "udev.h"

#include "scan.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/util.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum {
	FILE_MAX = 64 * 1024,
	LABELS = 7,
	NUMBER_ROOM = 24,
};

static const struct metric disk_metric = {
	"node_disk_info", GAVEA_GAUGE, NULL, "Make and place of a disk, as udev knows them, as labels"};
static const struct metric fs_metric = {
	"node_disk_filesystem_info", GAVEA_GAUGE, NULL, "The file system on a disk, as labels"};
static const struct metric mapper_metric = {
	"node_disk_device_mapper_info", GAVEA_GAUGE, NULL, "The volume that a disk is, as labels"};

/* Of ATA disks; a key that is not there counts as 0. */
static const struct {
	const char *key;
	struct metric metric;
} ata[] = {
	{"ID_ATA_WRITE_CACHE",
		{"node_disk_ata_write_cache", GAVEA_GAUGE, NULL, "Whether the disk has a cache for writing"}},
	{"ID_ATA_WRITE_CACHE_ENABLED",
		{"node_disk_ata_write_cache_enabled", GAVEA_GAUGE, NULL, "Whether that cache is on"}},
	{"ID_ATA_ROTATION_RATE_RPM",
		{"node_disk_ata_rotation_rate_rpm", GAVEA_GAUGE, NULL,
			"Revolutions per minute; 0 has no disk to turn"}},
};

/* A copy of the value of a property, "" when there is none; owned. NULL: no memory. */
static char *property(const char *text, const char *key)
{
	for (const char *line = *text ? text : NULL; line; line = scan_line(line)) {
		const char *value = startswith(line, "E:");

		value = value ? startswith(value, key) : NULL;
		if (value && *value == '=')
			return strndup(value + 1, strcspn(value + 1, "\n"));
	}
	return strdup("");
}

/* A metric of which each label is a property; a label with a value of its own is there already. */
static int properties(struct collection *collection, const struct metric *metric, const char *text,
	const struct gavea_pair *keys, const struct gavea_pair *given, size_t count)
{
	struct gavea_pair labels[LABELS + 1];
	char *values[LABELS + 1] = {NULL};
	int series = 0;

	for (size_t i = 0; i < count; i++) {
		values[i] = keys[i].value ? property(text, keys[i].value) : NULL;
		labels[i] = (struct gavea_pair){keys[i].name, keys[i].value ? values[i] : given[i].value};
		if (!labels[i].value)
			goto out;
	}
	series = declare(collection, metric, labels, count);
out:
	for (size_t i = 0; i < count; i++)
		free(values[i]);
	return series;
}

static bool has(const char *text, const char *key)
{
	_cleanup_free_ char *value = property(text, key);

	return value && *value;
}

static void read_ata(
	struct collection *collection, const char *text, const char *device, int *series, uint64_t *values)
{
	struct gavea_pair label = {"device", device};

	for (size_t i = 0; i < ARRAY_SIZE(ata); i++) {
		_cleanup_free_ char *value = property(text, ata[i].key);

		if (!value || !scan_u64(value, &values[i]))
			continue;
		series[i] = declare(collection, &ata[i].metric, &label, 1);
	}
}

void udev_read(struct collection *collection, const char *device, uint64_t major, uint64_t minor, int *series,
	uint64_t *values)
{
	static const struct gavea_pair disk_keys[] = {{"device", NULL}, {"major", NULL}, {"minor", NULL},
		{"model", "ID_MODEL"}, {"path", "ID_PATH"}, {"revision", "ID_REVISION"},
		{"serial", "ID_SERIAL_SHORT"}, {"wwn", "ID_WWN"}};
	static const struct gavea_pair fs_keys[] = {{"device", NULL}, {"type", "ID_FS_TYPE"},
		{"usage", "ID_FS_USAGE"}, {"uuid", "ID_FS_UUID"}, {"version", "ID_FS_VERSION"}};
	static const struct gavea_pair mapper_keys[] = {{"device", NULL}, {"lv_layer", "DM_LV_LAYER"},
		{"lv_name", "DM_LV_NAME"}, {"name", "DM_NAME"}, {"uuid", "DM_UUID"},
		{"vg_name", "DM_VG_NAME"}};
	char major_text[NUMBER_ROOM], minor_text[NUMBER_ROOM], path[256];
	const struct gavea_pair given[] = {{"device", device}, {"major", major_text}, {"minor", minor_text}};
	_cleanup_buf_ struct buf text = BUF_INIT;

	snprintf(major_text, sizeof(major_text), "%" PRIu64, major);
	snprintf(minor_text, sizeof(minor_text), "%" PRIu64, minor);
	snprintf(path, sizeof(path), "%.180s/run/udev/data/b%s:%s", collection->rootfs, major_text,
		minor_text);
	/* Without udev all labels of the kind are empty. */
	(void)file_read(AT_FDCWD, path, FILE_MAX, &text);
	for (size_t i = 0; i < UDEV_SERIES; i++) {
		series[i] = 0;
		values[i] = 1;
	}
	series[0] =
		properties(collection, &disk_metric, buf_str(&text), disk_keys, given, ARRAY_SIZE(disk_keys));
	if (has(buf_str(&text), "ID_FS_TYPE"))
		series[1] = properties(
			collection, &fs_metric, buf_str(&text), fs_keys, given, ARRAY_SIZE(fs_keys));
	if (has(buf_str(&text), "DM_NAME"))
		series[2] = properties(collection, &mapper_metric, buf_str(&text), mapper_keys, given,
			ARRAY_SIZE(mapper_keys));
	if (has(buf_str(&text), "ID_ATA"))
		read_ata(collection, buf_str(&text), device, series + 3, values + 3);
}
