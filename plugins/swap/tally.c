/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <inttypes.h>
#include <stdio.h>

#define IN_FLIGHT \
	4 /* requests that may be counted by one and not yet told by the other, beyond open sessions */

void tally_reset(struct tally *tally)
{
	memset(tally, 0, sizeof *tally);
}

void tally_pass(const struct tally *tally, enum colour colour, struct counts_side *past)
{
	const struct counts_side *sum = &tally->sum[colour];

	past->requests += sum->requests;
	past->errors += sum->errors;
	past->aborted += sum->aborted;
	past->redispatched += sum->redispatched;
	for (int i = 0; i < COUNTS_LIMITS_MAX; i++)
		past->slow[i] += sum->slow[i];
}

/* The evidence begins anew, from this look on. */
static void begin_anew(struct tally *tally, const char *why)
{
	memset(tally->sum, 0, sizeof tally->sum);
	tally->proxied = tally->logged = 0;
	snprintf(tally->lost, sizeof tally->lost, "%s", why);
}

static void add(uint64_t *sum, uint64_t before, uint64_t now)
{
	if (now > before)
		*sum += now - before;
}

static void add_log(struct tally *tally, const struct counts_view *now)
{
	for (int c = 0; c < COLOURS; c++) {
		const struct counts_side *a = &tally->counts.side[c], *b = &now->side[c];
		struct counts_side *sum = &tally->sum[c];

		add(&sum->requests, a->requests, b->requests);
		add(&sum->errors, a->errors, b->errors);
		add(&sum->aborted, a->aborted, b->aborted);
		add(&sum->redispatched, a->redispatched, b->redispatched);
		add(&tally->logged, a->requests + a->aborted, b->requests + b->aborted);
		for (int i = 0; i < COUNTS_LIMITS_MAX; i++)
			add(&sum->slow[i], a->slow[i], b->slow[i]);
	}
}

static void add_proxy(struct tally *tally, const struct traffic_view *now)
{
	for (int c = 0; c < COLOURS; c++) {
		const struct traffic_side *a = &tally->traffic.side[c], *b = &now->side[c];

		if (a->requests < 0 || b->requests < 0)
			continue;
		add(&tally->proxied, (uint64_t)a->requests, (uint64_t)b->requests);
		if (tally->from_log)
			continue;
		add(&tally->sum[c].requests, (uint64_t)a->requests, (uint64_t)b->requests);
		if (a->errors >= 0 && b->errors >= 0)
			add(&tally->sum[c].errors, (uint64_t)a->errors, (uint64_t)b->errors);
	}
}

void tally_look(struct tally *tally, const struct counts_view *counts, const struct traffic_view *traffic)
{
	if (!traffic)
		return;
	if (tally->based && tally->generation != traffic->generation)
		begin_anew(tally, "the proxy was reloaded or restarted, its counters began anew");
	else if (tally->based && traffic->dropped_logs)
		begin_anew(tally, "the proxy lost log lines");
	else if (tally->based && counts && counts->overflows > tally->counts.overflows)
		begin_anew(tally, "the socket for the log overflowed");
	else if (tally->based) {
		if (counts)
			add_log(tally, counts);
		add_proxy(tally, traffic);
	}
	tally->based = true;
	tally->from_log = counts != NULL;
	tally->generation = traffic->generation;
	tally->traffic = *traffic;
	if (counts)
		tally->counts = *counts;
}

bool tally_is_covered(const struct tally *tally, char *why, size_t size)
{
	uint64_t open = IN_FLIGHT;

	if (!tally->based) {
		snprintf(why, size, "the proxy has not been seen in this step yet");
		return false;
	}
	if (!tally->from_log)
		return true;
	for (int c = 0; c < COLOURS; c++)
		if (tally->traffic.side[c].sessions > 0)
			open += (uint64_t)tally->traffic.side[c].sessions;
	if (tally->proxied > open &&
		(double)tally->logged < TALLY_COVERAGE * (double)(tally->proxied - open)) {
		snprintf(why, size,
			"the log has %" PRIu64 " of the %" PRIu64
			" requests that the proxy counted: is its log-format right, and does it log all?",
			tally->logged, tally->proxied);
		return false;
	}
	return true;
}
