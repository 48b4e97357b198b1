/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One answer, read and sorted: which kind it is, the records at the end of its chain of aliases, and what the message
 * says beside them. The bytes come from anywhere; nothing here trusts them, and nothing here touches the network.
 */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include <ldns/ldns.h>

enum answer_kind {
	ANSWER_RECORDS, /* of the type that was asked for */
	ANSWER_NODATA, /* the name is there, the type is not */
	ANSWER_ALIAS, /* a CNAME, and nothing at its end: it leads out of what the server knows */
	ANSWER_NXDOMAIN,
	ANSWER_REFERRAL, /* "ask those": the server does not serve the name */
	ANSWER_ERROR, /* SERVFAIL, REFUSED and other codes: rcode */
	ANSWER_CIRCLE, /* the chain of aliases does not end */
	ANSWER_GARBAGE, /* not a DNS message */
};

enum {
	ANSWER_ALIASES_MAX = 16,
	ANSWER_EXPLANATION_SIZE = 160,
};

struct answer {
	enum answer_kind kind;
	unsigned rcode; /* with the bits of EDNS */
	bool authoritative;
	bool authenticated;
	bool recursive; /* recursion is available */
	bool edns;
	bool stale; /* the server says that it could not refresh what it gives (RFC 8767) */
	size_t aliases; /* CNAMEs between the question and the records */
	uint32_t
		ttl; /* seconds; the shortest on the way to the records, or for how long their absence may be kept */
	ldns_rr_list *records; /* the type asked for at the end of the chain; the rrs belong to packet */
	const ldns_rr *soa; /* from either section; NULL: none. Belongs to packet */
	char explanation
		[ANSWER_EXPLANATION_SIZE]; /* extended error (RFC 8914), printable; "" when there is none */
	ldns_pkt *packet;
};

#define ANSWER_INIT \
	{ \
		.kind = ANSWER_GARBAGE \
	}

/* Reads size bytes as the answer to a question for that name and type. 0, also for garbage, or -ENOMEM. */
int answer_read(
	struct answer *answer, const uint8_t *bytes, size_t size, const ldns_rdf *name, ldns_rr_type type);

void answer_done(struct answer *answer);

/* "NOERROR", "NXDOMAIN", "SERVFAIL", …; "RCODE23" in buffer for what has no name. */
const char *answer_rcode_name(unsigned rcode, char buffer[static 16]);

/* The numbers of a SOA record; 0 when it is malformed. */
uint32_t answer_soa_serial(const ldns_rr *soa);
uint32_t answer_soa_expire(const ldns_rr *soa);

#endif
