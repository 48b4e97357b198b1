/* SPDX-License-Identifier: Apache-2.0 */
#include "walk.h"
#include "answer.h"
#include "dname.h"
#include "referral.h"

#include "base/clock.h"
#include "base/random.h"

enum {
	AT_ONCE = 3, /* servers of a zone that are asked side by side */
	STEPS_MAX = 130, /* names have at most 127 labels */
};

static int find_zone(struct walk *walk, const ldns_rdf *name, unsigned depth, struct walk_zone *zone,
	struct endpoints *current, struct error *error);

/* ---- Asking ---- */

static struct exchange_query make_query(const union address *server, const ldns_rdf *name, ldns_rr_type type)
{
	return (struct exchange_query){.server = server,
		.name = ldns_rdf_data(name),
		.name_size = ldns_rdf_size(name),
		.type = (uint16_t)type};
}

/* Whether more may be asked. */
static int may_ask(struct walk *walk, size_t count, struct error *error)
{
	const struct exchange_limits *limits = walk->limits;

	if (walk->budget < count)
		return error_set(error, -ELOOP, "gave up after %d questions: the delegations lead in circles",
			WALK_BUDGET);
	if (clock_ns(CLOCK_MONOTONIC) >= limits->deadline ||
		(limits->cancelled && limits->cancelled(limits->userdata)))
		return error_set(error, -ETIMEDOUT, "time ran out on the way down from the parent's servers");
	walk->budget -= (unsigned)count;
	return 0;
}

/* What is done with an answer: 0 goes on to the next one; anything else ends it and is returned. */
typedef int (*use_t)(void *userdata, const struct endpoint *server, const struct answer *answer);

/* Asks count servers, from the one numbered first on, side by side. */
static int ask_some(struct walk *walk, const struct endpoints *servers, size_t first, size_t count,
	const ldns_rdf *name, ldns_rr_type type, use_t use, void *userdata, struct error *error)
{
	struct exchange_query queries[AT_ONCE];
	int r = may_ask(walk, count, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		queries[i] = make_query(&servers->list[(first + i) % servers->count].address, name, type);
	r = exchange_run(queries, count, walk->limits);
	for (size_t i = 0; i < count; i++) {
		struct answer answer = ANSWER_INIT;

		if (r == 0 && queries[i].outcome == EXCHANGE_ANSWERED) {
			r = answer_read(&answer, queries[i].answer, queries[i].answer_size, name, type);
			if (r == 0)
				r = use(userdata, &servers->list[(first + i) % servers->count], &answer);
			answer_done(&answer);
		}
		exchange_query_done(&queries[i]);
	}
	return r;
}

/* Asks the servers, AT_ONCE at a time, until use() has what it wants. They begin at a random one: hosts of a fleet shall not
 * all ask the same. */
static int ask(struct walk *walk, const struct endpoints *servers, const ldns_rdf *name, ldns_rr_type type,
	use_t use, void *userdata, struct error *error)
{
	size_t first = random_below(servers->count);
	int r = 0;

	for (size_t i = 0; r == 0 && i < servers->count; i += AT_ONCE)
		r = ask_some(walk, servers, first + i, MIN(servers->count - i, (size_t)AT_ONCE), name, type,
			use, userdata, error);
	return r;
}

/* ---- Addresses of name servers ---- */

struct lookup {
	struct addresses *addresses;
	const struct walk *walk;
};

static void add_address(const struct walk *walk, struct addresses *addresses, const ldns_rr *rr)
{
	const ldns_rdf *value = ldns_rr_rd_count(rr) == 1 ? ldns_rr_rdf(rr, 0) : NULL;
	union address address = {0};

	if (!value || addresses->count == RESOLVE_ADDRESSES_MAX)
		return;
	if (ldns_rdf_get_type(value) == LDNS_RDF_TYPE_A && walk->family != AF_INET6) {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons(walk->port);
		memcpy(&address.v4.sin_addr, ldns_rdf_data(value), 4);
	} else if (ldns_rdf_get_type(value) == LDNS_RDF_TYPE_AAAA && walk->family != AF_INET) {
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons(walk->port);
		memcpy(&address.v6.sin6_addr, ldns_rdf_data(value), 16);
	} else {
		return;
	}
	for (size_t i = 0; i < addresses->count; i++)
		if (endpoint_same(&addresses->list[i], &address))
			return;
	addresses->list[addresses->count++] = address;
}

static void add_list(const struct walk *walk, struct addresses *addresses, const ldns_rr_list *list)
{
	for (size_t i = 0; list && i < ldns_rr_list_rr_count(list); i++)
		add_address(walk, addresses, ldns_rr_list_rr(list, i));
}

static int use_addresses(void *userdata, const struct endpoint *server, const struct answer *answer)
{
	struct lookup *lookup = userdata;

	(void)server;
	if (!answer->authoritative)
		return 0;
	add_list(lookup->walk, lookup->addresses, answer->records);
	return 1;
}

/* The addresses of a name, from the authorities of its zone. None found is no error. */
static int look_up(struct walk *walk, const ldns_rdf *name, unsigned depth, struct addresses *addresses,
	struct error *error)
{
	struct lookup lookup = {addresses, walk};
	struct endpoints servers = ENDPOINTS_INIT;
	struct walk_zone *zone;
	int r;

	if (depth == WALK_DEPTH_MAX)
		return 0;
	zone = calloc(1, sizeof(*zone));
	if (!zone)
		return -ENOMEM;
	r = find_zone(walk, name, depth + 1, zone, &servers, NULL);
	if (r == 0)
		r = ask(walk, &servers, name, LDNS_RR_TYPE_A, use_addresses, &lookup, error);
	if (r >= 0)
		r = ask(walk, &servers, name, LDNS_RR_TYPE_AAAA, use_addresses, &lookup, error);
	endpoints_done(&servers);
	walk_zone_done(zone);
	free(zone);
	return r == -ENOMEM || r == -ELOOP || r == -ETIMEDOUT ? r : 0;
}

/* ---- Servers of a zone ---- */

static void server_done(struct walk_server *server)
{
	ldns_rdf_deep_free(server->name);
	ldns_rr_list_deep_free(server->glue);
}

static void drop_servers(struct walk_zone *zone)
{
	for (size_t i = 0; i < zone->server_count; i++)
		server_done(&zone->servers[i]);
	zone->server_count = zone->left_out = 0;
}

void walk_zone_done(struct walk_zone *zone)
{
	drop_servers(zone);
	ldns_rdf_deep_free(zone->zone);
	ldns_rdf_deep_free(zone->parent);
	endpoints_done(&zone->parents);
	*zone = (struct walk_zone){0};
}

/* The server of that name; made when it isn't there. NULL: there are too many, which is counted, or memory ran out. */
static struct walk_server *server_of(struct walk_zone *zone, const ldns_rdf *name)
{
	for (size_t i = 0; i < zone->server_count; i++)
		if (ldns_dname_compare(zone->servers[i].name, name) == 0)
			return &zone->servers[i];
	if (zone->server_count == WALK_NAMES_MAX) {
		zone->left_out++;
		return NULL;
	}
	zone->servers[zone->server_count] = (struct walk_server){.name = ldns_rdf_clone(name)};
	if (!zone->servers[zone->server_count].name)
		return NULL;
	return &zone->servers[zone->server_count++];
}

/* Takes the servers that NS records of that owner name. */
static int take_servers(struct walk_zone *zone, const ldns_rr_list *list, const ldns_rdf *owner,
	const struct answer *referral)
{
	for (size_t i = 0; list && i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		struct walk_server *server;

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_NS || ldns_rr_rd_count(rr) != 1 ||
			ldns_dname_compare(ldns_rr_owner(rr), owner) != 0)
			continue;
		server = server_of(zone, ldns_rr_rdf(rr, 0));
		if (!server)
			continue;
		server->in_parent |= referral != NULL;
		server->in_zone |= referral == NULL;
		if (!referral || server->glue)
			continue;
		server->glue = referral_glue(referral, server->name);
		if (!server->glue)
			return -ENOMEM;
	}
	return 0;
}

