/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the zone that a name belongs to, its delegation and all of its authorities, as a resolver does: from the servers
 * of a parent downwards, without caches. Each referral must lead closer to the name, addresses of name servers are looked
 * up to a bounded depth, and all of it has a budget of questions: referrals in circles come to an end.
 */
#ifndef DNS_WALK_H
#define DNS_WALK_H

#include "endpoint.h"
#include "exchange.h"

#include <ldns/ldns.h>

enum {
	WALK_DEPTH_MAX = 4, /* name servers whose addresses need name servers whose addresses … */
	WALK_BUDGET = 400, /* questions of one walk */
	WALK_NAMES_MAX = 32, /* name servers of one zone */
};

struct walk {
	const struct endpoints *roots; /* where it begins */
	uint16_t port; /* of the name servers that it finds */
	int family; /* AF_UNSPEC, AF_INET, AF_INET6: addresses of others are left out */
	const struct exchange_limits *limits;
	unsigned budget;
};

/* A name server of the zone. */
struct walk_server {
	ldns_rdf *name;
	bool in_parent; /* the delegation names it */
	bool in_zone; /* the zone's own NS records name it */
	ldns_rr_list *glue; /* addresses that came with the delegation; may be NULL */
	struct addresses addresses; /* those that are asked: the glue, or what the name has */
};

struct walk_zone {
	ldns_rdf *zone; /* its name */
	ldns_rdf *parent; /* the zone that delegates to it; NULL: the delegation can't be seen */
	bool confirmed; /* one of its servers said that it serves this zone */
	struct endpoints parents; /* servers of the parent */
	struct walk_server servers[WALK_NAMES_MAX];
	size_t server_count;
	size_t left_out; /* name servers beyond WALK_NAMES_MAX */
};

/* Blocks. 0; -EHOSTUNREACH, -ELOOP or -ETIMEDOUT with an error that says where it ended; -ENOMEM. */
int walk_find(struct walk *walk, const ldns_rdf *name, struct walk_zone *ret_zone, struct error *error);

/* Adds all addresses of the zone's servers to endpoints, as authorities. */
int walk_endpoints(const struct walk_zone *zone, struct endpoints *endpoints);

void walk_zone_done(struct walk_zone *zone);

#endif
