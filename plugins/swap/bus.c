/* SPDX-License-Identifier: Apache-2.0 */
#include "bus.h"

#include "base/clock.h"
#include "rights.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define RUNNING "/run/systemd/system" /* sd_booted(3) */
#define LEAST_TIMEOUT (10 * NSEC_PER_MSEC)

int bus_open(const char *address, int64_t deadline, sd_bus **ret_bus, struct error *error)
{
	_cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
	int64_t left = MAX(deadline - clock_ns(CLOCK_MONOTONIC), LEAST_TIMEOUT);
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, (uint64_t)(left / NSEC_PER_USEC));
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0 && access(RUNNING, F_OK) < 0)
		return error_set(error, r,
			RUNNING " is not there: this machine (or container) was not booted with systemd");
	if (r < 0)
		return error_set(error, r, "cannot reach the system bus at %s: %s", address, strerror(-r));
	*ret_bus = TAKE_PTR(bus);
	return 0;
}

int bus_failed(int r, const sd_bus_error *reason, const char *method, const char *what, struct error *error)
{
	return error_set(error, r, "%s %s: %s%s", method, what,
		reason->message ? reason->message : strerror(-r),
		r == -EACCES || r == -EPERM
			? "; the agent needs a polkit rule that lets it do this, see " RIGHTS_PAGE
			: "");
}

int bus_manager(sd_bus *bus, const char *method, const char *first, const char *second, struct error *error)
{
	_cleanup_(sd_bus_error_free) sd_bus_error reason = SD_BUS_ERROR_NULL;
	int r = second ? sd_bus_call_method(bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, method, &reason,
				 NULL, "ss", first, second)
		       : sd_bus_call_method(bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, method, &reason,
				 NULL, "s", first);

	return r < 0 ? bus_failed(r, &reason, method, first, error) : 0;
}

void bus_unit_done(struct bus_unit *unit)
{
	free(unit->load);
	free(unit->active);
	free(unit->sub);
	free(unit->result);
	*unit = (struct bus_unit){0};
}

static int string(
	sd_bus *bus, const char *path, const char *interface, const char *property, char **ret_value)
{
	return sd_bus_get_property_string(bus, SYSTEMD, path, interface, property, NULL, ret_value);
}

static void number(sd_bus *bus, const char *path, const char *property, char type, void *ret_value)
{
	/* What a unit that is no service does not have stays 0. */
	(void)sd_bus_get_property_trivial(
		bus, SYSTEMD, path, SYSTEMD_SERVICE, property, NULL, type, ret_value);
}

int bus_unit(sd_bus *bus, const char *name, struct bus_unit *ret_unit, struct error *error)
{
	_cleanup_(sd_bus_error_free) sd_bus_error reason = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct bus_unit unit = {0};
	const char *path;
	int r = sd_bus_call_method(
		bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, "LoadUnit", &reason, &reply, "s", name);

	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r < 0)
		return bus_failed(r, &reason, "LoadUnit", name, error);
	r = string(bus, path, SYSTEMD_UNIT, "LoadState", &unit.load);
	if (r >= 0)
		r = string(bus, path, SYSTEMD_UNIT, "ActiveState", &unit.active);
	if (r >= 0)
		r = string(bus, path, SYSTEMD_UNIT, "SubState", &unit.sub);
	if (r < 0) {
		bus_unit_done(&unit);
		return error_set(error, r, "the state of %s can't be read: %s", name, strerror(-r));
	}
	(void)string(bus, path, SYSTEMD_SERVICE, "Result", &unit.result);
	number(bus, path, "NRestarts", 'u', &unit.restarts);
	number(bus, path, "MainPID", 'u', &unit.pid);
	number(bus, path, "ExecMainCode", 'i', &unit.code);
	number(bus, path, "ExecMainStatus", 'i', &unit.status);
	*ret_unit = unit;
	return 0;
}