static int find_addresses(struct walk *walk, struct walk_zone *zone, unsigned depth, struct error *error)
{
	for (size_t i = 0; i < zone->server_count; i++) {
		struct walk_server *server = &zone->servers[i];
		int r;

		add_list(walk, &server->addresses, server->glue);
		/* Glue is for servers below the zone; elsewhere it is hearsay, but good enough to ask there. */
		if (server->addresses.count)
			continue;
		r = look_up(walk, server->name, depth, &server->addresses, error);
		if (r < 0)
			return r;
	}
	return 0;
}

int walk_endpoints(const struct walk_zone *zone, struct endpoints *endpoints)
{
	char host[DNAME_TEXT_SIZE];
	int r = 0;

	for (size_t i = 0; i < zone->server_count; i++)
		for (size_t k = 0; r == 0 && k < zone->servers[i].addresses.count; k++)
			r = endpoints_add(endpoints, GROUP_AUTHORITY, &zone->servers[i].addresses.list[k],
				dname_text(zone->servers[i].name, host));
	return r;
}

/* ---- The way down ---- */

struct descent {
	struct walk_zone *zone;
	const ldns_rdf *target; /* the name, or what is left of it behind an alias */
	enum referral_kind kind;
};

static int replace(ldns_rdf **name, const ldns_rdf *by)
{
	ldns_rdf *copy = ldns_rdf_clone(by);

	if (!copy)
		return -ENOMEM;
	ldns_rdf_deep_free(*name);
	*name = copy;
	return 0;
}

static int go_down(struct walk_zone *zone, const ldns_rdf *child, const struct answer *answer)
{
	int r = replace(&zone->parent, zone->zone);

	if (r == 0)
		r = replace(&zone->zone, child);
	if (r < 0)
		return r;
	drop_servers(zone);
	return take_servers(zone, ldns_pkt_authority(answer->packet), zone->zone, answer);
}

