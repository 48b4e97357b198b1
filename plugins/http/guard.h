/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a server may send us. Whoever answers a check could have it ask what only this host can reach: its own
 * loopback, or the cloud's metadata service, whose answers are credentials.
 */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

enum reach {
	REACH_ANY,
	REACH_LOOPBACK,
	REACH_LINK_LOCAL, /* and the addresses of metadata services that lie elsewhere */
};

enum reach address_reach(const struct sockaddr *address);
/* The same of a host in a URL, IPv6 with brackets or without; names are REACH_ANY, but for localhost. */
enum reach host_reach(const char *host);

#endif
