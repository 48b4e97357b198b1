/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/schedstat, where the kernel has it: what each CPU's scheduler did. */
#include "collector.h"
#include "roster.h"
#include "scan.h"

#include <errno.h>

enum {
	METRICS = 3,
	NUMBERS = 9, /* of a CPU's line; the last three are of interest */
};

static const struct metric schedstat_metrics[METRICS] = {
	{"node_schedstat_running_seconds_total", GAVEA_COUNTER, "seconds", "Time in which the CPU ran tasks"},
	{"node_schedstat_waiting_seconds_total", GAVEA_COUNTER, "seconds",
		"Time in which tasks waited for the CPU"},
	{"node_schedstat_timeslices_total", GAVEA_COUNTER, NULL, "Time slices run"},
};

struct schedstat {
	struct roster cpus;
};

static int schedstat_open(void *state, struct collection *collection)
{
	struct schedstat *schedstat = state;

	(void)collection;
	roster_init(&schedstat->cpus, METRICS);
	return 0;
}

static void schedstat_close(void *state)
{
	struct schedstat *schedstat = state;

	roster_done(&schedstat->cpus);
}

static int cpu_line(struct schedstat *schedstat, struct collection *collection, const char *line)
{
	const char *name = line + 3;
	size_t size = strspn(name, "0123456789");
	struct roster_entry *entry;
	uint64_t numbers[NUMBERS];

	if (!size || scan_numbers(name + size, numbers, NUMBERS) != NUMBERS)
		return -EBADMSG;
	entry = roster_find(&schedstat->cpus, name, size);
	if (!entry) {
		entry = roster_add(&schedstat->cpus, name, size);
		if (!entry)
			return -ENOMEM;
		declare_all(collection, schedstat_metrics, METRICS, "cpu", entry->name, entry->series);
	}
	collect(collection, entry->series[0], (double)numbers[6] / 1e9);
	collect(collection, entry->series[1], (double)numbers[7] / 1e9);
	collect(collection, entry->series[2], (double)numbers[8]);
	return 0;
}

static int schedstat_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct schedstat *schedstat = state;
	int r = 0;

	(void)file;
	roster_begin(&schedstat->cpus);
	for (const char *line = text; line && r == 0; line = scan_line(line))
		if (strncmp(line, "cpu", 3) == 0)
			r = cpu_line(schedstat, collection, line);
	roster_end(&schedstat->cpus);
	return r;
}

const struct collector collector_schedstat = {"schedstat", {"schedstat"}, sizeof(struct schedstat),
	schedstat_open, schedstat_collect, schedstat_close, NULL};
