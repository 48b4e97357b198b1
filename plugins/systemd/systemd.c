/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The systemd plugin: states of units, timers, restarts, figures and errors, over the system bus. This file has the
 * options, asks for the list of units, and sums up.
 */
#include "parts.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/range.h"

#include <errno.h>
#include <stdio.h>

#define RESERVE NSEC_PER_SEC

static void systemd_free(struct systemd *systemd)
{
	bus_close(&systemd->bus);
	units_done(&systemd->units);
	units_done(&systemd->named);
	restarts_done(&systemd->restarts);
	thresholds_free(systemd->thresholds);
	report_done(systemd);
	free(systemd);
}
DEFINE_CLEANUP(struct systemd *, systemd_free);

static int open_ages(struct gavea_check *check)
{
	size_t count;
	const char *const *texts = gavea_option_strings(check, "timer_age", &count);

	for (size_t i = 0; i < count; i++) {
		const char *age = strchrnul(texts[i], ' ');
		int64_t ns;

		if (parse_duration(age + strspn(age, " "), &ns) < 0 || ns <= 0)
			return gavea_fail(check, -EINVAL,
				"timer_age: \"%s\" is not of the form \"backup.timer 26h\"", texts[i]);
	}
	return 0;
}

static int open_journal_errors(struct gavea_check *check)
{
	const char *text = gavea_option_string(check, "journal_errors");
	_cleanup_error_ struct error error = ERROR_INIT;
	struct range range;

	if (!str_empty(text) && range_parse(text, RANGE_NUMBER, &range, &error) < 0)
		return gavea_fail(check, -EINVAL, "journal_errors: %s", error_text(&error, -EINVAL));
	return 0;
}

static int systemd_open(struct gavea_check *check, void **ret_state)
{
	_cleanup_(systemd_freep) struct systemd *systemd = calloc(1, sizeof *systemd);
	int r;

	if (!systemd)
		return gavea_fail(check, -ENOMEM, "out of memory");
	systemd->check = check;
	r = thresholds_open(systemd);
	if (r == 0)
		r = open_ages(check);
	if (r == 0)
		r = open_journal_errors(check);
	if (r == 0)
		*ret_state = TAKE_PTR(systemd);
	return r;
}

static void systemd_close(struct gavea_check *check, void *state)
{
	(void)check;
	systemd_free(state);
}

/* ---- One run ---- */

static void drop_ignored(struct systemd *systemd)
{
	size_t count, kept = 0;
	const char *const *patterns = gavea_option_strings(systemd->check, "ignore", &count);
	_cleanup_(units_done) struct units ignored = {0};

	for (size_t i = 0; count && i < systemd->units.count; i++) {
		struct unit unit = systemd->units.list[i];

		if (fits_any(unit.name, patterns, count) &&
			GROW(ignored.list, ignored.count, ignored.room) == 0)
			ignored.list[ignored.count++] = unit;
		else
			systemd->units.list[kept++] = unit;
	}
	if (count)
		systemd->units.count = kept;
}

/* Units that options name, in the first word of each text: they are asked for whether they are loaded or not. */
static int list_named(struct systemd *systemd, struct error *error)
{
	static const char *const keys[] = {"expect", "timer_age"};
	const char **names = NULL;
	size_t count = 0, room = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
		size_t texts_count;
		const char *const *texts = gavea_option_strings(systemd->check, keys[i], &texts_count);

		for (size_t j = 0; r == 0 && j < texts_count; j++) {
			r = GROW(names, count, room);
			if (r == 0)
				r = (names[count] = strndup(texts[j], strcspn(texts[j], " "))) ? 0 : -ENOMEM;
			count += r == 0;
		}
	}
	if (r == 0 && count)
		r = GROW(names, count, room);
	if (r == 0 && count) {
		names[count] = NULL;
		r = bus_list_names(&systemd->bus, names, &systemd->named, error);
	}
	for (size_t i = 0; i < count; i++)
		free((char *)names[i]);
	free(names);
	return r;
}

static int list_units(struct systemd *systemd, struct error *error)
{
	size_t count;
	const char *const *given = gavea_option_strings(systemd->check, "units", &count);
	_cleanup_free_ const char **patterns = calloc(count + 1, sizeof *patterns);
	int r;

	units_done(&systemd->units);
	units_done(&systemd->named);
	if (!patterns)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		patterns[i] = given[i];
	r = bus_list_patterns(&systemd->bus, patterns, &systemd->units, error);
	if (r == 0)
		drop_ignored(systemd);
	return r < 0 ? r : list_named(systemd, error);
}

static void take_system(struct systemd *systemd, char **ret_state)
{
	struct verdict verdict;
	int r = bus_get_string(&systemd->bus, MANAGER_PATH, "systemd1.Manager", "SystemState", ret_state);

	if (r < 0) {
		report_unknown(systemd, "system", NULL, "cannot ask for its state: %s", strerror(-r));
		return;
	}
	verdict = judge_system(*ret_state);
	report_sample(systemd, "node_systemd_system_running", GAVEA_GAUGE, "",
		"1 when systemd says \"running\"", NULL, NULL, streq(*ret_state, "running"));
	if (verdict.status != GAVEA_OK)
		report(systemd, "system", NULL, &verdict);
}

