/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many questions to many servers at once, over one poll(). Each goes over UDP with EDNS, again when nothing comes, the
 * last time without EDNS, and over TCP when the answer was cut short. Only an answer from the address that was
 * asked, with the id and the question of this try, counts; each try has a random id and a socket, so a random port, of
 * its own. Bounded in sockets, in strange messages a try, and in time: a server that trickles gets no more of it.
 */
#ifndef DNS_EXCHANGE_H
#define DNS_EXCHANGE_H

#include "kit/resolve.h"

enum exchange_outcome {
	EXCHANGE_UNASKED = 0, /* time ran out, or it was cancelled, before the server had its whole chance */
	EXCHANGE_ANSWERED,
	EXCHANGE_TIMEOUT,
	EXCHANGE_FAILED, /* error says why: ECONNREFUSED, EHOSTUNREACH, … */
	EXCHANGE_STRANGE, /* messages came, but none of them answers the question */
	EXCHANGE_TRUNCATED, /* cut short over UDP, and TCP gave nothing; error says why, ETIMEDOUT among others */
};

enum {
	EXCHANGE_SOCKETS_MAX = 64, /* open at the same time, of one call */
	EXCHANGE_STRANGERS_MAX = 64, /* messages that answer something else, before a try is given up */
};

struct exchange_query {
	/* What is asked; borrowed, must outlast the call. */
	const union address *server;
	const uint8_t *name; /* wire form */
	size_t name_size;
	uint16_t type;
	bool recurse;
	bool dnssec; /* asks for signatures */
	bool checking_disabled;
	bool tcp; /* TCP only */

	/* What became of it. */
	enum exchange_outcome outcome;
	int error; /* positive errno */
	uint8_t *answer; /* owned: exchange_query_done() */
	size_t answer_size;
	int64_t latency; /* of the try that was answered, nanoseconds */
	unsigned tries;
	unsigned strangers; /* messages that were thrown away */
	bool over_tcp; /* the answer came over TCP */
	bool without_edns; /* the answer came only once EDNS was left out */
};

struct exchange_limits {
	int64_t deadline; /* CLOCK_MONOTONIC, nanoseconds */
	int64_t timeout; /* of one try */
	unsigned tries; /* over UDP; at least 1 */
	bool (*cancelled)(void *userdata); /* asked ten times a second; NULL: never */
	void *userdata;
};

/* Asks all of them and blocks until each has its outcome, at the latest at the deadline. 0 or -ENOMEM. */
int exchange_run(struct exchange_query *queries, size_t count, const struct exchange_limits *limits);

void exchange_query_done(struct exchange_query *query);

#endif
