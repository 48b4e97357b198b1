/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/net/softnet_stat: how the CPUs coped with incoming packets. A line a CPU that is online, in hexadecimal. */
#include "collector.h"
#include "scan.h"

#include <errno.h>
#include <stdio.h>

enum {
	COLUMNS = 3,
	CPUS_MAX = 1024,
};

static const struct metric softnet_metrics[COLUMNS] = {
	{"node_softnet_processed_total", GAVEA_COUNTER, NULL, "Packets processed"},
	{"node_softnet_dropped_total", GAVEA_COUNTER, NULL, "Packets dropped for want of room in the queue"},
	{"node_softnet_times_squeezed_total", GAVEA_COUNTER, NULL,
		"Times that the work was not done within its share of time"},
};

struct softnet {
	int (*series)[COLUMNS]; /* count of them */
	size_t count;
};

static void softnet_close(void *state)
{
	struct softnet *softnet = state;

	free(softnet->series);
}

static int cpu_add(struct softnet *softnet, struct collection *collection)
{
	int(*grown)[COLUMNS] = realloc(softnet->series, (softnet->count + 1) * sizeof(*grown));
	char cpu[16];

	if (!grown)
		return -ENOMEM;
	softnet->series = grown;
	snprintf(cpu, sizeof(cpu), "%zu", softnet->count);
	declare_all(collection, softnet_metrics, COLUMNS, "cpu", cpu, grown[softnet->count++]);
	return 0;
}

static int softnet_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct softnet *softnet = state;
	size_t cpu = 0;

	(void)file;
	for (const char *line = *text ? text : NULL; line && cpu < CPUS_MAX; line = scan_line(line), cpu++) {
		const char *p = line;
		uint64_t values[COLUMNS];

		for (size_t i = 0; i < COLUMNS; i++) {
			p = scan_hex(scan_blanks(p), &values[i]);
			if (!p)
				return -EBADMSG;
		}
		if (cpu == softnet->count && cpu_add(softnet, collection) < 0)
			return -ENOMEM;
		for (size_t i = 0; i < COLUMNS; i++)
			collect(collection, softnet->series[cpu][i], (double)values[i]);
	}
	return cpu ? 0 : -EBADMSG;
}

const struct collector collector_softnet = {
	"softnet", {"net/softnet_stat"}, sizeof(struct softnet), NULL, softnet_collect, softnet_close, NULL};
