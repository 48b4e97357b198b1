/* SPDX-License-Identifier: Apache-2.0 */
/* The name servers of a resolv.conf(5): all of them, also those beyond the three that the C library asks. */
#ifndef DNS_RESOLVCONF_H
#define DNS_RESOLVCONF_H

#include "base/error.h"

enum {
	RESOLVCONF_SERVERS_MAX = 16,
	RESOLVCONF_SIZE_MAX = 64 * 1024,
	RESOLVCONF_ADDRESS_SIZE = 64,
};

struct resolvconf {
	size_t count;
	char servers[RESOLVCONF_SERVERS_MAX]
		    [RESOLVCONF_ADDRESS_SIZE]; /* as they are written, without duplicates */
};

/* Reads its text. -ENOENT: it names no server; -EINVAL: a server is not an address, or there are too many; the error
 * names the line. */
int resolvconf_parse(const char *text, struct resolvconf *ret, struct error *error);

/* Reads the file. Errors name the path. */
int resolvconf_read(const char *path, struct resolvconf *ret, struct error *error);

#endif
