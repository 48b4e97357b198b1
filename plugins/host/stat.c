/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/stat below the CPUs: interrupts, context switches, forks, boot time, processes. */
#include "collector.h"
#include "scan.h"

#include "base/util.h"

#include <errno.h>

static const struct metric stat_metrics[] = {
	{"node_intr_total", GAVEA_COUNTER, NULL, "Interrupts serviced"},
	{"node_context_switches_total", GAVEA_COUNTER, NULL, "Context switches"},
	{"node_boot_time_seconds", GAVEA_GAUGE, "seconds", "Time of the last boot, as seconds since 1970"},
	{"node_forks_total", GAVEA_COUNTER, NULL, "Processes and threads created"},
	{"node_procs_running", GAVEA_GAUGE, NULL, "Tasks that run or could run"},
	{"node_procs_blocked", GAVEA_GAUGE, NULL, "Tasks that wait for I/O to complete"},
};

static const char *const stat_keys[ARRAY_SIZE(stat_metrics)] = {
	"intr ", "ctxt ", "btime ", "processes ", "procs_running ", "procs_blocked "};

struct stat_state {
	int series[ARRAY_SIZE(stat_metrics)];
};

static int stat_open(void *state, struct collection *collection)
{
	struct stat_state *stat = state;

	declare_all(collection, stat_metrics, ARRAY_SIZE(stat_metrics), NULL, NULL, stat->series);
	return 0;
}

static int stat_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct stat_state *stat = state;
	size_t found = 0;

	(void)file;
	for (const char *line = text; line; line = scan_line(line)) {
		if (line[0] == 'c' && line[1] == 'p')
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(stat_keys); i++) {
			const char *rest = startswith(line, stat_keys[i]);
			uint64_t value;

			if (!rest)
				continue;
			if (!scan_u64(rest, &value))
				return -EBADMSG;
			collect(collection, stat->series[i], (double)value);
			found++;
			break;
		}
	}
	return found ? 0 : -EBADMSG;
}

const struct collector collector_stat = {
	"stat", {"stat"}, sizeof(struct stat_state), stat_open, stat_collect, NULL, NULL};
