/* SPDX-License-Identifier: Apache-2.0 */
/* Where questions go: addresses with the name by which people know them. Each one once, bounded in number. */
#ifndef DNS_ENDPOINT_H
#define DNS_ENDPOINT_H

#include "kit/resolve.h"

enum {
	ENDPOINTS_MAX = 64, /* servers of one check */
	ENDPOINT_LABEL_SIZE = 256 + RESOLVE_TEXT_SIZE,
	DNS_PORT = 53,
};

/* Why it is asked. */
enum endpoint_group {
	GROUP_SERVER, /* listed in the configuration */
	GROUP_RESOLV_CONF,
	GROUP_AUTHORITY, /* of the zone, found from its delegation */
};

struct endpoint {
	enum endpoint_group group;
	union address address;
	char *label; /* "192.0.2.1", "192.0.2.1:5353", "ns1.example.com/192.0.2.1" */
};

struct endpoints {
	struct endpoint *list;
	size_t count;
	size_t room;
	size_t left_out; /* beyond ENDPOINTS_MAX */
};

#define ENDPOINTS_INIT \
	{ \
		NULL, 0, 0, 0 \
	}

/* Adds an address, unless the group has it already. host: its name; NULL: none. 0 or -ENOMEM. */
int endpoints_add(struct endpoints *endpoints, enum endpoint_group group, const union address *address,
	const char *host);

/* Splits "ADDRESS", "ADDRESS:PORT", "[ADDRESS]:PORT", "NAME" or "NAME:PORT". -EINVAL with an error that quotes it. */
int endpoint_parse(
	const char *text, uint16_t default_port, char **ret_host, uint16_t *ret_port, struct error *error);

/* Fills in an address that host writes, a scope ("%eth0") included. False: host is not an address. */
bool endpoint_address(const char *host, uint16_t port, union address *ret_address);

bool endpoint_same(const union address *a, const union address *b);

void endpoints_done(struct endpoints *endpoints);

#endif
