/* SPDX-License-Identifier: Apache-2.0 */
/* NVMe controllers as the labels of node_nvme_info. */
#include "scanned.h"

#include "base/util.h"

#include <errno.h>

enum {
	VALUE_ROOM = 128,
};

static const struct metric nvme_metric = {
	"node_nvme_info", GAVEA_GAUGE, NULL, "Make and state of an NVMe controller, as labels"};

static void nvme_close(void *state)
{
	scanned_done(state);
}

static int each_controller(void *context, const char *folder, const char *name)
{
	static const char *const files[] = {"firmware_rev", "model", "serial", "state"};
	static const char *const names[] = {"firmware_revision", "model", "serial", "state"};
	char values[ARRAY_SIZE(files)][VALUE_ROOM];
	struct gavea_pair labels[ARRAY_SIZE(files) + 1] = {{"device", name}};
	_cleanup_free_ char *path = path_join(folder, name, NULL);

	if (!path)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		/* What is no controller lacks them. */
		if (attr_read_text(path, files[i], values[i], VALUE_ROOM) < 0)
			return 0;
		labels[i + 1] = (struct gavea_pair){names[i], values[i]};
	}
	return scanned_info(context, &nvme_metric, labels, ARRAY_SIZE(labels));
}

static int nvme_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	(void)file;
	(void)text;
	return scanned_collect(state, collection, "class/nvme", "nvme", each_controller);
}

const struct collector collector_nvme = {
	"nvme", {NULL}, sizeof(struct scanned), NULL, nvme_collect, nvme_close, NULL};
