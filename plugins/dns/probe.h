/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of one run, with their answers: rounds of them, asked all at once. */
#ifndef DNS_PROBE_H
#define DNS_PROBE_H

#include "answer.h"
#include "endpoint.h"
#include "exchange.h"

/* What a question is for. */
enum aspect {
	ASPECT_RECORD, /* the record that the check is about */
	ASPECT_TCP, /* the same over TCP alone */
	ASPECT_UNCHECKED, /* the same without validation, after a SERVFAIL */
	ASPECT_SOA, /* of the zone */
	ASPECT_DNSKEY, /* of the zone */
	ASPECT_DS, /* of the zone, at the parent */
	ASPECT_GLUE, /* the addresses of a name server, from the zone */
};

enum {
	PROBES_MAX = 512, /* questions of one run */
};

struct probe {
	enum aspect aspect;
	const struct endpoint *endpoint;
	const ldns_rdf *name;
	ldns_rr_type type;
	bool asked;
	struct exchange_query query;
	struct answer answer; /* garbage unless query.outcome is EXCHANGE_ANSWERED */
};

struct probes {
	struct probe *list[PROBES_MAX];
	size_t count;
};

/* Adds a question; endpoint and name are borrowed until probes_done(). The flags of its query may be set until it is
 * asked. NULL: no memory, or too many. */
struct probe *probes_add(struct probes *probes, enum aspect aspect, const struct endpoint *endpoint,
	const ldns_rdf *name, ldns_rr_type type);

/* Asks those that have not been asked. Blocks. 0 or -ENOMEM. */
int probes_ask(struct probes *probes, const struct exchange_limits *limits);

/* The question of that aspect to that server; NULL: there is none. */
const struct probe *probes_find(
	const struct probes *probes, enum aspect aspect, const struct endpoint *endpoint);

/* Whether a readable answer came. */
bool probe_answered(const struct probe *probe);

void probes_done(struct probes *probes);

#endif
