/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider of leases does; see lease.h. */
#ifndef SWAP_LEASE_PROVIDER_H
#define SWAP_LEASE_PROVIDER_H

#include "lease.h"

struct lease_provider {
	const char *name;
	int (*judge)(const struct lease_settings *settings, struct error *error);
	int (*take)(const struct lease_settings *settings, const char *holder, int64_t deadline,
		struct lease *ret_lease, struct error *error);
	int (*give)(const struct lease_settings *settings, const char *holder, int64_t deadline,
		struct error *error);
};

extern const struct lease_provider lease_file;
extern const struct lease_provider lease_fleetlock;

#endif
