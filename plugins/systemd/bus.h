/* SPDX-License-Identifier: Apache-2.0 */
/* systemd over the system bus. All calls block, at most until the deadline that bus_begin() set. They return 0 or a
 * negative errno, with an error that says what was asked. */
#ifndef SYSTEMD_BUS_H
#define SYSTEMD_BUS_H

#include "judge.h"

#include "base/error.h"

#include <stddef.h>
#include <systemd/sd-bus.h>

#define UNITS_MAX 10000

struct bus {
	sd_bus *bus; /* NULL: not connected */
	int64_t deadline; /* CLOCK_MONOTONIC, nanoseconds */
};

struct units {
	struct unit *list;
	size_t count, room;
};

/* Connects unless it is. The error says so when this machine has no systemd. */
int bus_begin(struct bus *bus, const char *address, int64_t deadline, struct error *error);
void bus_close(struct bus *bus);

/* The loaded units of these patterns, and of these names whether they are loaded or not, appended. */
int bus_list_patterns(struct bus *bus, const char *const *patterns, struct units *units, struct error *error);
int bus_list_names(struct bus *bus, const char *const *names, struct units *units, struct error *error);

void units_done(struct units *units);
/* NULL: not in the list. */
const struct unit *units_find(const struct units *units, const char *name);

/* A property of an object ("systemd1.Service" stands for org.freedesktop.systemd1.Service); strings are owned. */
int bus_get(struct bus *bus, const char *path, const char *interface, const char *property, char type,
	void *ret_value);
int bus_get_string(
	struct bus *bus, const char *path, const char *interface, const char *property, char **ret_value);

/* Calls take() for each address of a socket unit at which streams are accepted: a path, or "ADDRESS:PORT". */
int bus_each_stream(
	struct bus *bus, const char *path, void (*take)(const char *address, void *userdata), void *userdata);

#define MANAGER_PATH "/org/freedesktop/systemd1"

#endif
