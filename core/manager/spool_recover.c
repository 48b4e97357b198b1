/* SPDX-License-Identifier: Apache-2.0 */
/* What an earlier run left in the spool's folder. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/manager/spool_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int compare_streams(const void *a, const void *b)
{
	uint64_t x = ((const struct segment *)a)->stream, y = ((const struct segment *)b)->stream;

	return (x > y) - (x < y);
}

static void set_aside(struct spool *spool, const char *name, const char *why)
{
	char aside[64];

	snprintf(aside, sizeof aside, "%.40s.damaged", name);
	log_error("spool: %s: %s; set aside as %s", name, why, aside);
	if (renameat(spool->folder, name, spool->folder, aside) < 0)
		log_error("spool: cannot rename %s: %s", name, strerror(errno));
}

/* A segment that was being thinned when the agent died: the old one is there, whole. */
static void remove_unfinished(struct spool *spool, const char *name)
{
	if (startswith(name, "segment-") && strlen(name) > 4 && streq(name + strlen(name) - 4, ".new"))
		unlinkat(spool->folder, name, 0);
}

/* By the wall clock, once: from here on CLOCK_BOOTTIME counts, which nobody sets. */
static int64_t written_at(const struct spool *spool, const struct segment *segment)
{
	int64_t age_ms = spool->unix_ms() - segment->newest_ms;

	age_ms = MAX((int64_t)0, MIN(age_ms, INT64_MAX / (4 * NSEC_PER_MSEC)));
	return spool->boot_ns() - age_ms * NSEC_PER_MSEC;
}

/* Those that some output had already are among them: who had which is not known yet. */
static void tell_lost(struct spool *spool, const struct segment *lost)
{
	struct loss loss = {
		.first_seq = lost->first_seq,
		.last_seq = lost->last_seq,
		.counts = {lost->samples, lost->results, lost->events},
		.cause = DROP_DAMAGE,
	};

	if (lost->records == 0)
		return;
	spool_count_loss(spool, &loss);
	spool_tell_later(spool, &loss);
}

static int recover_segment(struct spool *spool, const char *name)
{
	struct segment segment, lost;
	uint64_t stream;
	int r;

	if (segment_parse_name(name, &stream) < 0) {
		remove_unfinished(spool, name);
		return 0;
	}
	spool->next_stream = MAX(spool->next_stream, stream + 1);
	r = segment_recover(spool->folder, stream, &segment, &lost);
	tell_lost(spool, &lost);
	if (r == -ENODATA) {
		log_notice("spool: %s: removed, it was never finished", name);
		unlinkat(spool->folder, name, 0);
		return 0;
	}
	if (r < 0) {
		set_aside(spool, name,
			r == -EBADMSG ? "not a segment, or its header is damaged" : strerror(-r));
		spool->damaged = true;
		return 0;
	}
	spool->damaged |= r > 0;
	if (GROW(spool->segments, spool->count, spool->room) < 0)
		return -ENOMEM;
	segment.written_ns = written_at(spool, &segment);
	spool->segments[spool->count++] = segment;
	return 0;
}

/* Where the last start left off: an empty segment has nothing to keep but the number to go on with, and the
 * id under which it counts. */
static void drop_empty(struct spool *spool)
{
	size_t kept = 0;

	for (size_t i = 0; i < spool->count; i++) {
		struct segment *segment = &spool->segments[i];
		char name[32];

		if (segment->records > 0) {
			spool->segments[kept++] = *segment;
			continue;
		}
		segment_file_name(segment->stream, name);
		unlinkat(spool->folder, name, 0);
	}
	spool->count = kept;
}

/* A segment that took up the Loss records of the one before it begins where that one did; a crash then left both. */
static void drop_taken_up(struct spool *spool)
{
	size_t kept = 0;

	for (size_t i = 0; i < spool->count; i++) {
		struct segment *segment = &spool->segments[i], *next = segment + 1;
		char name[32];

		if (i + 1 < spool->count && segment->thinned == THINNED_ALL && next->thinned == THINNED_ALL &&
			next->begin_seq <= segment->begin_seq) {
			segment_file_name(segment->stream, name);
			unlinkat(spool->folder, name, 0);
			continue;
		}
		spool->segments[kept++] = *segment;
	}
	spool->count = kept;
}

/* seq rises over segments too. One that does not fit was copied in from elsewhere. */
static void drop_misfits(struct spool *spool)
{
	size_t kept = 0;

	for (size_t i = 0; i < spool->count; i++) {
		struct segment *segment = &spool->segments[i];
		char name[32];

		segment_file_name(segment->stream, name);
		if (segment->first_seq < spool->next_seq) {
			set_aside(spool, name, "its records do not follow those before it");
			continue;
		}
		spool->next_seq = segment->last_seq + 1;
		spool->segments[kept++] = *segment;
	}
	spool->count = kept;
}

int spool_recover(struct spool *spool)
{
	int r = spool_open_folder(spool), copy;
	uint64_t next_seq = 1;
	const struct segment *last;
	struct dirent *entry;
	DIR *dir;

	if (r < 0) {
		spool_disk_failed(spool, "opening the folder", r);
		return 0;
	}
	copy = fcntl(spool->folder, F_DUPFD_CLOEXEC, 0);
	dir = copy >= 0 ? fdopendir(copy) : NULL;
	if (!dir) {
		fd_close(copy);
		return 0;
	}
	while (r == 0 && (entry = readdir(dir)))
		r = recover_segment(spool, entry->d_name);
	closedir(dir);
	if (r < 0)
		return r;
	if (spool->count > 1)
		qsort(spool->segments, spool->count, sizeof *spool->segments, compare_streams);
	last = spool->count ? &spool->segments[spool->count - 1] : NULL;
	if (spool->damaged)
		spool->findings |= SPOOL_DAMAGED;
	/* After damage nobody knows which numbers were given out and acknowledged, and what a clone goes on with is another
	 * story than the original's: count under a new id. */
	if (last && !spool->findings)
		memcpy(spool->id, last->spool_id, sizeof spool->id);
	if (last)
		next_seq = last->begin_seq;
	drop_empty(spool);
	drop_taken_up(spool);
	drop_misfits(spool);
	/* What was handed out but is not there any more (a disk that lost what it had promised) keeps its number. */
	spool->next_seq = MAX(MAX(spool->next_seq, next_seq), spool_state_sent(spool) + 1);
	spool->recovered_seq = spool->next_seq - 1;
	return 0;
}
