/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>

#define TIMER "systemd1.Timer"

/* How old the last run of this timer may be, from "NAME AGE"; 0: nobody said. */
static int64_t age_of(struct systemd *systemd, const char *name)
{
	size_t count, length = strlen(name);
	const char *const *texts = gavea_option_strings(systemd->check, "timer_age", &count);
	int64_t age = 0;

	for (size_t i = 0; i < count; i++)
		if (strncmp(texts[i], name, length) == 0 && texts[i][length] == ' ')
			(void)parse_duration(texts[i] + length + strspn(texts[i] + length, " "), &age);
	return age;
}

/* State and result of what the timer starts. Not known when it cannot be asked: then its own state is judged. */
static void ask_service(
	struct systemd *systemd, const struct unit *unit, char **ret_active, char **ret_result)
{
	_cleanup_(units_done) struct units units = {0};
	_cleanup_free_ char *name = NULL;
	const char *names[2] = {NULL, NULL};

	if (bus_get_string(&systemd->bus, unit->path, TIMER, "Unit", &name) < 0)
		return;
	names[0] = name;
	if (bus_list_names(&systemd->bus, names, &units, NULL) < 0 || units.count != 1)
		return;
	*ret_active = strdup(units.list[0].active);
	(void)bus_get_string(&systemd->bus, units.list[0].path, "systemd1.Service", "Result", ret_result);
}

static int ask_timer(struct systemd *systemd, const struct unit *unit, struct timer *timer)
{
	int r = bus_get(
		&systemd->bus, unit->path, TIMER, "NextElapseUSecRealtime", 't', &timer->next_realtime);

	if (r == 0)
		r = bus_get(&systemd->bus, unit->path, TIMER, "NextElapseUSecMonotonic", 't',
			&timer->next_monotonic);
	if (r == 0)
		r = bus_get(&systemd->bus, unit->path, TIMER, "LastTriggerUSec", 't', &timer->last);
	return r;
}

static void judge_one(struct systemd *systemd, const struct unit *unit)
{
	_cleanup_free_ char *active = NULL, *result = NULL;
	struct timer timer = {
		.active = unit->active, .sub = unit->sub, .service_active = "", .service_result = ""};
	int64_t age = age_of(systemd, unit->name);
	struct verdict verdict;
	int r;

	if (streq(unit->load, "not-found")) {
		verdict = judge_expected(NULL, "active");
		report(systemd, unit->name, "schedule", &verdict);
		return;
	}
	r = ask_timer(systemd, unit, &timer);
	if (r < 0) {
		report_unknown(systemd, unit->name, "schedule", "cannot ask when it runs: %s", strerror(-r));
		return;
	}
	ask_service(systemd, unit, &active, &result);
	timer.service_active = active ? active : "";
	timer.service_result = result ? result : "";
	verdict = judge_timer(&timer, &systemd->now, gavea_option_int(systemd->check, "timer_grace"), age);
	if (timer.last && timer.last != UINT64_MAX)
		report_sample(systemd, "node_systemd_timer_last_trigger_seconds", GAVEA_GAUGE, "seconds",
			"When the timer ran last, since 1970", "name", unit->name, (double)timer.last / 1e6);
	if (verdict.status != GAVEA_OK || age)
		report(systemd, unit->name, "schedule", &verdict);
}

static bool is_timer(const struct unit *unit)
{
	const char *dot = strrchr(unit->name, '.');

	return dot && streq(dot, ".timer");
}

void part_timers(struct systemd *systemd)
{
	if (!gavea_option_bool(systemd->check, "timers"))
		return;
	for (size_t i = 0; i < systemd->units.count && !gavea_cancelled(systemd->check); i++)
		if (is_timer(&systemd->units.list[i]) && streq(systemd->units.list[i].load, "loaded"))
			judge_one(systemd, &systemd->units.list[i]);
	/* Those that options name and that are not among the loaded ones. */
	for (size_t i = 0; i < systemd->named.count; i++) {
		const struct unit *unit = &systemd->named.list[i];

		if (is_timer(unit) && age_of(systemd, unit->name) &&
			(streq(unit->load, "not-found") || !units_find(&systemd->units, unit->name)))
			judge_one(systemd, unit);
	}
}
