/* SPDX-License-Identifier: Apache-2.0 */
/* Units that options name, in figures: node_exporter's names where it has them. */
#include "backlog.h"
#include "parts.h"

#include "base/range.h"
#include "base/status.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define METRICS_MAX 200 /* units with figures */
#define SERVICE "systemd1.Service"
#define SOCKET "systemd1.Socket"
#define UNIT "systemd1.Unit"

enum figure { MEMORY, CPU, TASKS, REFUSED, BACKLOG, FIGURES };

static const struct {
	const char *name;
	enum range_kind kind;
} figures[FIGURES] = {
	[MEMORY] = {"memory", RANGE_SIZE},
	[CPU] = {"cpu", RANGE_PERCENT},
	[TASKS] = {"tasks", RANGE_NUMBER},
	[REFUSED] = {"refused", RANGE_NUMBER},
	[BACKLOG] = {"backlog", RANGE_NUMBER},
};

struct threshold {
	char *unit;
	enum figure figure;
	enum gavea_status status;
	struct range range;
	bool judged; /* in this run */
};

/* What a counter was when it was seen last. */
struct before {
	uint64_t cpu_ns;
	uint64_t refused;
	uint64_t at; /* microseconds, monotonic */
};

struct thresholds {
	struct threshold *list;
	size_t count, room;
	struct {
		char *name;
		struct before before;
	} seen[METRICS_MAX];
	size_t seen_count;
};

void thresholds_free(struct thresholds *thresholds)
{
	if (!thresholds)
		return;
	for (size_t i = 0; i < thresholds->count; i++)
		free(thresholds->list[i].unit);
	for (size_t i = 0; i < thresholds->seen_count; i++)
		free(thresholds->seen[i].name);
	free(thresholds->list);
	free(thresholds);
}

/* "UNIT FIGURE RANGE" */
static int parse_threshold(struct systemd *systemd, const char *text, struct threshold *ret_threshold)
{
	const char *key = status_name(ret_threshold->status), *figure, *range;
	_cleanup_error_ struct error error = ERROR_INIT;
	size_t unit_size = strcspn(text, " "), size;

	figure = text + unit_size + strspn(text + unit_size, " ");
	size = strcspn(figure, " ");
	range = figure + size + strspn(figure + size, " ");
	for (size_t i = 0; i < FIGURES; i++) {
		if (strlen(figures[i].name) != size || strncmp(figures[i].name, figure, size) != 0)
			continue;
		if (range_parse(range, figures[i].kind, &ret_threshold->range, &error) < 0)
			return gavea_fail(
				systemd->check, -EINVAL, "%s: %s", key, error_text(&error, -EINVAL));
		ret_threshold->figure = (enum figure)i;
		ret_threshold->unit = strndup(text, unit_size);
		return ret_threshold->unit ? 0 : gavea_fail(systemd->check, -ENOMEM, "out of memory");
	}
	return gavea_fail(systemd->check, -EINVAL,
		"%s: \"%s\" is not of the form \"UNIT FIGURE RANGE\", where FIGURE is memory, cpu, tasks, "
		"refused or backlog",
		key, text);
}

int thresholds_open(struct systemd *systemd)
{
	static const enum gavea_status statuses[] = {GAVEA_CRITICAL, GAVEA_WARNING};
	struct thresholds *thresholds = calloc(1, sizeof *thresholds);

	systemd->thresholds = thresholds;
	if (!thresholds)
		return gavea_fail(systemd->check, -ENOMEM, "out of memory");
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		size_t count;
		const char *const *texts =
			gavea_option_strings(systemd->check, status_name(statuses[i]), &count);

		for (size_t j = 0; j < count; j++) {
			struct threshold threshold = {.status = statuses[i]};
			int r = parse_threshold(systemd, texts[j], &threshold);

			if (r < 0)
				return r;
			if (GROW(thresholds->list, thresholds->count, thresholds->room) < 0) {
				free(threshold.unit);
				return gavea_fail(systemd->check, -ENOMEM, "out of memory");
			}
			thresholds->list[thresholds->count++] = threshold;
		}
	}
	return 0;
}

static void judge(struct systemd *systemd, const char *unit, enum figure figure, double value)
{
	static const char *const units[FIGURES] = {
		[MEMORY] = " bytes", [CPU] = " %", [TASKS] = "", [REFUSED] = "", [BACKLOG] = ""};
	struct thresholds *thresholds = systemd->thresholds;

	for (size_t i = 0; i < thresholds->count; i++) {
		struct threshold *threshold = &thresholds->list[i];
		struct verdict verdict = {.status = GAVEA_OK};
		char range[64];

		if (threshold->figure != figure || !streq(threshold->unit, unit))
			continue;
		threshold->judged = true;
		if (range_alerts(&threshold->range, value))
			verdict.status = isnan(value) ? GAVEA_UNKNOWN : threshold->status;
		if (isnan(value))
			snprintf(verdict.text, sizeof verdict.text, "%s is not accounted for this unit",
				figures[figure].name);
		else
			snprintf(verdict.text, sizeof verdict.text, "%s is %.0f%s, threshold %s",
				figures[figure].name, value, units[figure],
				range_text(range, &threshold->range));
		report(systemd, unit, figures[figure].name, &verdict);
	}
}

