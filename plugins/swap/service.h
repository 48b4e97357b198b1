/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An app's processes, a copy a colour: units of systemd, or commands that start and stop them. Like a traffic driver, a
 * service never believes itself: start() and stop() ask, observe() tells what is. All calls are idempotent and
 * block up to the deadline (CLOCK_MONOTONIC, nanoseconds) at most. -errno with an error that names the unit or command.
 */
#ifndef SWAP_SERVICE_H
#define SWAP_SERVICE_H

#include "base/error.h"
#include "colour.h"

#include <stdbool.h>
#include <stdint.h>

enum service_state {
	SERVICE_STOPPED,
	SERVICE_STARTING,
	SERVICE_RUNNING,
	SERVICE_STOPPING,
	SERVICE_FAILED, /* it ended by itself, or would not start */
};

struct service_view {
	enum service_state state;
	uint32_t restarts; /* by its supervisor, as far as it counts */
	int64_t pid; /* of the main process; 0: not known */
	char text[96]; /* in its own words, "active (running)"; for people */
};

struct service;

struct service_driver {
	const char *name;
	int (*observe)(struct service *service, enum colour colour, struct service_view *ret_view,
		int64_t deadline, struct error *error);
	/* The job is queued or the command has ended: not that it runs. fresh: what runs already is restarted. */
	int (*start)(struct service *service, enum colour colour, bool fresh, int64_t deadline,
		struct error *error);
	int (*stop)(struct service *service, enum colour colour, int64_t deadline, struct error *error);
	void (*close)(struct service *service);
};

struct service {
	const struct service_driver *driver;
};

struct service_settings {
	const char *kind; /* "systemd", "exec" */
	const char *app;
	const char *unit[COLOURS]; /* of systemd */
	const char *bus; /* address of the system bus */
	const char *const *start; /* argv; "%c" is the colour, "%a" the app */
	const char *const *stop;
	const char *const *status; /* ends with 0: it runs, 3: it is stopped; else it has failed */
	bool (*cancelled)(void *userdata); /* NULL: never */
	void *userdata;
};

/* No contact is made yet. -EINVAL with an error that names the option that is missing. */
int service_open(const struct service_settings *settings, struct service **ret_service, struct error *error);
void service_close(struct service *service);

const char *service_state_name(enum service_state state);

/* The drivers. */
int service_open_exec(
	const struct service_settings *settings, struct service **ret_service, struct error *error);
int service_open_systemd(
	const struct service_settings *settings, struct service **ret_service, struct error *error);

#endif