static int use_step(void *userdata, const struct endpoint *server, const struct answer *answer)
{
	struct descent *descent = userdata;
	struct walk_zone *zone = descent->zone;
	const ldns_rdf *found = NULL;
	int r = 0;

	(void)server;
	descent->kind = referral_read(answer, descent->target, zone->zone, &found);
	if (descent->kind == REFERRAL_DOWN) {
		r = go_down(zone, found, answer);
	} else if (descent->kind == REFERRAL_APEX) {
		zone->confirmed = true;
		/* The parent's servers serve the zone as well: nobody ever sees its delegation. */
		if (ldns_dname_compare(found, zone->zone) != 0) {
			ldns_rdf_deep_free(zone->parent);
			zone->parent = NULL;
			drop_servers(zone);
			r = replace(&zone->zone, found);
		}
	}
	return r < 0 ? r : descent->kind != REFERRAL_USELESS;
}

static int use_ns(void *userdata, const struct endpoint *server, const struct answer *answer)
{
	struct walk_zone *zone = userdata;
	int r;

	(void)server;
	if (!answer->authoritative || answer->kind != ANSWER_RECORDS)
		return 0;
	r = take_servers(zone, answer->records, zone->zone, NULL);
	return r < 0 ? r : 1;
}

/* The zone's own list of its servers, beside that of the delegation. servers: those that are known so far. */
static int complete(
	struct walk *walk, struct walk_zone *zone, const struct endpoints *servers, struct error *error)
{
	int r = ask(walk, servers, zone->zone, LDNS_RR_TYPE_NS, use_ns, zone, error);

	return r < 0 ? r : find_addresses(walk, zone, 0, error);
}

/* Behind a delegation: its servers are those to ask next. */
static int follow(struct walk *walk, struct walk_zone *zone, struct endpoints *current, unsigned depth,
	struct error *error)
{
	int r = find_addresses(walk, zone, depth, error);

	if (r < 0)
		return r;
	endpoints_done(&zone->parents);
	zone->parents = *current;
	*current = (struct endpoints)ENDPOINTS_INIT;
	return walk_endpoints(zone, current);
}

static int nobody(const struct walk_zone *zone, const ldns_rdf *target, struct error *error)
{
	char name[DNAME_TEXT_SIZE], here[DNAME_TEXT_SIZE];

	return error_set(error, -EHOSTUNREACH,
		"no server of the zone %s gives a usable answer about %s: are its servers reachable from "
		"here, and does this host allow DNS to any server?",
		dname_text(zone->zone, here), dname_text(target, name));
}

/* Goes down until the zone is found; current are the servers to ask first, and in the end those of the zone. */
static int descend(struct walk *walk, const ldns_rdf *name, unsigned depth, struct walk_zone *zone,
	struct endpoints *current, struct error *error)
{
	_cleanup_dname_ ldns_rdf *target = ldns_rdf_clone(name);

	for (unsigned i = 0; target && i < STEPS_MAX; i++) {
		struct descent descent = {zone, target, REFERRAL_USELESS};
		int r = ask(walk, current, target, LDNS_RR_TYPE_SOA, use_step, &descent, error);
		ldns_rdf *rest;

		if (r < 0)
			return r;
		switch (descent.kind) {
		case REFERRAL_APEX:
			return 0;
		case REFERRAL_USELESS:
			/* Behind a delegation, all its servers are dead or lame; that is for the check to say. */
			return zone->parent ? 0 : nobody(zone, target, error);
		case REFERRAL_DOWN:
			r = follow(walk, zone, current, depth, error);
			if (r < 0)
				return r;
			break;
		case REFERRAL_ALIAS:
			rest = ldns_dname_left_chop(target);
			if (!rest || !referral_within(rest, zone->zone)) {
				ldns_rdf_deep_free(rest);
				return nobody(zone, target, error);
			}
			ldns_rdf_deep_free(target);
			target = rest;
		}
	}
	return target ? error_set(error, -ELOOP, "the delegations do not end") : -ENOMEM;
}

/* Fills in zone, and the addresses that answer for it. */
static int find_zone(struct walk *walk, const ldns_rdf *name, unsigned depth, struct walk_zone *zone,
	struct endpoints *current, struct error *error)
{
	int r = 0;

	zone->zone = ldns_dname_new_frm_str(".");
	if (!zone->zone)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < walk->roots->count; i++)
		r = endpoints_add(current, GROUP_AUTHORITY, &walk->roots->list[i].address, NULL);
	return r < 0 ? r : descend(walk, name, depth, zone, current, error);
}

int walk_find(struct walk *walk, const ldns_rdf *name, struct walk_zone *ret_zone, struct error *error)
{
	struct endpoints servers = ENDPOINTS_INIT;
	int r;

	*ret_zone = (struct walk_zone){0};
	walk->budget = WALK_BUDGET;
	r = find_zone(walk, name, 0, ret_zone, &servers, error);
	if (r == 0 && ret_zone->confirmed)
		r = complete(walk, ret_zone, &servers, error);
	endpoints_done(&servers);
	if (r < 0)
		walk_zone_done(ret_zone);
	return r;
}
