/* SPDX-License-Identifier: Apache-2.0 */
#include "throttle.h"

#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static const struct metric core_metric = {"node_cpu_core_throttles_total", GAVEA_COUNTER, NULL,
	"Times that the core was slowed down for its heat"};
static const struct metric package_metric = {"node_cpu_package_throttles_total", GAVEA_COUNTER, NULL,
	"Times that the package was slowed down for its heat"};

void throttle_done(struct throttle *throttle)
{
	scanned_done(&throttle->scanned);
	free(throttle->cores);
}

/* Remembers a core. Sets whether it, and its package, are new. */
static int core_add(struct throttle *throttle, double package, double core, bool *ret_core, bool *ret_package)
{
	*ret_core = *ret_package = true;
	for (size_t i = 0; i < throttle->count; i++) {
		if (throttle->cores[i].package < package || throttle->cores[i].package > package)
			continue;
		*ret_package = false;
		if (!(throttle->cores[i].core < core || throttle->cores[i].core > core))
			*ret_core = false;
	}
	if (!*ret_core)
		return 0;
	if (GROW(throttle->cores, throttle->count, throttle->room) < 0)
		return -ENOMEM;
	throttle->cores[throttle->count].package = package;
	throttle->cores[throttle->count++].core = core;
	return 0;
}

static int each_cpu(void *context, const char *folder, const char *name)
{
	struct throttle *throttle = context;
	_cleanup_free_ char *counters = path_join(folder, name, "thermal_throttle");
	_cleanup_free_ char *topology = path_join(folder, name, "topology");
	char core_label[32], package_label[32];
	const struct gavea_pair labels[] = {{"core", core_label}, {"package", package_label}};
	bool is_core, is_package;
	double core, package;
	int r;

	if (!counters || !topology)
		return -ENOMEM;
	if (!isdigit((unsigned char)name[strlen("cpu")]) ||
		attr_read_number(topology, "core_id", &core) < 0 ||
		attr_read_number(topology, "physical_package_id", &package) < 0)
		return 0;
	r = core_add(throttle, package, core, &is_core, &is_package);
	if (r < 0)
		return r;
	snprintf(core_label, sizeof(core_label), "%.0f", core);
	snprintf(package_label, sizeof(package_label), "%.0f", package);
	if (is_core)
		scanned_add(&throttle->scanned, &core_metric, labels, 2, counters, "core_throttle_count", 1,
			1, ATTR_SELDOM);
	if (is_package)
		scanned_add(&throttle->scanned, &package_metric, labels + 1, 1, counters,
			"package_throttle_count", 1, 1, ATTR_SELDOM);
	return 0;
}

int throttle_collect(struct throttle *throttle, struct collection *collection)
{
	throttle->count = 0;
	return scanned_collect(&throttle->scanned, collection, "devices/system/cpu", "cpu", each_cpu);
}
