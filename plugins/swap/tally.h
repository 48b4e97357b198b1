/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of one step: what has been added to the counters since it began. Counters are looked at again and again,
 * and only growth that both the log and the proxy tell of counts; when the proxy's counters begin anew, or its log has
 * holes, the step's evidence begins anew too.
 */
#ifndef SWAP_TALLY_H
#define SWAP_TALLY_H

#include "counts.h"
#include "traffic.h"

#define TALLY_COVERAGE 0.98

struct tally {
	struct counts_side sum[COLOURS]; /* of this step */
	uint64_t proxied; /* requests that the proxy counted in it */
	uint64_t logged; /* that its log told of */
	char lost[128]; /* why the evidence began anew last; "": it did not */

	bool based; /* there has been a look: what follows is of that */
	bool from_log;
	uint64_t generation;
	struct counts_view counts;
	struct traffic_view traffic;
};

/* Forgets all: a new step begins. */
void tally_reset(struct tally *tally);

/* Adds what a colour had in this step to what it had before. */
void tally_pass(const struct tally *tally, enum colour colour, struct counts_side *past);

/* Takes a look in. counts NULL: there is no log, and the proxy's own counters are taken. traffic NULL: the proxy was not seen. */
void tally_look(struct tally *tally, const struct counts_view *counts, const struct traffic_view *traffic);

/* Whether enough of what the proxy counted is in the log; if not, why. */
bool tally_is_covered(const struct tally *tally, char *why, size_t size);

#endif
