/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leave to go forward, where not everybody may at the same time: of all apps on a host, or of all hosts of a group. It is
 * needed to go on, never to go back, and it ends by itself, so that nobody holds it for ever. To ask again for what one
 * has is to renew it.
 */
#ifndef SWAP_LEASE_H
#define SWAP_LEASE_H

#include "base/error.h"

#include <stdint.h>

struct lease_settings {
	const char *provider; /* "none", "file", "fleetlock" */
	const char *file; /* of provider file: a path on this host, for its apps to share */
	const char *url; /* of provider fleetlock: https://host, without the path */
	const char *ca_file; /* PEM; NULL: the system's authorities */
	const char *group; /* of provider fleetlock: who waits for whom; NULL: "default" */
	int64_t ttl; /* nanoseconds that a lease of provider file lasts */
};

struct lease {
	uint64_t token; /* only grows, from holder to holder; 0: the provider has none */
	int64_t ttl; /* nanoseconds from now; INT64_MAX: until it is given back */
};

/* Judges the settings; no contact is made. 0 or -EINVAL with an error that names the option. */
int lease_judge(const struct lease_settings *settings, struct error *error);

/*
 * Asks for the lease, or renews it. holder names who asks, and is the same when it asks again. 0 and the lease; -EBUSY:
 * not now, and error says who has it or what the server answered; or -errno: it could not be asked, which is no leave
 * either. Blocks up to deadline (CLOCK_MONOTONIC).
 */
int lease_take(const struct lease_settings *settings, const char *holder, int64_t deadline,
	struct lease *ret_lease, struct error *error);

/* Gives it back. 0 also when it was another's by now. Blocks up to deadline. */
int lease_give(
	const struct lease_settings *settings, const char *holder, int64_t deadline, struct error *error);

#endif
