/* SPDX-License-Identifier: Apache-2.0 */
#include "bus.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define RUNNING "/run/systemd/system" /* sd_booted(3) */
#define LEAST_TIMEOUT (10 * NSEC_PER_MSEC)

static void set_timeout(struct bus *bus)
{
	int64_t left = MAX(bus->deadline - clock_ns(CLOCK_MONOTONIC), LEAST_TIMEOUT);

	(void)sd_bus_set_method_call_timeout(bus->bus, (uint64_t)(left / NSEC_PER_USEC));
}

static int connect_to(sd_bus *bus, const char *address)
{
	int r = sd_bus_set_address(bus, address);

	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	return r >= 0 ? sd_bus_start(bus) : r;
}

int bus_begin(struct bus *bus, const char *address, int64_t deadline, struct error *error)
{
	int r;

	bus->deadline = deadline;
	if (bus->bus && sd_bus_is_open(bus->bus) > 0) {
		set_timeout(bus);
		return 0;
	}
	bus_close(bus);
	r = sd_bus_new(&bus->bus);
	if (r >= 0)
		r = connect_to(bus->bus, address);
	if (r >= 0) {
		set_timeout(bus);
		return 0;
	}
	bus_close(bus);
	if (access(RUNNING, F_OK) < 0)
		return error_set(error, r,
			RUNNING " is not there: this machine (or container) was not booted with systemd");
	return error_set(error, r, "cannot reach the system bus at %s: %s", address, strerror(-r));
}

void bus_close(struct bus *bus)
{
	bus->bus = sd_bus_close_unref(bus->bus);
}

/* ---- Lists of units ---- */

static void unit_done(struct unit *unit)
{
	free(unit->name);
	free(unit->load);
	free(unit->active);
	free(unit->sub);
	free(unit->path);
}

void units_done(struct units *units)
{
	for (size_t i = 0; i < units->count; i++)
		unit_done(&units->list[i]);
	free(units->list);
	*units = (struct units){0};
}

const struct unit *units_find(const struct units *units, const char *name)
{
	for (size_t i = 0; i < units->count; i++)
		if (streq(units->list[i].name, name))
			return &units->list[i];
	return NULL;
}

static int units_add(struct units *units, const char *const strings[static 5], uint32_t job)
{
	struct unit unit = {.name = strdup(strings[0]),
		.load = strdup(strings[1]),
		.active = strdup(strings[2]),
		.sub = strdup(strings[3]),
		.path = strdup(strings[4]),
		.job = job};

	if (!unit.name || !unit.load || !unit.active || !unit.sub || !unit.path ||
		GROW(units->list, units->count, units->room) < 0) {
		unit_done(&unit);
		return -ENOMEM;
	}
	units->list[units->count++] = unit;
	return 0;
}

static int read_units(sd_bus_message *reply, struct units *units)
{
	const char *name, *load, *active, *sub, *path;
	uint32_t job;
	int r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");

	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, &load, &active, &sub, NULL, &path,
			&job, NULL, NULL)) > 0) {
		const char *const strings[] = {name, load, active, sub, path};

		if (units->count == UNITS_MAX)
			return -E2BIG;
		r = units_add(units, strings, job);
		if (r < 0)
			return r;
	}
	return r;
}

/* Tells an error reply from a bus that is lost; that is connected to again next time. */
static int call_failed(
	struct bus *bus, int r, const sd_bus_error *reason, const char *what, struct error *error)
{
	const char *text = reason->message ? reason->message : strerror(-r);

	error_set(error, r, "%s: %s%s", what, text,
		r == -EACCES || r == -EPERM ? "; the bus's policy does not let the agent ask" : "");
	if (!sd_bus_error_is_set(reason) || r == -ETIMEDOUT)
		bus_close(bus);
	return r;
}

static int list(struct bus *bus, const char *method, bool states, const char *const *words,
	struct units *units, struct error *error)
{
	_cleanup_(sd_bus_error_free) sd_bus_error reason = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	int r = sd_bus_message_new_method_call(
		bus->bus, &call, SYSTEMD, MANAGER_PATH, SYSTEMD ".Manager", method);

	if (r >= 0 && states)
		r = sd_bus_message_append(call, "as", 0);
	if (r >= 0)
		r = sd_bus_message_append_strv(call, (char **)words);
	set_timeout(bus);
	if (r >= 0)
		r = sd_bus_call(bus->bus, call, 0, &reason, &reply);
	if (r >= 0)
		r = read_units(reply, units);
	if (r == -E2BIG)
		return error_set(error, r, "systemd has more than %d units: narrow `units`", UNITS_MAX);
	return r < 0 ? call_failed(bus, r, &reason, method, error) : 0;
}

int bus_list_patterns(struct bus *bus, const char *const *patterns, struct units *units, struct error *error)
{
	return list(bus, "ListUnitsByPatterns", true, patterns, units, error);
}

int bus_list_names(struct bus *bus, const char *const *names, struct units *units, struct error *error)
{
	return list(bus, "ListUnitsByNames", false, names, units, error);
}

/* ---- Properties ---- */

int bus_get(struct bus *bus, const char *path, const char *interface, const char *property, char type,
	void *ret_value)
{
	char full[96];

	if (!bus->bus)
		return -ENOTCONN;
	if (clock_ns(CLOCK_MONOTONIC) > bus->deadline)
		return -ETIMEDOUT;
	set_timeout(bus);
	snprintf(full, sizeof full, "org.freedesktop.%s", interface);
	return MIN(
		sd_bus_get_property_trivial(bus->bus, SYSTEMD, path, full, property, NULL, type, ret_value),
		0);
}

int bus_get_string(
	struct bus *bus, const char *path, const char *interface, const char *property, char **ret_value)
{
	char full[96];

	if (!bus->bus)
		return -ENOTCONN;
	if (clock_ns(CLOCK_MONOTONIC) > bus->deadline)
		return -ETIMEDOUT;
	set_timeout(bus);
	snprintf(full, sizeof full, "org.freedesktop.%s", interface);
	return MIN(sd_bus_get_property_string(bus->bus, SYSTEMD, path, full, property, NULL, ret_value), 0);
}

static int read_streams(
	sd_bus_message *reply, void (*take)(const char *address, void *userdata), void *userdata)
{
	const char *kind, *address;
	int r = sd_bus_message_enter_container(reply, 'a', "(ss)");

	while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &kind, &address)) > 0)
		if (strcmp(kind, "Stream") == 0)
			take(address, userdata);
	return MIN(r, 0);
}

int bus_each_stream(
	struct bus *bus, const char *path, void (*take)(const char *address, void *userdata), void *userdata)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r;

	if (!bus->bus)
		return -ENOTCONN;
	if (clock_ns(CLOCK_MONOTONIC) > bus->deadline)
		return -ETIMEDOUT;
	set_timeout(bus);
	r = sd_bus_get_property(
		bus->bus, SYSTEMD, path, "org.freedesktop.systemd1.Socket", "Listen", NULL, &reply, "a(ss)");
	return r < 0 ? r : read_streams(reply, take, userdata);
}
