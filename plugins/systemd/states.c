/* SPDX-License-Identifier: Apache-2.0 */
/* Units by their states: failed, expected, restarted. */
#include "parts.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>

#define KEY "restarts"

/* Of a name "nginx.service": "systemd1.Service", where its result lies. Units without one have no kind. */
static const char *kind_of(const char *name)
{
	static const char *const kinds[][2] = {{".service", "systemd1.Service"},
		{".socket", "systemd1.Socket"}, {".timer", "systemd1.Timer"}, {".mount", "systemd1.Mount"},
		{".swap", "systemd1.Swap"}, {".path", "systemd1.Path"}, {".automount", "systemd1.Automount"},
		{".scope", "systemd1.Scope"}};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i][0], dot))
			return kinds[i][1];
	return NULL;
}

static void report_failed(struct systemd *systemd, const struct unit *unit)
{
	const char *kind = kind_of(unit->name);
	_cleanup_free_ char *result = NULL;
	struct ending ending = {.result = ""};
	struct verdict verdict;

	/* Only why it failed: that it did is known. */
	if (kind && bus_get_string(&systemd->bus, unit->path, kind, "Result", &result) == 0)
		ending.result = result;
	if (kind && streq(kind, "systemd1.Service") &&
		bus_get(&systemd->bus, unit->path, kind, "ExecMainCode", 'i', &ending.code) == 0)
		(void)bus_get(&systemd->bus, unit->path, kind, "ExecMainStatus", 'i', &ending.status);
	verdict = judge_failed(unit, &ending);
	report(systemd, unit->name, NULL, &verdict);
}

static bool is_judged_failed(struct systemd *systemd, const char *name)
{
	return gavea_option_bool(systemd->check, "failed") && units_find(&systemd->units, name);
}

void part_failed(struct systemd *systemd)
{
	for (size_t i = 0; i < systemd->units.count; i++)
		if (streq(systemd->units.list[i].active, "failed"))
			report_failed(systemd, &systemd->units.list[i]);
}

void part_expected(struct systemd *systemd)
{
	size_t count;
	const char *const *texts = gavea_option_strings(systemd->check, "expect", &count);

	for (size_t i = 0; i < count; i++) {
		size_t size = strcspn(texts[i], " ");
		const char *wanted = texts[i] + size + strspn(texts[i] + size, " ");
		_cleanup_free_ char *name = strndup(texts[i], size);
		const struct unit *unit = name ? units_find(&systemd->named, name) : NULL;
		struct verdict verdict;

		/* Told already, with the reason. */
		if (!name || (unit && streq(unit->active, "failed") && is_judged_failed(systemd, name)))
			continue;
		verdict = judge_expected(unit, *wanted ? wanted : "active");
		report(systemd, name, NULL, &verdict);
	}
}

/* ---- Restarts ---- */

static void load(struct systemd *systemd)
{
	const void *bytes;
	size_t size;

	if (!systemd->restarts.known && gavea_state_get(systemd->check, KEY, &bytes, &size) == 0)
		restarts_load(&systemd->restarts, bytes, size);
}

static void save(struct systemd *systemd)
{
	_cleanup_free_ char *text = restarts_save(&systemd->restarts);
	const void *before;
	size_t size;
	int r;

	if (!text)
		return;
	if (gavea_state_get(systemd->check, KEY, &before, &size) == 0 && size == strlen(text) &&
		memcmp(before, text, size) == 0)
		return;
	r = gavea_state_set(systemd->check, KEY, text, strlen(text));
	if (r == 0)
		r = gavea_state_commit(systemd->check);
	if (r < 0)
		gavea_log(systemd->check, GAVEA_LOG_WARNING, "cannot remember restarts: %s", strerror(-r));
}

static void note_one(struct systemd *systemd, const struct unit *unit)
{
	int64_t window = gavea_option_int(systemd->check, "restarts_window");
	uint32_t counter, count;
	struct verdict verdict;
	int r = bus_get(&systemd->bus, unit->path, "systemd1.Service", "NRestarts", 'u', &counter);

	if (r < 0) {
		report_unknown(systemd, unit->name, "restarts", "cannot ask how often it was restarted: %s",
			strerror(-r));
		return;
	}
	count = restarts_note(&systemd->restarts, unit->name, counter,
		(int64_t)(systemd->now.realtime / 1000000), window / NSEC_PER_SEC);
	verdict = judge_restarts(count, window, gavea_option_int(systemd->check, "restarts_warning"),
		gavea_option_int(systemd->check, "restarts_critical"));
	if (verdict.status != GAVEA_OK)
		report(systemd, unit->name, "restarts", &verdict);
}

void part_restarts(struct systemd *systemd)
{
	if (!gavea_option_int(systemd->check, "restarts_warning") &&
		!gavea_option_int(systemd->check, "restarts_critical"))
		return;
	load(systemd);
	restarts_begin(&systemd->restarts);
	for (size_t i = 0; i < systemd->units.count && !gavea_cancelled(systemd->check); i++) {
		const struct unit *unit = &systemd->units.list[i];
		const char *dot = strrchr(unit->name, '.');

		if (dot && streq(dot, ".service") && streq(unit->load, "loaded") &&
			!streq(unit->active, "inactive"))
			note_one(systemd, unit);
	}
	if (systemd->restarts.full)
		report_unknown(systemd, "restarts", NULL,
			"more than %d services were restarted: narrow `units`", RESTARTS_UNITS);
	save(systemd);
}
