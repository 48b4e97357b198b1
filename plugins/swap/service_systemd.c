/* SPDX-License-Identifier: Apache-2.0 */
/* An app's colours as units of systemd. Jobs are queued, and what becomes of them is looked at in later ticks. */
#include "bus.h"
#include "service.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>

struct systemd_service {
	struct service service; /* must be first */
	const struct service_settings *settings;
	char **names; /* COLOURS of them */
};

static enum service_state state_of(const struct bus_unit *unit)
{
	if (streq(unit->active, "active") || streq(unit->active, "reloading"))
		return SERVICE_RUNNING;
	/* Between two tries of Restart= it is "activating (auto-restart)": it has failed, and comes back. */
	if (streq(unit->active, "activating"))
		return SERVICE_STARTING;
	if (streq(unit->active, "deactivating"))
		return SERVICE_STOPPING;
	return streq(unit->active, "failed") ? SERVICE_FAILED : SERVICE_STOPPED;
}

static int observe(struct service *base, enum colour colour, struct service_view *ret_view, int64_t deadline,
	struct error *error)
{
	const struct systemd_service *service = (const struct systemd_service *)base;
	_cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(bus_unit_done) struct bus_unit unit = {0};
	int r = bus_open(service->settings->bus, deadline, &bus, error);

	if (r == 0)
		r = bus_unit(bus, service->names[colour], &unit, error);
	if (r != 0)
		return r;
	if (streq(unit.load, "not-found"))
		return error_set(error, -ENOENT, "there is no unit %s", service->names[colour]);
	*ret_view =
		(struct service_view){.state = state_of(&unit), .restarts = unit.restarts, .pid = unit.pid};
	if (unit.result && *unit.result && !streq(unit.result, "success"))
		snprintf(ret_view->text, sizeof ret_view->text, "%.20s, %.20s: %.40s", unit.active, unit.sub,
			unit.result);
	else
		snprintf(ret_view->text, sizeof ret_view->text, "%.20s, %.20s", unit.active, unit.sub);
	return 0;
}

static int queue(
	struct service *base, enum colour colour, const char *method, int64_t deadline, struct error *error)
{
	const struct systemd_service *service = (const struct systemd_service *)base;
	_cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
	int r = bus_open(service->settings->bus, deadline, &bus, error);

	if (r < 0)
		return r;
	/* A unit that hit its limit of starts would not be started; that it can't be reset is no matter then. */
	if (!streq(method, "StopUnit"))
		(void)bus_manager(bus, "ResetFailedUnit", service->names[colour], NULL, NULL);
	return bus_manager(bus, method, service->names[colour], "replace", error);
}

static int start(struct service *base, enum colour colour, bool fresh, int64_t deadline, struct error *error)
{
	return queue(base, colour, fresh ? "RestartUnit" : "StartUnit", deadline, error);
}

static int stop(struct service *base, enum colour colour, int64_t deadline, struct error *error)
{
	return queue(base, colour, "StopUnit", deadline, error);
}

static void service_free(struct service *base)
{
	struct systemd_service *service = (struct systemd_service *)base;

	words_free(service->names);
	free(service);
}

static const struct service_driver driver = {
	.name = "systemd",
	.observe = observe,
	.start = start,
	.stop = stop,
	.close = service_free,
};

static char **fill_names(const struct service_settings *settings)
{
	char **names = calloc(COLOURS + 1, sizeof *names);

	for (enum colour i = 0; names && i < COLOURS; i++) {
		const char *const list[] = {settings->unit[i], NULL},
				  *const values[] = {colour_name(i), settings->app};
		char **filled = words_fill(list, "ca", values);

		if (!filled) {
			words_free(names);
			return NULL;
		}
		names[i] = filled[0];
		free(filled);
	}
	return names;
}

int service_open_systemd(
	const struct service_settings *settings, struct service **ret_service, struct error *error)
{
	struct systemd_service *service;

	if (str_empty(settings->unit[COLOUR_BLUE]) || str_empty(settings->unit[COLOUR_GREEN]))
		return error_set(
			error, -EINVAL, "unit: expected the unit of the app, such as \"app@%%c.service\"");
	service = calloc(1, sizeof *service);
	if (!service)
		return error_set(error, -ENOMEM, "out of memory");
	service->service.driver = &driver;
	service->settings = settings;
	service->names = fill_names(settings);
	if (!service->names) {
		free(service);
		return error_set(error, -ENOMEM, "out of memory");
	}
	*ret_service = &service->service;
	return 0;
}
