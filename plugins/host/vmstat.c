/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/vmstat: those counters of the memory manager that vmstat_fields names. */
#include "keyed.h"
#include "scan.h"

#include <errno.h>

struct vmstat {
	struct keyed keyed;
	struct filter fields;
};

static int vmstat_open(void *state, struct collection *collection)
{
	struct vmstat *vmstat = state;

	keyed_init(&vmstat->keyed, "/proc/vmstat", &vmstat->fields);
	return filter_open(&vmstat->fields, collection->check, "vmstat_fields");
}

static void vmstat_close(void *state)
{
	struct vmstat *vmstat = state;

	roster_done(&vmstat->keyed.keys);
	filter_close(&vmstat->fields);
}

static int vmstat_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct vmstat *vmstat = state;
	int r = 0;

	(void)file;
	roster_begin(&vmstat->keyed.keys);
	for (const char *line = *text ? text : NULL; line && r == 0; line = scan_line(line)) {
		size_t size;
		const char *key = scan_word(line, &size);
		double value;

		if (!key || !scan_signed(key + size, &value)) {
			r = -EBADMSG;
			break;
		}
		if (size == strlen("oom_kill") && memcmp(key, "oom_kill", size) == 0)
			collection->facts.oom_kills = value;
		/* Levels that are counted are named nr_…; all others only grow. */
		r = keyed_collect(&vmstat->keyed, collection, "node_vmstat_", key, size,
			strncmp(key, "nr_", 3) == 0 ? GAVEA_GAUGE : GAVEA_COUNTER, value);
	}
	roster_end(&vmstat->keyed.keys);
	return r;
}

const struct collector collector_vmstat = {
	"vmstat", {"vmstat"}, sizeof(struct vmstat), vmstat_open, vmstat_collect, vmstat_close, NULL};