static struct before *remember(struct systemd *systemd, const char *name)
{
	struct thresholds *thresholds = systemd->thresholds;

	for (size_t i = 0; i < thresholds->seen_count; i++)
		if (streq(thresholds->seen[i].name, name))
			return &thresholds->seen[i].before;
	if (thresholds->seen_count == METRICS_MAX)
		return NULL;
	thresholds->seen[thresholds->seen_count].name = strdup(name);
	if (!thresholds->seen[thresholds->seen_count].name)
		return NULL;
	return &thresholds->seen[thresholds->seen_count++].before;
}

/* A figure that systemd does not account is UINT64_MAX: not a number. */
static double ask(
	struct systemd *systemd, const struct unit *unit, const char *interface, const char *property)
{
	uint64_t value;

	if (bus_get(&systemd->bus, unit->path, interface, property, 't', &value) < 0 || value == UINT64_MAX)
		return NAN;
	return (double)value;
}

static void sample(struct systemd *systemd, const struct unit *unit, const char *name,
	enum gavea_sample_type type, const char *unit_name, const char *help, double value)
{
	if (!isnan(value))
		report_sample(systemd, name, type, unit_name, help, "name", unit->name, value);
}

/* Processor time since the last run; at first, since the service was started. */
static void take_cpu(struct systemd *systemd, const struct unit *unit, struct before *before)
{
	double ns = ask(systemd, unit, SERVICE, "CPUUsageNSec"), used;
	double started = ask(systemd, unit, UNIT, "ActiveEnterTimestampMonotonic");
	bool again = before->at && ns >= (double)before->cpu_ns;
	double since = again ? (double)before->at : started;

	sample(systemd, unit, "gavea_systemd_unit_cpu_seconds_total", GAVEA_COUNTER, "seconds",
		"Processor time of the unit", ns / 1e9);
	used = ns - (again ? (double)before->cpu_ns : 0);
	judge(systemd, unit->name, CPU,
		(double)systemd->now.monotonic > since ? used / 10 / ((double)systemd->now.monotonic - since)
						       : NAN);
	before->cpu_ns = isnan(ns) ? 0 : (uint64_t)ns;
	before->at = isnan(ns) ? 0 : systemd->now.monotonic;
}

static void take_watchdog(struct systemd *systemd, const struct unit *unit)
{
	uint64_t period, last;
	struct verdict verdict;

	if (!streq(unit->active, "active") ||
		bus_get(&systemd->bus, unit->path, SERVICE, "WatchdogUSec", 't', &period) < 0 || !period ||
		bus_get(&systemd->bus, unit->path, SERVICE, "WatchdogTimestampMonotonic", 't', &last) < 0)
		return;
	verdict = judge_watchdog(last, period, systemd->now.monotonic);
	if (verdict.status != GAVEA_OK)
		report(systemd, unit->name, "watchdog", &verdict);
}

static void take_service(struct systemd *systemd, const struct unit *unit, struct before *before)
{
	double memory = ask(systemd, unit, SERVICE, "MemoryCurrent"),
	       tasks = ask(systemd, unit, SERVICE, "TasksCurrent");
	uint32_t restarts;

	sample(systemd, unit, "gavea_systemd_unit_memory_bytes", GAVEA_GAUGE, "bytes",
		"Memory of the unit's cgroup", memory);
	judge(systemd, unit->name, MEMORY, memory);
	sample(systemd, unit, "node_systemd_unit_tasks_current", GAVEA_GAUGE, "", "Tasks of the unit", tasks);
	judge(systemd, unit->name, TASKS, tasks);
	take_cpu(systemd, unit, before);
	if (bus_get(&systemd->bus, unit->path, SERVICE, "NRestarts", 'u', &restarts) == 0)
		sample(systemd, unit, "node_systemd_service_restart_total", GAVEA_COUNTER, "",
			"Automatic restarts of the service since it was started by hand", restarts);
	take_watchdog(systemd, unit);
}

/* Of all addresses of a socket unit. */
struct waiting {
	uint32_t count;
	bool known;
};

static void add_waiting(const char *address, void *userdata)
{
	struct waiting *waiting = userdata;

	/* What waits at a path in the file system is told to nobody but through netlink. */
	if (backlog_add("/proc", address, &waiting->count) == 0)
		waiting->known = true;
}

