/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The item "disks": whether the kernel still reaches them, and whether they or the file systems on them have had errors, by
 * what sysfs tells: the state of SCSI disks and NVMe controllers, errors that SCSI disks counted since the agent looked
 * first, errors that ext4 has on record. Looked at once a minute.
 */
#include "attrs.h"
#include "roster.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/util.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#define RESCAN (60 * NSEC_PER_SEC)
#define REMEMBER (3600 * NSEC_PER_SEC)

enum {
	TEXT_ROOM = 512,
};

struct disks {
	int64_t next_scan;
	struct roster errors; /* SCSI disks, with the errors that each had counted */
	struct {
		char name[64];
		int64_t time; /* when errors were added last; 0: never */
		double added;
	} last;
	enum gavea_status status;
	size_t judged;
	struct buf text; /* what is wrong */
	struct collection *collection; /* while it scans */
};

static int disks_open(void *state, struct collection *collection)
{
	struct disks *disks = state;

	(void)collection;
	roster_init(&disks->errors, 1);
	return 0;
}

static void disks_close(void *state)
{
	struct disks *disks = state;

	roster_done(&disks->errors);
	buf_done(&disks->text);
}

static void blame(struct disks *disks, enum gavea_status status, const char *format, ...) _printf_(3, 4);
static void blame(struct disks *disks, enum gavea_status status, const char *format, ...)
{
	va_list args;

	disks->status = status_worst(disks->status, status);
	if (disks->text.size > TEXT_ROOM)
		return;
	if (disks->text.size)
		buf_add_str(&disks->text, "; ");
	va_start(args, format);
	buf_vprintf(&disks->text, format, args);
	va_end(args);
}

static int errors_take(struct disks *disks, const char *name, double count)
{
	struct roster_entry *entry = roster_find(&disks->errors, name, strlen(name));
	uint64_t now = count > 0 ? (uint64_t)count : 0;

	if (!entry) {
		entry = roster_add(&disks->errors, name, strlen(name));
		if (!entry)
			return -ENOMEM;
	} else if (now > entry->last[0]) {
		snprintf(disks->last.name, sizeof(disks->last.name), "%s", name);
		disks->last.time = disks->collection->now;
		disks->last.added = (double)(now - entry->last[0]);
		gavea_event(
			disks->collection->check, "disk-error", GAVEA_WARNING, "a disk had errors", NULL, 0);
	}
	entry->last[0] = now;
	return 0;
}

static int each_disk(void *context, const char *folder, const char *name)
{
	struct disks *disks = context;
	_cleanup_free_ char *device = NULL;
	char state[32];
	double count;

	if (asprintf(&device, "%s/%s/device", folder, name) < 0) {
		device = NULL;
		return -ENOMEM;
	}
	if (attr_read_text(device, "state", state, sizeof(state)) < 0)
		return 0;
	disks->judged++;
	/* "live" is an NVMe controller's word, "running" a SCSI disk's. */
	if (!streq(state, "running") && !streq(state, "live"))
		blame(disks, GAVEA_CRITICAL, "%s is %s: its cable, controller or the disk itself failed",
			name, state);
	if (attr_read_number(device, "ioerr_cnt", &count) == 0)
		return errors_take(disks, name, count);
	return 0;
}

static int each_ext4(void *context, const char *folder, const char *name)
{
	struct disks *disks = context;
	_cleanup_free_ char *path = NULL;
	double count;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (attr_read_number(path, "errors_count", &count) < 0)
		return 0;
	disks->judged++;
	if (count > 0)
		blame(disks, GAVEA_WARNING, "ext4 on %s has %.0f error%s on record: run fsck on it", name,
			count, count > 1 ? "s" : "");
	return 0;
}

static int disks_scan(struct disks *disks, struct collection *collection)
{
	_cleanup_free_ char *block = NULL, *ext4 = NULL;
	int r;

	if (asprintf(&block, "%s/block", collection->sysfs) < 0) {
		block = NULL;
		return -ENOMEM;
	}
	if (asprintf(&ext4, "%s/fs/ext4", collection->sysfs) < 0) {
		ext4 = NULL;
		return -ENOMEM;
	}
	disks->collection = collection;
	disks->status = GAVEA_OK;
	disks->judged = 0;
	buf_reset(&disks->text);
	roster_begin(&disks->errors);
	r = attr_each(block, "", disks, each_disk);
	roster_end(&disks->errors);
	return r < 0 ? r : attr_each(ext4, "", disks, each_ext4);
}

static int disks_judge(void *state, struct collection *collection, size_t file, const char *text)
{
	struct disks *disks = state;

	(void)file;
	(void)text;
	if (due(collection, &disks->next_scan, RESCAN)) {
		int r = disks_scan(disks, collection);

		if (r < 0)
			return r;
		if (disks->last.time && collection->now - disks->last.time < REMEMBER)
			blame(disks, GAVEA_WARNING,
				"%s had %.0f more errors: see dmesg and smartctl -a /dev/%s",
				disks->last.name, disks->last.added, disks->last.name);
	}
	if (disks->status != GAVEA_OK)
		verdict(&collection->verdicts, collection->check, "disks", disks->status, false, "%s",
			buf_str(&disks->text));
	else if (disks->judged)
		verdict(&collection->verdicts, collection->check, "disks", GAVEA_OK, false, "no errors");
	return 0;
}

const struct collector judge_disks = {
	"disks", {NULL}, sizeof(struct disks), disks_open, disks_judge, disks_close, NULL};
