/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/pressure: how long tasks waited for CPU, I/O and memory. Kernels may be without it, or have it turned
 * off. */
#include "collector.h"
#include "scan.h"

#include "base/util.h"

#include <errno.h>

enum {
	SERIES = 5,
};

static const struct metric pressure_metrics[SERIES] = {
	{"node_pressure_cpu_waiting_seconds_total", GAVEA_COUNTER, "seconds",
		"Time in which tasks waited for a CPU"},
	{"node_pressure_io_waiting_seconds_total", GAVEA_COUNTER, "seconds",
		"Time in which tasks waited for I/O"},
	{"node_pressure_io_stalled_seconds_total", GAVEA_COUNTER, "seconds",
		"Time in which no task could go on for want of I/O"},
	{"node_pressure_memory_waiting_seconds_total", GAVEA_COUNTER, "seconds",
		"Time in which tasks waited for memory"},
	{"node_pressure_memory_stalled_seconds_total", GAVEA_COUNTER, "seconds",
		"Time in which no task could go on for want of memory"},
};

struct pressure {
	int series[SERIES];
};

static int pressure_open(void *state, struct collection *collection)
{
	struct pressure *pressure = state;

	declare_all(collection, pressure_metrics, SERIES, NULL, NULL, pressure->series);
	return 0;
}

/* The total of the line that begins with kind, in seconds; negative when there is none. */
static double pressure_total(const char *text, const char *kind)
{
	for (const char *line = text; line; line = scan_line(line)) {
		size_t length = strcspn(line, "\n");
		const char *total;
		uint64_t us;

		if (!startswith(line, kind))
			continue;
		total = memmem(line, length, " total=", strlen(" total="));
		if (!total || !scan_u64(total + strlen(" total="), &us))
			return -1;
		/* Two divisions, as the exporter whose values these are to equal bit by bit. */
		return (double)us / 1000.0 / 1000.0;
	}
	return -1;
}

/* The lesser of the last minute's average and that of the last 5 minutes: what lasts, and is not over yet. */
static double pressure_now(const char *text, const char *kind)
{
	for (const char *line = text; line; line = scan_line(line)) {
		const char *minute, *five;
		double a, b;

		if (!startswith(line, kind))
			continue;
		minute = memmem(line, strcspn(line, "\n"), "avg60=", strlen("avg60="));
		five = memmem(line, strcspn(line, "\n"), "avg300=", strlen("avg300="));
		if (minute && five && scan_decimal(minute + strlen("avg60="), &a) &&
			scan_decimal(five + strlen("avg300="), &b))
			return MIN(a, b);
	}
	return -1;
}

static int pressure_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct pressure *pressure = state;
	double waiting = pressure_total(text, "some ");
	double stalled = pressure_total(text, "full ");

	if (waiting < 0)
		return -EBADMSG;
	collection->facts.pressure[file].some = pressure_now(text, "some ");
	collection->facts.pressure[file].full = pressure_now(text, "full ");
	/* For a CPU "full" means nothing on a whole host. */
	if (file == 0) {
		collect(collection, pressure->series[0], waiting);
		return 0;
	}
	if (stalled < 0)
		return -EBADMSG;
	collect(collection, pressure->series[file * 2 - 1], waiting);
	collect(collection, pressure->series[file * 2], stalled);
	return 0;
}

const struct collector collector_pressure = {"pressure", {"pressure/cpu", "pressure/io", "pressure/memory"},
	sizeof(struct pressure), pressure_open, pressure_collect, NULL, NULL};