static void take_backlog(struct systemd *systemd, const struct unit *unit)
{
	struct waiting waiting = {0};
	double value;

	(void)bus_each_stream(&systemd->bus, unit->path, add_waiting, &waiting);
	value = waiting.known ? waiting.count : NAN;
	sample(systemd, unit, "gavea_systemd_socket_backlog", GAVEA_GAUGE, "",
		"Connections that wait at the unit's TCP ports to be accepted", value);
	judge(systemd, unit->name, BACKLOG, value);
}

static void take_socket(struct systemd *systemd, const struct unit *unit, struct before *before)
{
	static const struct {
		const char *property, *name;
		enum gavea_sample_type type;
	} counts[] = {
		{"NAccepted", "node_systemd_socket_accepted_connections_total", GAVEA_COUNTER},
		{"NConnections", "node_systemd_socket_current_connections", GAVEA_GAUGE},
		{"NRefused", "node_systemd_socket_refused_connections_total", GAVEA_COUNTER},
	};
	uint32_t values[ARRAY_SIZE(counts)];

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		int r = bus_get(&systemd->bus, unit->path, SOCKET, counts[i].property, 'u', &values[i]);

		if (r < 0) {
			report_unknown(systemd, unit->name, "connections", "cannot ask for %s: %s",
				counts[i].property, strerror(-r));
			return;
		}
		sample(systemd, unit, counts[i].name, counts[i].type, "", "Connections of the socket unit",
			values[i]);
	}
	/* Refused since the last look; at first, all. */
	judge(systemd, unit->name, REFUSED,
		before->at && values[2] >= before->refused ? (double)(values[2] - before->refused)
							   : values[2]);
	before->refused = values[2];
	before->at = systemd->now.monotonic;
	take_backlog(systemd, unit);
}

static void take_state(struct systemd *systemd, const struct unit *unit)
{
	static const char *const states[] = {"active", "activating", "deactivating", "failed", "inactive"};
	_cleanup_free_ char *type = NULL;
	double started = ask(systemd, unit, UNIT, "ActiveEnterTimestamp");

	if (strstr(unit->name, ".service"))
		(void)bus_get_string(&systemd->bus, unit->path, SERVICE, "Type", &type);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct gavea_pair labels[] = {
			{"name", unit->name}, {"state", states[i]}, {"type", type ? type : ""}};
		int series = gavea_series(systemd->check, "node_systemd_unit_state", GAVEA_GAUGE, "",
			"1 for the state that the unit is in", labels, ARRAY_SIZE(labels));

		if (series > 0)
			gavea_sample(systemd->check, series, streq(states[i], unit->active));
	}
	sample(systemd, unit, "node_systemd_unit_start_time_seconds", GAVEA_GAUGE, "seconds",
		"When the unit was started, since 1970", streq(unit->active, "active") ? started / 1e6 : 0);
}

static void take_unit(struct systemd *systemd, const struct unit *unit)
{
	struct before *before = remember(systemd, unit->name);
	const char *dot = strrchr(unit->name, '.');

	if (!before || streq(unit->load, "not-found"))
		return;
	take_state(systemd, unit);
	if (dot && streq(dot, ".service"))
		take_service(systemd, unit, before);
	else if (dot && streq(dot, ".socket"))
		take_socket(systemd, unit, before);
}

static bool has_threshold(const struct systemd *systemd, const char *name)
{
	for (size_t i = 0; i < systemd->thresholds->count; i++)
		if (streq(systemd->thresholds->list[i].unit, name))
			return true;
	return false;
}

void part_metrics(struct systemd *systemd)
{
	struct thresholds *thresholds = systemd->thresholds;
	size_t count, taken = 0;
	const char *const *patterns = gavea_option_strings(systemd->check, "metrics", &count);

	for (size_t i = 0; i < thresholds->count; i++)
		thresholds->list[i].judged = false;
	for (size_t i = 0; i < systemd->units.count && !gavea_cancelled(systemd->check); i++) {
		const struct unit *unit = &systemd->units.list[i];

		if (!fits_any(unit->name, patterns, count) && !has_threshold(systemd, unit->name))
			continue;
		if (taken++ == METRICS_MAX) {
			report_unknown(systemd, "metrics", NULL, "more than %d units: narrow `metrics`",
				METRICS_MAX);
			break;
		}
		take_unit(systemd, unit);
	}
	for (size_t i = 0; i < thresholds->count; i++)
		if (!thresholds->list[i].judged)
			report_unknown(systemd, thresholds->list[i].unit,
				figures[thresholds->list[i].figure].name,
				"has a threshold for %s, but is not loaded, or has no such figure",
				figures[thresholds->list[i].figure].name);
}
