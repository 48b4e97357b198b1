/* SPDX-License-Identifier: Apache-2.0 */
/* Temperatures of the thermal zones, and how hard the machine cools. */
#include "scanned.h"

#include "base/util.h"

#include <errno.h>

static const struct metric zone_metric = {
	"node_thermal_zone_temp", GAVEA_GAUGE, "celsius", "Temperature of a zone, in degrees Celsius"};
static const struct metric cooling_metrics[] = {
	{"node_cooling_device_cur_state", GAVEA_GAUGE, NULL, "How hard the device cools"},
	{"node_cooling_device_max_state", GAVEA_GAUGE, NULL, "How hard it can cool"},
};

static void thermal_zone_close(void *state)
{
	scanned_done(state);
}

static int device_add(void *context, const char *folder, const char *name)
{
	const char *zone = startswith(name, "thermal_zone"), *cooling = startswith(name, "cooling_device");
	_cleanup_free_ char *path = path_join(folder, name, NULL);
	char type[64];

	if (!path)
		return -ENOMEM;
	if ((!zone && !cooling) || attr_read_text(path, "type", type, sizeof(type)) < 0)
		return 0;
	if (zone) {
		const struct gavea_pair labels[] = {{"type", type}, {"zone", zone}};

		scanned_add(context, &zone_metric, labels, 2, path, "temp", 1, 1000, ATTR_EACH_RUN);
	} else {
		const struct gavea_pair labels[] = {{"name", cooling}, {"type", type}};

		scanned_add(context, &cooling_metrics[0], labels, 2, path, "cur_state", 1, 1, ATTR_EACH_RUN);
		scanned_add(context, &cooling_metrics[1], labels, 2, path, "max_state", 1, 1, ATTR_SELDOM);
	}
	return 0;
}

static int thermal_zone_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	(void)file;
	(void)text;
	return scanned_collect(state, collection, "class/thermal", "", device_add);
}

const struct collector collector_thermal_zone = {
	"thermal_zone", {NULL}, sizeof(struct scanned), NULL, thermal_zone_collect, thermal_zone_close, NULL};
