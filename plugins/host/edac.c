/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of memory with error correction, by controller and row. */
#include "scanned.h"

#include "base/util.h"

#include <errno.h>

static const struct metric controller_metrics[] = {
	{"node_edac_correctable_errors_total", GAVEA_COUNTER, NULL, "Memory errors corrected"},
	{"node_edac_uncorrectable_errors_total", GAVEA_COUNTER, NULL,
		"Memory errors that could not be corrected"},
};
static const struct metric row_metrics[] = {
	{"node_edac_csrow_correctable_errors_total", GAVEA_COUNTER, NULL, "Memory errors corrected, by row"},
	{"node_edac_csrow_uncorrectable_errors_total", GAVEA_COUNTER, NULL,
		"Memory errors that could not be corrected, by row"},
};

struct controller {
	struct scanned *scanned;
	const char *name;
};

static void edac_close(void *state)
{
	scanned_done(state);
}

static void row_add(struct controller *controller, const char *folder, const char *row,
	const char *correctable, const char * not )
{
	const struct gavea_pair labels[] = {{"controller", controller->name}, {"csrow", row}};

	scanned_add(controller->scanned, &row_metrics[0], labels, 2, folder, correctable, 1, 1, ATTR_SELDOM);
	scanned_add(controller->scanned, &row_metrics[1], labels, 2, folder, not, 1, 1, ATTR_SELDOM);
}

static int each_row(void *context, const char *folder, const char *name)
{
	_cleanup_free_ char *row = path_join(folder, name, NULL);

	if (!row)
		return -ENOMEM;
	row_add(context, row, name + strlen("csrow"), "ce_count", "ue_count");
	return 0;
}

static int each_controller(void *context, const char *folder, const char *name)
{
	struct controller controller = {context, name + strlen("mc")};
	struct gavea_pair label = {"controller", controller.name};
	_cleanup_free_ char *path = path_join(folder, name, NULL);

	if (!path)
		return -ENOMEM;
	scanned_add(context, &controller_metrics[0], &label, 1, path, "ce_count", 1, 1, ATTR_SELDOM);
	scanned_add(context, &controller_metrics[1], &label, 1, path, "ue_count", 1, 1, ATTR_SELDOM);
	row_add(&controller, path, "unknown", "ce_noinfo_count", "ue_noinfo_count");
	return attr_each(path, "csrow", &controller, each_row);
}

static int edac_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	(void)file;
	(void)text;
	return scanned_collect(state, collection, "devices/system/edac/mc", "mc", each_controller);
}

const struct collector collector_edac = {
	"edac", {NULL}, sizeof(struct scanned), NULL, edac_collect, edac_close, NULL};
