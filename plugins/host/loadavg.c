/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/loadavg: node_load1, node_load5, node_load15. */
#include "collector.h"
#include "scan.h"

#include <errno.h>

enum {
	LOADS = 3,
};

static const struct metric load_metrics[LOADS] = {
	{"node_load1", GAVEA_GAUGE, NULL, "Load average of 1 minute"},
	{"node_load5", GAVEA_GAUGE, NULL, "Load average of 5 minutes"},
	{"node_load15", GAVEA_GAUGE, NULL, "Load average of 15 minutes"},
};

struct loadavg {
	int series[LOADS];
};

static int loadavg_open(void *state, struct collection *collection)
{
	struct loadavg *loadavg = state;

	declare_all(collection, load_metrics, LOADS, NULL, NULL, loadavg->series);
	return 0;
}

static int loadavg_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct loadavg *loadavg = state;
	double loads[LOADS];

	(void)file;
	for (size_t i = 0; i < LOADS; i++) {
		text = scan_decimal(text, &loads[i]);
		if (!text)
			return -EBADMSG;
	}
	for (size_t i = 0; i < LOADS; i++)
		collect(collection, loadavg->series[i], loads[i]);
	collection->facts.load1 = loads[0];
	return 0;
}

const struct collector collector_loadavg = {
	"loadavg", {"loadavg"}, sizeof(struct loadavg), loadavg_open, loadavg_collect, NULL, NULL};
