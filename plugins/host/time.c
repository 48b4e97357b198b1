/* SPDX-License-Identifier: Apache-2.0 */
/* The host's clock as node_time_seconds. */
#include "collector.h"

#include "base/clock.h"

static const struct metric time_metric = {
	"node_time_seconds", GAVEA_GAUGE, "seconds", "The host's clock, as seconds since 1970"};

struct time_state {
	int series;
};

static int time_open(void *state, struct collection *collection)
{
	struct time_state *clock = state;

	clock->series = declare(collection, &time_metric, NULL, 0);
	return 0;
}

static int time_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct time_state *clock = state;

	(void)file;
	(void)text;
	collect(collection, clock->series, (double)clock_ns(CLOCK_REALTIME) / 1e9);
	return 0;
}

const struct collector collector_time = {
	"time", {NULL}, sizeof(struct time_state), time_open, time_collect, NULL};
