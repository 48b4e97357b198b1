/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks as transient units of systemd: outside of the agent's cgroup, so that its restart or upgrade does not touch them, and
 * with an end that systemd remembers (RemainAfterExit=yes, and failed units stay) until it was read.
 */
#include "bus.h"
#include "hook.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

static void unit_name(const struct hook_launch *launch, char name[static 224])
{
	snprintf(name, 224, "gavea-hook-%s.service", launch->key);
}

static int append_string(sd_bus_message *message, const char *name, const char *value)
{
	return sd_bus_message_append(message, "(sv)", name, "s", value);
}

static int append_command(sd_bus_message *message, const struct hook_launch *launch)
{
	int r = sd_bus_message_open_container(message, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(message, "s", "ExecStart");
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'v', "a(sasb)");
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'a', "(sasb)");
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'r', "sasb");
	if (r >= 0)
		r = sd_bus_message_append(message, "s", launch->arguments[0]);
	if (r >= 0)
		r = sd_bus_message_append_strv(message, (char **)launch->arguments);
	if (r >= 0)
		r = sd_bus_message_append(message, "b", 0);
	for (int i = 0; r >= 0 && i < 4; i++)
		r = sd_bus_message_close_container(message);
	return r;
}

static int append_environment(sd_bus_message *message, const struct hook_launch *launch)
{
	int r = sd_bus_message_open_container(message, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(message, "s", "Environment");
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_append_strv(message, (char **)launch->environment);
	for (int i = 0; r >= 0 && i < 2; i++)
		r = sd_bus_message_close_container(message);
	return r;
}

static int append_properties(sd_bus_message *message, const struct hook_launch *launch)
{
	int r = sd_bus_message_open_container(message, 'a', "(sv)");

	if (r >= 0)
		r = append_string(message, "Description", "Hook of a swap");
	if (r >= 0)
		r = append_string(message, "Type", "exec");
	if (r >= 0)
		r = sd_bus_message_append(message, "(sv)", "RemainAfterExit", "b", 1);
	if (r >= 0)
		r = sd_bus_message_append(
			message, "(sv)", "RuntimeMaxUSec", "t", (uint64_t)(launch->timeout / NSEC_PER_USEC));
	if (r >= 0)
		r = sd_bus_message_append(message, "(sv)", "TimeoutStopUSec", "t", UINT64_C(5000000));
	if (r >= 0)
		r = append_command(message, launch);
	if (r >= 0)
		r = append_environment(message, launch);
	return r >= 0 ? sd_bus_message_close_container(message) : r;
}

int transient_start(const struct hook_launch *launch, int64_t deadline, struct error *error)
{
	_cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error reason = SD_BUS_ERROR_NULL;
	char name[224];
	int r = bus_open(launch->bus, deadline, &bus, error);

	if (r < 0)
		return r;
	unit_name(launch, name);
	r = sd_bus_message_new_method_call(
		bus, &message, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(message, "ss", name, "fail");
	if (r >= 0)
		r = append_properties(message, launch);
	if (r >= 0)
		r = sd_bus_message_append(message, "a(sa(sv))", 0);
	if (r < 0)
		return error_set(error, r, "StartTransientUnit %s: %s", name, strerror(-r));
	r = sd_bus_call(bus, message, 0, &reason, NULL);
	/* It was started before: its end is looked at. */
	if (r == -EEXIST || sd_bus_error_has_name(&reason, SYSTEMD ".UnitExists"))
		return 0;
	return r < 0 ? bus_failed(r, &reason, "StartTransientUnit", name, error) : 0;
}

static void judge(const struct bus_unit *unit, struct hook_view *view)
{
	bool over = streq(unit->sub, "exited") || streq(unit->active, "failed") ||
		streq(unit->active, "inactive");

	if (streq(unit->load, "not-found") || (streq(unit->active, "inactive") && unit->code == 0)) {
		view->state = HOOK_ABSENT;
	} else if (!over) {
		view->state = HOOK_RUNNING;
	} else if (unit->result && streq(unit->result, "timeout")) {
		view->state = HOOK_TIMED_OUT;
		snprintf(view->text, sizeof view->text, "timed out");
	} else if (unit->code == CLD_EXITED) {
		view->state = HOOK_EXITED;
		view->code = unit->status;
		snprintf(view->text, sizeof view->text, "exit status %d; see its log in the journal",
			unit->status);
	} else {
		view->state = HOOK_EXITED;
		view->code = 128 + unit->status;
		snprintf(view->text, sizeof view->text,
			"%.40s: ended by signal %d; see its log in the journal",
			unit->result ? unit->result : "failed", unit->status);
	}
}

int transient_observe(
	const struct hook_launch *launch, struct hook_view *ret_view, int64_t deadline, struct error *error)
{
	_cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(bus_unit_done) struct bus_unit unit = {0};
	char name[224];
	int r = bus_open(launch->bus, deadline, &bus, error);

	unit_name(launch, name);
	if (r == 0)
		r = bus_unit(bus, name, &unit, error);
	if (r != 0)
		return r;
	judge(&unit, ret_view);
	return 0;
}

int transient_end(const struct hook_launch *launch, int64_t deadline, struct error *error)
{
	_cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(bus_unit_done) struct bus_unit unit = {0};
	char name[224];
	int r = bus_open(launch->bus, deadline, &bus, error);

	unit_name(launch, name);
	if (r == 0)
		r = bus_unit(bus, name, &unit, error);
	if (r != 0 || streq(unit.load, "not-found"))
		return r;
	if (!streq(unit.active, "failed"))
		r = bus_manager(bus, "StopUnit", name, "replace", error);
	(void)bus_manager(bus, "ResetFailedUnit", name, NULL, NULL);
	return r;
}