static size_t take_counts(struct systemd *systemd)
{
	static const char *const states[] = {"active", "activating", "deactivating", "failed", "inactive"};
	size_t counts[ARRAY_SIZE(states)] = {0}, jobs = 0, failed = 0;

	for (size_t i = 0; i < systemd->units.count; i++) {
		jobs += systemd->units.list[i].job != 0;
		failed += streq(systemd->units.list[i].active, "failed");
		for (size_t j = 0; j < ARRAY_SIZE(states); j++)
			counts[j] += streq(systemd->units.list[i].active, states[j]);
	}
	for (size_t j = 0; j < ARRAY_SIZE(states); j++)
		report_sample(systemd, "node_systemd_units", GAVEA_GAUGE, "", "Units by state", "state",
			states[j], (double)counts[j]);
	report_sample(systemd, "gavea_systemd_jobs", GAVEA_GAUGE, "", "Jobs that are queued or run", NULL,
		NULL, (double)jobs);
	return failed;
}

static void sum_up(struct systemd *systemd, const char *state, size_t failed)
{
	size_t bad = systemd->told;

	if (bad)
		gavea_result(systemd->check, systemd->worst, "%zu problem%s among %zu units: %s%s", bad,
			bad == 1 ? "" : "s", systemd->units.count, buf_str(&systemd->summary),
			bad > 4 ? "; …" : "");
	else
		gavea_result(systemd->check, GAVEA_OK, "%s, %zu units, %zu failed", state ? state : "?",
			systemd->units.count, failed);
}

static int systemd_run(struct gavea_check *check, void *state)
{
	struct systemd *systemd = state;
	int64_t deadline = gavea_deadline(check), now = gavea_now(check);
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *system_state = NULL;
	size_t failed;
	int r;

	deadline = deadline == INT64_MAX ? now + 60 * NSEC_PER_SEC
					 : deadline - MIN(RESERVE, (deadline - now) / 5);
	systemd->check = check;
	systemd->now.realtime = (uint64_t)(clock_ns(CLOCK_REALTIME) / NSEC_PER_USEC);
	systemd->now.monotonic = (uint64_t)(clock_ns(CLOCK_MONOTONIC) / NSEC_PER_USEC);
	report_begin(systemd);
	r = bus_begin(&systemd->bus, gavea_option_string(check, "bus"), deadline, &error);
	if (r == 0)
		r = list_units(systemd, &error);
	if (r < 0)
		return gavea_fail(check, r, "%s", error_text(&error, r));
	if (!systemd->units.count && !systemd->named.count)
		report_unknown(systemd, "units", NULL, "no unit fits `units`");
	take_system(systemd, &system_state);
	failed = take_counts(systemd);
	if (gavea_option_bool(check, "failed"))
		part_failed(systemd);
	part_expected(systemd);
	part_restarts(systemd);
	part_timers(systemd);
	part_metrics(systemd);
	part_journal(systemd);
	sum_up(systemd, system_state, failed);
	return 0;
}

static const struct gavea_option options[] = {
	{"units", GAVEA_OPTION_STRINGS, 0, "*", NULL,
		"Which units are looked at: names or patterns of the shell"},
	{"ignore", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "Which of them are not"},
	{"failed", GAVEA_OPTION_BOOL, 0, "true", NULL, "A unit that failed is critical"},
	{"expect", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Units that have to be in a state, \"nginx.service active\" or \"backup.timer waiting\"; "
		"active if none is named"},
	{"restarts_warning", GAVEA_OPTION_INT, 0, "3", "0..32",
		"A service that systemd restarted so often within restarts_window is a warning; 0: never"},
	{"restarts_critical", GAVEA_OPTION_INT, 0, "10", "0..32", "Likewise, critical"},
	{"restarts_window", GAVEA_OPTION_DURATION, 0, "1h", "1min..7d", "How far back restarts count"},
	{"timers", GAVEA_OPTION_BOOL, 0, "true", NULL, "Judge timers"},
	{"timer_grace", GAVEA_OPTION_DURATION, 0, "10min", "0..7d",
		"How late a timer may be before it is critical"},
	{"timer_age", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Timers that have to have run lately and well: \"backup.timer 26h\""},
	{"metrics", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Units, names or patterns, of which there are samples: memory, CPU, tasks, connections; at "
		"most 200"},
	{"warning", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Thresholds, as \"nginx.service memory > 500MiB\"; cpu, tasks, refused and backlog likewise"},
	{"critical", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "Likewise, for critical"},
	{"journal_errors", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"Range of errors that a unit may log between two runs, such as 10; needs the group "
		"systemd-journal"},
	{"bus", GAVEA_OPTION_STRING, 0, "unix:path=/run/dbus/system_bus_socket", NULL,
		"Address of the system bus"},
};

static const char *const read_paths[] = {"/var/log/journal", "/run/log/journal", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.memory = 64u << 20,
	.read_paths = read_paths,
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(plugin),
	.name = "systemd",
	.version = GAVEA_VERSION,
	.summary =
		"Units of systemd: failed, flapping, overdue timers, memory and CPU, errors in the journal",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.option_size = sizeof(options[0]),
	.needs = &needs,
	.open = systemd_open,
	.run = systemd_run,
	.close = systemd_close,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
