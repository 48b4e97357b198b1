/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds of the spool, and what goes at them. */
#include "base/clock.h"
#include "base/log.h"
#include "core/manager/spool_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define MEMORY_MAX_BYTES (UINT64_C(8) << 20)
#define STEPS 4 /* of a flush: each reads a segment, and may write one */
#define SEGMENTS_MAX 1024 /* thinned ones are small: their number must not grow for ever */

bool spool_anyone_behind(const struct spool *spool, const struct segment *segment)
{
	for (size_t i = 0; i < spool->cursor_count; i++)
		if (spool->cursors[i]->seq < segment->last_seq)
			return true;
	return false;
}

uint64_t spool_bytes_in(const struct spool *spool, bool in_memory)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < spool->count; i++)
		if (spool->segments[i].in_memory == in_memory)
			bytes += spool->segments[i].size;
	return bytes;
}

/* ---- A whole segment ---- */

/* Counts what an output had not yet had of a segment that goes. */
static void pass_cursors(struct spool *spool, const struct segment *segment)
{
	for (size_t i = 0; i < spool->cursor_count; i++) {
		struct spool_cursor *cursor = spool->cursors[i];

		if (cursor->seq >= segment->last_seq)
			continue;
		cursor->lost += cursor->seq < segment->first_seq
			? segment->records
			: MIN(segment->records, segment->last_seq - cursor->seq);
		cursor->seq = segment->last_seq;
		cursor->stream = 0;
		cursor->unsaved = true;
	}
}

/* For when it can't be thinned: it goes as it is, and the loss is told in the stream that is current now. */
static void drop_whole(struct spool *spool, size_t i, enum drop_cause cause)
{
	const struct segment gone = spool->segments[i];
	struct loss loss = {
		.first_seq = gone.first_seq,
		.last_seq = gone.last_seq,
		.counts = {gone.samples, gone.results, gone.events},
		.cause = cause,
		.time_ms = spool->unix_ms(),
	};
	bool missed = spool_anyone_behind(spool, &gone);

	if (missed)
		pass_cursors(spool, &gone);
	spool_remove_segment(spool, i);
	if (!missed)
		return;
	spool_count_loss(spool, &loss);
	spool_tell_later(spool, &loss);
	spool->unsettled = true;
}

/* ---- Steps ---- */

/* 1: done; 0: nothing to take; -errno. A segment that nobody waits for just goes. */
static int take(struct spool *spool, size_t i, enum thinning level, enum drop_cause cause)
{
	int r;

	if (!spool_anyone_behind(spool, &spool->segments[i])) {
		spool_remove_segment(spool, i);
		return 1;
	}
	r = spool_thin(spool, i, level, cause);
	if (r < 0 && !spool->thinning_failed)
		log_error("spool: cannot take records out of segment %" PRIx64 ": %s",
			spool->segments[i].stream, strerror(-r));
	spool->thinning_failed = r < 0;
	return r;
}

/* The oldest segment that can be thinned so far and was not. The current one never is. */
static bool find_for(const struct spool *spool, bool in_memory, enum thinning level, size_t *ret_i)
{
	for (size_t i = 0; i + 1 < spool->count; i++) {
		const struct segment *segment = &spool->segments[i];

		if (segment->in_memory == in_memory && segment->records > 0 &&
			segment->thinned < (int)level) {
			*ret_i = i;
			return true;
		}
	}
	return false;
}

/* Takes away what matters least. 0: it is smaller, or the next step is another; -ENODATA: there is nothing more
 * to take; -errno. */
static int step(struct spool *spool, bool in_memory, enum drop_cause cause)
{
	for (enum thinning level = THINNED_SAMPLES; level <= THINNED_ALL; level++) {
		size_t i;
		int r;

		if (!find_for(spool, in_memory, level, &i))
			continue;
		r = take(spool, i, level, cause);
		return MIN(r, 0);
	}
	return -ENODATA;
}

/* One that could not be thinned is dropped only when there is no other way. */
static void force(struct spool *spool, bool in_memory, uint64_t bound, enum drop_cause cause)
{
	for (size_t i = 0; i + 1 < spool->count && spool_bytes_in(spool, in_memory) > bound;) {
		if (spool->segments[i].in_memory == in_memory)
			drop_whole(spool, i, cause);
		else
			i++;
	}
}

static void keep_bytes(struct spool *spool, bool in_memory, uint64_t bound, int *steps)
{
	enum drop_cause cause = in_memory ? DROP_MEMORY : DROP_BOUND;
	int r = 0;

	while (r == 0 && spool_bytes_in(spool, in_memory) > bound) {
		if (*steps <= 0) {
			spool->unsettled = true;
			return;
		}
		--*steps;
		r = step(spool, in_memory, cause);
	}
	if (r < 0)
		force(spool, in_memory, bound + 2 * spool->segment_bytes, cause);
}

static void keep_count(struct spool *spool, int *steps)
{
	while (spool->count > SEGMENTS_MAX) {
		size_t i;
		bool in_memory = spool->segments[0].in_memory;

		if (*steps <= 0) {
			spool->unsettled = true;
			return;
		}
		--*steps;
		if (!find_for(spool, in_memory, THINNED_ALL, &i))
			i = 0;
		if (take(spool, i, THINNED_ALL, DROP_BOUND) < 0)
			drop_whole(spool, i, DROP_BOUND);
	}
}

static void keep_age(struct spool *spool, int *steps)
{
	int64_t now = spool->boot_ns();
	size_t i = 0;

	if (spool->max_age <= 0)
		return;
	while (i + 1 < spool->count && now - spool->segments[i].written_ns > spool->max_age) {
		struct segment *segment = &spool->segments[i];
		size_t count = spool->count;

		if (segment->thinned == THINNED_ALL || segment->records == 0) {
			i++;
			continue;
		}
		if (*steps <= 0) {
			spool->unsettled = true;
			return;
		}
		--*steps;
		if (take(spool, i, THINNED_ALL, DROP_AGE) < 0)
			return;
		if (spool->count == count)
			i++;
	}
}

/* What every output has had is not kept: the spool is a queue, not an archive. Without outputs a little is,
 * for `gavea events`. */
static void drop_delivered(struct spool *spool)
{
	if (spool->cursor_count == 0 && spool->max_bytes == UINT64_MAX)
		return; /* nobody has said yet who the outputs are */
	if (spool->cursor_count == 0) {
		uint64_t bound = MIN(spool->max_bytes, UINT64_C(4) * spool->segment_bytes);

		while (spool->count > 1 && spool_bytes_in(spool, false) > bound)
			spool_remove_segment(spool, 0);
		return;
	}
	while (spool->count > 1 && !spool_anyone_behind(spool, &spool->segments[0]))
		spool_remove_segment(spool, 0);
}

void spool_keep_bounds(struct spool *spool)
{
	int steps = STEPS;

	spool->unsettled = false;
	drop_delivered(spool);
	keep_age(spool, &steps);
	keep_bytes(spool, false, spool->max_bytes, &steps);
	keep_bytes(spool, true, MEMORY_MAX_BYTES, &steps);
	keep_count(spool, &steps);
}
