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

/*
 * Many questions at once, on the event loop of the caller. Not for use by two threads at once; nothing here blocks but
 * the reading of /etc/hosts.
 */
struct resolver;

struct resolver_hooks {
	/* What to wait for on a socket of the resolver's; neither: it is about to be closed. */
	void (*watch)(void *userdata, int fd, bool readable, bool writable);
	void *userdata;
};

/* result: 0 with addresses, or what resolve() would return, with an error. Both are borrowed. The call may ask anew,
 * but not free the resolver. */
typedef void (*resolver_answer_t)(
	void *userdata, int result, const struct addresses *addresses, const struct error *error);

/* 0, or a negative errno with an error. */
int resolver_new(const struct resolver_hooks *hooks, struct resolver **ret_resolver, struct error *error);
/* Questions that are under way are answered with -ECANCELED. */
void resolver_free(struct resolver *resolver);
DEFINE_CLEANUP(struct resolver *, resolver_free);

/* Of the request, host, port and family count; how long to wait is the caller's matter. answer is called exactly once,
 * perhaps before this returns. */
void resolver_ask(struct resolver *resolver, const struct resolve_request *request, resolver_answer_t answer,
	void *userdata);

/* A socket is ready; or fd is -1: time has passed. */
void resolver_process(struct resolver *resolver, int fd, bool readable, bool writable);

/* Milliseconds until resolver_process() wants to be called for the time alone, at most bound. */
int resolver_patience(struct resolver *resolver, int bound);

/* Bytes of the address as the sockets API wants them. */
socklen_t address_size(const union address *address);

/* "192.0.2.1" or "2001:db8::1"; with the port "192.0.2.1:443" or "[2001:db8::1]:443". Return buffer. */
char *address_text(char buffer[static RESOLVE_TEXT_SIZE], const union address *address);
char *address_text_port(char buffer[static RESOLVE_TEXT_SIZE], const union address *address);

#endif
