/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The items "pressure cpu", "pressure io" and "pressure memory": the share of the time in which work waits. The kernel's
 * averages of one minute and of five have both to be high, so a spike does not count, nor what is over. For memory and I/O
 * what counts is the time in which nothing at all went on; for a CPU, whose full use is no fault, that in which some task
 * waited.
 */
#include "collector.h"

static const struct {
	const char *item;
	const char *warning; /* the options' keys */
	const char *critical;
	const char *what;
	const char *remedy;
} kinds[PRESSURES] = {
	[PRESSURE_CPU] = {"pressure cpu", "pressure_cpu_warning", "pressure_cpu_critical",
		"tasks wait for a CPU", "stop or move what uses them, or add CPUs"},
	[PRESSURE_IO] = {"pressure io", "pressure_io_warning", "pressure_io_critical",
		"all work waits for I/O", "look for the busy disk (node_disk_io_time_seconds_total)"},
	[PRESSURE_MEMORY] = {"pressure memory", "pressure_memory_warning", "pressure_memory_critical",
		"all work waits for memory", "stop or move what uses it, or add memory"},
};

struct pressure_limits {
	double warning[PRESSURES]; /* per cent of the time */
	double critical[PRESSURES];
};

static int pressure_open(void *state, struct collection *collection)
{
	struct pressure_limits *limits = state;

	for (size_t i = 0; i < PRESSURES; i++) {
		limits->warning[i] = gavea_option_float(collection->check, kinds[i].warning);
		limits->critical[i] = gavea_option_float(collection->check, kinds[i].critical);
	}
	return 0;
}

static int pressure_judge(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct pressure_limits *limits = state;

	(void)file;
	(void)text;
	for (size_t i = 0; i < PRESSURES; i++) {
		double percent = i == PRESSURE_CPU ? collection->facts.pressure[i].some
						   : collection->facts.pressure[i].full;
		enum gavea_status status = GAVEA_OK;

		if (percent < 0) /* a kernel without it */
			continue;
		if (percent > limits->critical[i])
			status = GAVEA_CRITICAL;
		else if (percent > limits->warning[i])
			status = GAVEA_WARNING;
		verdict(&collection->verdicts, collection->check, kinds[i].item, status, true,
			"%s %.0f %% of the time%s%s", kinds[i].what, percent, status == GAVEA_OK ? "" : "; ",
			status == GAVEA_OK ? "" : kinds[i].remedy);
	}
	return 0;
}

const struct collector judge_pressure = {
	"pressure", {NULL}, sizeof(struct pressure_limits), pressure_open, pressure_judge, NULL, NULL};
