/* SPDX-License-Identifier: Apache-2.0 */
/* What the output says in its own name: the checks, the agent, and itself. */
#ifndef PROMETHEUS_OWN_H
#define PROMETHEUS_OWN_H

#include "picture.h"
#include "writer.h"

/* Answers by what they were. */
enum scrape_code {
	SCRAPE_200,
	SCRAPE_400,
	SCRAPE_401,
	SCRAPE_403,
	SCRAPE_404,
	SCRAPE_405,
	SCRAPE_503,
	SCRAPE_CODES,
};

/* Why a connection was ended before its time. */
enum scrape_drop {
	DROP_PEER, /* the peer had as many as it may have */
	DROP_FULL, /* all were taken */
	DROP_TIME, /* it was too slow */
	DROP_MEMORY, /* it was slow, and others needed the memory */
	DROPS,
};

/* Counted by the listener, from its start on. */
struct scrape_counters {
	uint64_t answers[SCRAPE_CODES];
	uint64_t drops[DROPS];
	uint64_t bytes; /* of answers with metrics, compressed or not */
	uint64_t renderings;
	double render_seconds; /* all of them */
	size_t connections;
};

/* The picture must be locked. */
void own_write(struct writer *writer, const struct picture *picture, bool agent_info, int64_t now,
	const struct scrape_counters *counters);

#endif
