/* SPDX-License-Identifier: Apache-2.0 */
/* Visits every address of many endpoints at the same time, in one thread: bounded in number, memory and time. */
#ifndef CERT_SWEEP_H
#define CERT_SWEEP_H

#include "probe.h"

struct visit {
	union address address;
	struct outcome outcome;
};

struct target {
	const struct endpoint *endpoint; /* borrowed */
	struct findings findings; /* why there are no visits */
	struct visit *visits; /* one an address */
	size_t count;
	int64_t resolve_time; /* nanoseconds */
	int64_t begin; /* on CLOCK_MONOTONIC; 0: never begun */
	int64_t end;
	/* of the sweep's own */
	struct sweep *sweep;
	size_t waiting; /* visits that have not begun */
	size_t running; /* or are being resolved */
	bool resolving;
};

struct sweep_settings {
	struct probe_settings probe;
	unsigned concurrency; /* sockets at the same time */
	int family; /* AF_UNSPEC, AF_INET, AF_INET6 */
	bool first_only; /* one address of each */
	int64_t target_timeout; /* nanoseconds for resolving, and again for each address */
	int64_t deadline; /* on CLOCK_MONOTONIC */
	bool (*cancelled)(void *userdata); /* asked several times a second */
	void *userdata;
};

/* Fills targets, whose endpoint is set and all else zero. What could not be done is in their findings. 0; -ECANCELED,
 * -ENOMEM or what the system says with an error. Blocks until all is done or the deadline comes. */
int sweep(const struct sweep_settings *settings, struct target *targets, size_t count, struct error *error);

void targets_free(struct target *targets, size_t count);

#endif
