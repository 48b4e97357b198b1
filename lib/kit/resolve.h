/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every address of a name (c-ares): from /etc/hosts, then from the servers of /etc/resolv.conf. Unlike
 * getaddrinfo(3) it gives up at a deadline, and when it is told to.
 */
#ifndef KIT_RESOLVE_H
#define KIT_RESOLVE_H

#include "base/error.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	RESOLVE_ADDRESSES_MAX = 64, /* of one name; what is beyond is left out */
	RESOLVE_TEXT_SIZE = INET6_ADDRSTRLEN + 8, /* "[2001:db8::1]:65535" and its NUL */
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Each address once, sorted: IPv4 before IPv6, then by their bytes. */
struct addresses {
	size_t count;
	union address list[RESOLVE_ADDRESSES_MAX];
};

struct resolve_request {
	const char *host; /* a name or an address, IPv6 without brackets */
	uint16_t port; /* put into each address; host byte order */
	int family; /* AF_UNSPEC, AF_INET or AF_INET6 */
	int64_t deadline; /* on CLOCK_MONOTONIC, in nanoseconds */
	bool (*cancelled)(void *userdata); /* asked ten times a second; NULL: never */
	void *userdata;
};

/*
 * Blocks until the answer is there. 0 with at least one address, or a negative errno with an error that names the
 * host: -ENOENT (no such name, or it has no address of that family), -ETIMEDOUT, -ECANCELED, -EHOSTUNREACH (no
 * server answers, or they refuse), -EINVAL (not a name), -ENOMEM. May be called on many threads at once.
 */
int resolve(const struct resolve_request *request, struct addresses *ret_addresses, struct error *error);

/* Bytes of the address as the sockets API wants them. */
socklen_t address_size(const union address *address);

/* "192.0.2.1" or "2001:db8::1"; with the port "192.0.2.1:443" or "[2001:db8::1]:443". Return buffer. */
char *address_text(char buffer[static RESOLVE_TEXT_SIZE], const union address *address);
char *address_text_port(char buffer[static RESOLVE_TEXT_SIZE], const union address *address);

#endif
