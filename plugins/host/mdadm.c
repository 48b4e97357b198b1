/* SPDX-License-Identifier: Apache-2.0 */
/* Software RAID: node_md_*, and what the disks are judged by. */
#include "collector.h"
#include "mdstat.h"
#include "roster.h"

#include "base/util.h"

#include <errno.h>
#include <stdio.h>

enum { ACTIVE, FAILED, SPARE, KINDS };
enum { BLOCKS, SYNCED, REQUIRED, DISKS, STATE = DISKS + KINDS, SERIES = STATE + MD_STATES };

static const struct metric md_metrics[DISKS] = {
	{"node_md_blocks", GAVEA_GAUGE, NULL, "Blocks of the array"},
	{"node_md_blocks_synced", GAVEA_GAUGE, NULL, "Blocks that are in sync"},
	{"node_md_disks_required", GAVEA_GAUGE, NULL, "Disks that the array should have"},
};
static const struct metric disks_metric = {
	"node_md_disks", GAVEA_GAUGE, NULL, "Disks of the array, by state"};
static const struct metric state_metric = {
	"node_md_state", GAVEA_GAUGE, NULL, "Whether the array is in that state"};

struct mdadm {
	struct roster arrays;
};

static int mdadm_open(void *state, struct collection *collection)
{
	struct mdadm *mdadm = state;

	(void)collection;
	roster_init(&mdadm->arrays, SERIES);
	return 0;
}

static void mdadm_close(void *state)
{
	struct mdadm *mdadm = state;

	roster_done(&mdadm->arrays);
}

static struct roster_entry *array_add(
	struct mdadm *mdadm, struct collection *collection, const struct md_array *array)
{
	static const char *const kinds[KINDS] = {"active", "failed", "spare"};
	static const char *const states[MD_STATES] = {"active", "inactive", "recovering", "resync", "check"};
	struct roster_entry *entry = roster_add(&mdadm->arrays, array->name, array->name_size);

	if (!entry)
		return NULL;
	declare_all(collection, md_metrics, DISKS, "device", entry->name, entry->series);
	for (size_t i = 0; i < KINDS + MD_STATES; i++) {
		const struct gavea_pair labels[] = {
			{"device", entry->name}, {"state", i < KINDS ? kinds[i] : states[i - KINDS]}};

		entry->series[DISKS + i] =
			declare(collection, i < KINDS ? &disks_metric : &state_metric, labels, 2);
	}
	return entry;
}

static void array_collect(struct collection *collection, const int *series, const struct md_array *array)
{
	const double values[] = {
		array->blocks, array->synced, array->required, array->active, array->failed, array->spare};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		collect(collection, series[i], values[i]);
	for (size_t i = 0; i < MD_STATES; i++)
		collect(collection, series[STATE + i], i == array->state);
}

/* An array that lacks disks, or is not there at all, is one disk away from loss of data, or beyond it. */
static void array_judge(struct collection *collection, const char *name, const struct md_array *array)
{
	struct verdicts *verdicts = &collection->verdicts;
	char item[160];

	snprintf(item, sizeof(item), "raid %.140s", name);
	if (array->state == MD_INACTIVE)
		verdict(verdicts, collection->check, item, GAVEA_CRITICAL, false,
			"inactive: it was not assembled; see mdadm --detail /dev/%s", name);
	else if (array->degraded && array->state == MD_RECOVERING)
		verdict(verdicts, collection->check, item, GAVEA_WARNING, false,
			"%.0f of %.0f disks, rebuilding: %.0f %% done", array->active, array->required,
			array->blocks > 0 ? 100 * array->synced / array->blocks : 0);
	else if (array->degraded)
		verdict(verdicts, collection->check, item, GAVEA_CRITICAL, false,
			"degraded: %.0f of %.0f disks; replace the one that failed (mdadm --detail /dev/%s)",
			array->active, array->required, name);
	else if (array->failed > 0)
		verdict(verdicts, collection->check, item, GAVEA_WARNING, false,
			"%.0f failed disk%s, none missing; remove it (mdadm --detail /dev/%s)", array->failed,
			array->failed > 1 ? "s" : "", name);
	else
		verdict(verdicts, collection->check, item, GAVEA_OK, false, "%.0f disks", array->active);
}

static int mdadm_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct mdadm *mdadm = state;
	const char *line = text;
	struct md_array array;
	int r;

	(void)file;
	roster_begin(&mdadm->arrays);
	while ((r = md_next(&line, &array)) > 0) {
		struct roster_entry *entry = roster_find(&mdadm->arrays, array.name, array.name_size);

		if (!entry && !(entry = array_add(mdadm, collection, &array))) {
			r = -ENOMEM;
			break;
		}
		array_collect(collection, entry->series, &array);
		array_judge(collection, entry->name, &array);
	}
	roster_end(&mdadm->arrays);
	return r;
}

const struct collector collector_mdadm = {
	"mdadm", {"mdstat"}, sizeof(struct mdadm), mdadm_open, mdadm_collect, mdadm_close, NULL};
