/* SPDX-License-Identifier: Apache-2.0 */
/* How often CPUs were slowed down for their heat: a counter a core and a package, found by the topology. */
#ifndef HOST_THROTTLE_H
#define HOST_THROTTLE_H

#include "scanned.h"

struct throttle {
	struct scanned scanned; /* first: what a scan is handed is a pointer to it */
	/* What was added by this scan: CPUs share cores, and cores packages. */
	struct {
		double package;
		double core;
	} * cores;
	size_t count;
	size_t room;
};

void throttle_done(struct throttle *throttle);

/* 0 or a negative errno. */
int throttle_collect(struct throttle *throttle, struct collection *collection);

#endif
