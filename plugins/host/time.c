/* SPDX-License-Identifier: Apache-2.0 */
/* The host's clock, its time zone and where the kernel has the time from. */
#include "attrs.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>

enum {
	SOURCES_MAX = 16,
	ZONE_ROOM = 32,
};

#define RESCAN (60 * NSEC_PER_SEC)

static const struct metric time_metric = {
	"node_time_seconds", GAVEA_GAUGE, "seconds", "The host's clock, as seconds since 1970"};
static const struct metric zone_metric = {"node_time_zone_offset_seconds", GAVEA_GAUGE, "seconds",
	"Offset of the time zone from UTC, with its name"};
static const struct metric available_metric = {
	"node_time_clocksource_available_info", GAVEA_GAUGE, NULL, "Clock sources that could be used"};
static const struct metric current_metric = {
	"node_time_clocksource_current_info", GAVEA_GAUGE, NULL, "The clock source that is used"};

struct time_state {
	int series;
	int zone_series;
	char zone[ZONE_ROOM]; /* that it was declared with */
	int sources[SOURCES_MAX];
	size_t source_count;
	int64_t next_scan;
};

static int time_open(void *state, struct collection *collection)
{
	struct time_state *clock = state;

	clock->series = declare(collection, &time_metric, NULL, 0);
	return 0;
}

/* Declares metric for each word of a file. */
static void sources_add(struct time_state *clock, struct collection *collection, const struct metric *metric,
	const char *folder, const char *name, const char *device)
{
	char text[256], *rest = text, *word;

	if (attr_read_text(folder, name, text, sizeof(text)) < 0)
		return;
	while (clock->source_count < SOURCES_MAX && (word = strsep(&rest, " \t\n"))) {
		const struct gavea_pair labels[] = {{"clocksource", word}, {"device", device}};

		if (*word)
			clock->sources[clock->source_count++] = declare(collection, metric, labels, 2);
	}
}

static void sources_scan(struct time_state *clock, struct collection *collection)
{
	_cleanup_free_ char *folder = NULL;

	clock->source_count = 0;
	if (asprintf(&folder, "%s/devices/system/clocksource/clocksource0", collection->sysfs) < 0) {
		folder = NULL;
		return;
	}
	sources_add(clock, collection, &available_metric, folder, "available_clocksource", "0");
	sources_add(clock, collection, &current_metric, folder, "current_clocksource", "0");
}

static void zone_collect(struct time_state *clock, struct collection *collection, time_t now)
{
	struct tm local;

	if (!localtime_r(&now, &local))
		return;
	if (!clock->zone_series || strncmp(clock->zone, local.tm_zone, ZONE_ROOM - 1) != 0) {
		struct gavea_pair label = {"time_zone", clock->zone};

		snprintf(clock->zone, sizeof(clock->zone), "%s", local.tm_zone);
		clock->zone_series = declare(collection, &zone_metric, &label, 1);
	}
	collect(collection, clock->zone_series, (double)local.tm_gmtoff);
}

static int time_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct time_state *clock = state;
	int64_t now = clock_ns(CLOCK_REALTIME);

	(void)file;
	(void)text;
	collect(collection, clock->series, (double)now / 1e9);
	zone_collect(clock, collection, (time_t)(now / NSEC_PER_SEC));
	if (due(collection, &clock->next_scan, RESCAN))
		sources_scan(clock, collection);
	for (size_t i = 0; i < clock->source_count; i++)
		collect(collection, clock->sources[i], 1);
	return 0;
}

const struct collector collector_time = {
	"time", {NULL}, sizeof(struct time_state), time_open, time_collect, NULL, NULL};
