/* SPDX-License-Identifier: Apache-2.0 */
/* The item "memory": what is available of it. */
#include "collector.h"

struct memory {
	double warning; /* per cent available */
	double critical;
};

static int memory_open(void *state, struct collection *collection)
{
	struct memory *memory = state;

	memory->warning = gavea_option_float(collection->check, "memory_warning");
	memory->critical = gavea_option_float(collection->check, "memory_critical");
	return 0;
}

static int memory_judge(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct memory *memory = state;
	const struct facts *facts = &collection->facts;
	enum gavea_status status = GAVEA_OK;
	double available;

	(void)file;
	(void)text;
	if (!facts->memory_seen)
		return 0;
	if (facts->memory_total <= 0 || facts->memory_available < 0) {
		verdict(&collection->verdicts, collection->check, "memory", GAVEA_UNKNOWN, false,
			"%s/meminfo does not say what is available", collection->procfs);
		return 0;
	}
	available = 100 * facts->memory_available / facts->memory_total;
	if (available < memory->critical)
		status = GAVEA_CRITICAL;
	else if (available < memory->warning)
		status = GAVEA_WARNING;
	verdict(&collection->verdicts, collection->check, "memory", status, true, "%.0f %% available",
		available);
	return 0;
}

const struct collector judge_memory = {
	"memory", {NULL}, sizeof(struct memory), memory_open, memory_judge, NULL, NULL};
