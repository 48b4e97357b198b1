/* SPDX-License-Identifier: Apache-2.0 */
/* The system bus, for a moment: each use connects, asks and lets go, so that nothing has to be minded when systemd or the
 * bus is restarted. All calls block up to the deadline (CLOCK_MONOTONIC). -errno with an error that says what was asked. */
#ifndef SWAP_BUS_H
#define SWAP_BUS_H

#include "base/error.h"

#include <stdint.h>
#include <systemd/sd-bus.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD ".Manager"
#define SYSTEMD_UNIT SYSTEMD ".Unit"
#define SYSTEMD_SERVICE SYSTEMD ".Service"

int bus_open(const char *address, int64_t deadline, sd_bus **ret_bus, struct error *error);

/* Calls a method of the manager with two strings ("StartUnit", NAME, "replace") or one (second NULL). */
int bus_manager(sd_bus *bus, const char *method, const char *first, const char *second, struct error *error);

/* What went wrong, with what to do about it. Returns r. */
int bus_failed(int r, const sd_bus_error *reason, const char *method, const char *what, struct error *error);

/* Properties of a unit; the strings are owned. A unit that is not loaded is "inactive". */
struct bus_unit {
	char *load, *active, *sub, *result;
	uint32_t restarts, pid;
	int32_t code, status; /* of the main process: CLD_EXITED…, and its exit status or signal */
};
int bus_unit(sd_bus *bus, const char *name, struct bus_unit *ret_unit, struct error *error);
void bus_unit_done(struct bus_unit *unit);

#endif
