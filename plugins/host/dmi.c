/* SPDX-License-Identifier: Apache-2.0 */
/* What the firmware calls the machine, from sysfs: node_dmi_info. Serial numbers are root's to read, and are left out for
 * others. */
#include "attrs.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>

enum {
	VALUE_ROOM = 256,
};

#define RESCAN (3600 * NSEC_PER_SEC)

/* A file, and its label where that is another word; in the order of the labels. */
static const struct {
	const char *file;
	const char *label;
} fields[] = {{"bios_date", NULL}, {"bios_release", NULL}, {"bios_vendor", NULL}, {"bios_version", NULL},
	{"board_asset_tag", NULL}, {"board_name", NULL}, {"board_serial", NULL}, {"board_vendor", NULL},
	{"board_version", NULL}, {"chassis_asset_tag", NULL}, {"chassis_serial", NULL},
	{"chassis_vendor", NULL}, {"chassis_version", NULL}, {"product_family", NULL}, {"product_name", NULL},
	{"product_serial", NULL}, {"product_sku", NULL}, {"product_uuid", NULL}, {"product_version", NULL},
	{"sys_vendor", "system_vendor"}};

static const struct metric dmi_metric = {
	"node_dmi_info", GAVEA_GAUGE, NULL, "What the firmware calls the machine and its parts, as labels"};

struct dmi {
	int series;
	int64_t next_scan;
};

static int dmi_scan(struct dmi *dmi, struct collection *collection)
{
	char values[ARRAY_SIZE(fields)][VALUE_ROOM];
	struct gavea_pair labels[ARRAY_SIZE(fields)];
	_cleanup_free_ char *folder = NULL;
	size_t count = 0;

	dmi->series = 0;
	if (asprintf(&folder, "%s/class/dmi/id", collection->sysfs) < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (attr_read_text(folder, fields[i].file, values[count], VALUE_ROOM) < 0)
			continue;
		labels[count] = (struct gavea_pair){
			fields[i].label ? fields[i].label : fields[i].file, values[count]};
		count++;
	}
	if (count)
		dmi->series = declare(collection, &dmi_metric, labels, count);
	return 0;
}

static int dmi_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct dmi *dmi = state;

	(void)file;
	(void)text;
	if (due(collection, &dmi->next_scan, RESCAN)) {
		int r = dmi_scan(dmi, collection);

		if (r < 0)
			return r;
	}
	collect(collection, dmi->series, 1);
	return 0;
}

const struct collector collector_dmi = {"dmi", {NULL}, sizeof(struct dmi), NULL, dmi_collect, NULL, NULL};
