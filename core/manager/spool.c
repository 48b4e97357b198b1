/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/spool.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/random.h"
#include "core/manager/segments.h"
#include "core/manager/spool_internal.h"
#include "proto/report.pb-c.h"

#include <gavea/plugin.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_DISK_AFTER (10 * NSEC_PER_SEC)
#define MEMORY_MAX_BYTES (UINT64_C(8) << 20)
#define PENDING_MAX_BYTES ((size_t)8 << 20)

/* ---- Falling back to memory ---- */

static void disk_failed(struct spool *spool, const char *what, int error)
{
	if (!spool->disk_error[0])
		log_error("spool: %s in %s failed: %s; going on in memory", what, spool->folder_path,
			strerror(-error));
	snprintf(spool->disk_error, sizeof spool->disk_error, "%s: %s", what, strerror(-error));
	spool->retry_disk_at = clock_ns(CLOCK_MONOTONIC) + RETRY_DISK_AFTER;
}

/* ---- Segments ---- */

static struct segment *current(struct spool *spool)
{
	return spool->count ? &spool->segments[spool->count - 1] : NULL;
}

static bool has_segments(int folder)
{
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;
	uint64_t stream;
	bool found = false;

	if (!dir) {
		fd_close(copy);
		return false;
	}
	while (!found && (entry = readdir(dir)))
		found = segment_parse_name(entry->d_name, &stream) == 0;
	closedir(dir);
	return found;
}

static int open_folder(struct spool *spool)
{
	int r;

	if (spool->folder >= 0)
		return 0;
	r = make_directories(spool->folder_path, 0750);
	if (r < 0)
		return r;
	spool->folder = open(spool->folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->folder < 0)
		return -errno;
	if (flock(spool->folder, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		spool->folder = fd_close(spool->folder);
		return r;
	}
	/* A folder that came late: what an earlier start left there belongs before what is in memory by now, and only a
	 * start can put it there. */
	if (spool->count > 0 && has_segments(spool->folder)) {
		spool->folder = fd_close(spool->folder);
		return -ENOTEMPTY;
	}
	return 0;
}

static int add_segment(struct spool *spool, bool in_memory)
{
	struct segment *last = current(spool), segment;
	struct segment_header header = {.first_seq = spool->next_seq - spool->pending_count};
	int r;

	if (in_memory && !spool->has_memory_id) {
		random_bytes(spool->memory_id, sizeof spool->memory_id);
		spool->has_memory_id = true;
	}
	memcpy(header.spool_id, in_memory ? spool->memory_id : spool->id, sizeof header.spool_id);
	if (GROW(spool->segments, spool->count, spool->room) < 0)
		return -ENOMEM;
	last = current(spool);
	/* A file of that name is one that failed in the making and could not be removed, or was there before the
	 * folder could be opened. */
	do {
		header.stream = spool->next_stream++;
		r = segment_create(spool->folder, &header, in_memory, &segment);
	} while (r == -EEXIST);
	if (r < 0)
		return r;
	if (last && !last->in_memory)
		last->fd = fd_close(last->fd);
	spool->segments[spool->count++] = segment;
	return 0;
}

/* A fresh segment: on disk if it takes it, else in memory, unless the current one there will do. Only a lack
 * of memory fails. */
static int next_segment(struct spool *spool, bool current_will_do)
{
	int r = open_folder(spool);

	if (r < 0) {
		disk_failed(spool,
			r == -ENOTEMPTY
				? "taking up the records of an earlier start (restart gavead for that)"
				: "opening the folder",
			r);
	} else {
		/* After memory under yet another id: one that comes back would look like two agents in turn. */
		if (spool->has_memory_id)
			random_bytes(spool->id, sizeof spool->id);
		r = add_segment(spool, false);
		if (r == 0) {
			if (spool->disk_error[0])
				log_notice("spool: %s takes records again", spool->folder_path);
			spool->disk_error[0] = 0;
			spool->has_memory_id = false;
			return 0;
		}
		disk_failed(spool, "making a segment", r);
	}
	return current_will_do ? 0 : add_segment(spool, true);
}

uint64_t spool_stream(const struct spool *spool)
{
	return spool->segments[spool->count - 1].stream;
}

/* ---- Opening ---- */

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

static int recover_segment(struct spool *spool, const char *name)
{
	struct segment segment;
	uint64_t stream;
	int r;

	if (segment_parse_name(name, &stream) < 0)
		return 0;
	spool->next_stream = MAX(spool->next_stream, stream + 1);
	r = segment_recover(spool->folder, stream, &segment);
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

static int recover(struct spool *spool)
{
	int r = open_folder(spool), copy;
	uint64_t next_seq = 1;
	struct dirent *entry;
	DIR *dir;

	if (r < 0) {
		disk_failed(spool, "opening the folder", r);
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
	/* After damage nobody knows which numbers were given out and acknowledged: count under a new id. */
	if (spool->count && !spool->damaged)
		memcpy(spool->id, current(spool)->spool_id, sizeof spool->id);
	if (spool->count)
		next_seq = current(spool)->begin_seq;
	drop_empty(spool);
	drop_misfits(spool);
	spool->next_seq = MAX(spool->next_seq, next_seq);
	return 0;
}

void spool_set_max_bytes(struct spool *spool, uint64_t max_bytes)
{
	spool->max_bytes = MAX(max_bytes, UINT64_C(1) << 20);
	if (!spool->segment_bytes_fixed)
		spool->segment_bytes = MIN(MAX(spool->max_bytes / 32, UINT64_C(64) << 10), UINT64_C(4) << 20);
}

int spool_open(const struct spool_settings *settings, struct spool **ret_spool)
{
	_cleanup_(spool_closep) struct spool *spool = calloc(1, sizeof *spool);
	int r;

	if (!spool)
		return -ENOMEM;
	spool->folder = -EBADF;
	spool->next_seq = 1;
	spool->next_stream = 1;
	spool->segment_bytes = settings->segment_bytes;
	spool->segment_bytes_fixed = settings->segment_bytes > 0;
	spool_set_max_bytes(spool, settings->max_bytes);
	spool->unix_ms = settings->unix_ms;
	spool->folder_path = strdup(settings->folder);
	if (!spool->folder_path)
		return -ENOMEM;
	random_bytes(spool->id, sizeof spool->id);
	r = recover(spool);
	if (r == 0)
		r = next_segment(spool, false);
	if (r < 0)
		return r;
	*ret_spool = TAKE_PTR(spool);
	return 0;
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	if (spool->count)
		spool_flush(spool);
	for (size_t i = 0; i < spool->count; i++)
		fd_close(spool->segments[i].fd);
	for (size_t i = 0; i < spool->cursor_count; i++)
		spool_cursor_free(spool->cursors[i]);
	free(spool->cursors);
	free(spool->segments);
	free(spool->folder_path);
	buf_done(&spool->pending);
	free(spool->pending_kinds);
	fd_close(spool->folder);
	free(spool);
}

/* ---- Appending ---- */

static bool is_full(struct spool *spool)
{
	struct segment *segment = current(spool);

	return segment->size + spool->pending.size >= spool->segment_bytes &&
		(segment->records > 0 || spool->pending_count > 0);
}

void spool_begin(struct spool *spool)
{
	bool try_disk = current(spool)->in_memory && clock_ns(CLOCK_MONOTONIC) >= spool->retry_disk_at;

	if (!is_full(spool) && !try_disk)
		return;
	spool_flush(spool);
	/* The flush may have gone over to memory by itself. */
	if (is_full(spool) || (try_disk && current(spool)->in_memory))
		next_segment(spool, !is_full(spool));
}

static void count_dropped(struct spool *spool, int kind)
{
	if (kind == GAVEA_RECORD_SAMPLES)
		spool->dropped_samples++;
	else if (kind == GAVEA_RECORD_RESULT)
		spool->dropped_results++;
	else if (kind == GAVEA_RECORD_EVENT)
		spool->dropped_events++;
}

int64_t spool_append(struct spool *spool, const void *payload, size_t length)
{
	uint8_t header[SEGMENT_RECORD_HEADER_SIZE];
	size_t before = spool->pending.size;

	if (length == 0 || length > SEGMENT_RECORD_MAX)
		return -E2BIG;
	if (spool->pending.size + length > PENDING_MAX_BYTES) {
		spool_flush(spool);
		/* Neither disk nor memory takes anything: what comes now is lost, not the agent. */
		if (spool->pending.size + length > PENDING_MAX_BYTES) {
			count_dropped(spool, segment_record_kind(payload, length));
			return -ENOSPC;
		}
	}
	if (GROW(spool->pending_kinds, spool->pending_count, spool->pending_room) < 0)
		return -ENOMEM;
	segment_encode_record(spool->next_seq, payload, length, header);
	buf_add(&spool->pending, header, sizeof header);
	buf_add(&spool->pending, payload, length);
	if (buf_error(&spool->pending) < 0) {
		spool->pending.size = before;
		spool->pending.error = 0;
		return -ENOMEM;
	}
	spool->pending_kinds[spool->pending_count++] =
		(struct pending){.seq = spool->next_seq, .kind = segment_record_kind(payload, length)};
	return (int64_t)spool->next_seq++;
}

bool spool_pending(const struct spool *spool)
{
	return spool->pending_count > 0;
}

/* ---- Flushing ---- */

static int write_pending(struct spool *spool)
{
	struct segment *segment = current(spool);
	int r = fd_pwrite_full(segment->fd, spool->pending.data, spool->pending.size, (off_t)segment->size);

	if (r == 0 && !segment->in_memory && fdatasync(segment->fd) < 0)
		r = -errno;
	if (r < 0) {
		/* What was written of it must not come back after a restart, since it goes elsewhere now. */
		if (!segment->in_memory && ftruncate(segment->fd, (off_t)segment->size) < 0)
			log_error("spool: cannot cut a failed write: %s", strerror(errno));
		return r;
	}
	segment->size += spool->pending.size;
	for (size_t i = 0; i < spool->pending_count; i++)
		segment_count(segment, spool->pending_kinds[i].seq, spool->pending_kinds[i].kind);
	return 0;
}

static int copy_declaration(
	uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata)
{
	struct segment *to = userdata;
	int kind = segment_record_kind(payload, length), r;

	(void)next;
	if (kind != GAVEA_RECORD_SERIES && kind != GAVEA_RECORD_CHECK)
		return 0;
	/* The header stands right before the payload. */
	r = fd_pwrite_full(to->fd, payload - SEGMENT_RECORD_HEADER_SIZE, SEGMENT_RECORD_HEADER_SIZE + length,
		(off_t)to->size);
	if (r < 0)
		return r;
	to->size += SEGMENT_RECORD_HEADER_SIZE + length;
	segment_count(to, seq, kind);
	return 0;
}

/* Goes over to memory with records that were meant for the segment on disk: its declarations come along, for
 * a segment is complete in itself. What can't be read of them is left out. */
static int move_to_memory(struct spool *spool)
{
	struct segment from = *current(spool);
	_cleanup_fd_ int fd = segment_open(spool->folder, &from);
	struct segment_visit visit = {copy_declaration, NULL};
	int r = add_segment(spool, true);

	if (r < 0)
		return r;
	visit.userdata = current(spool);
	if (fd >= 0 && segment_walk(fd, SEGMENT_HEADER_SIZE, from.size, &visit) < 0)
		log_error("spool: cannot carry declarations over from stream %" PRIx64, from.stream);
	return write_pending(spool);
}

/* Counts what an output had not yet had of a segment that goes. */
static void count_loss(struct spool *spool, const struct segment *segment)
{
	for (size_t i = 0; i < spool->cursor_count; i++) {
		struct spool_cursor *cursor = spool->cursors[i];

		if (cursor->seq >= segment->last_seq)
			continue;
		cursor->lost +=
			cursor->seq < segment->first_seq ? segment->records : segment->last_seq - cursor->seq;
		cursor->seq = segment->last_seq;
		cursor->stream = 0;
		cursor->unsaved = true;
	}
}

static bool anyone_behind(const struct spool *spool, const struct segment *segment)
{
	for (size_t i = 0; i < spool->cursor_count; i++)
		if (spool->cursors[i]->seq < segment->last_seq)
			return true;
	return false;
}

/* Tells of a dropped segment in the spool itself, in the stream that is current now. */
static void append_loss(struct spool *spool, const struct segment *gone)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Loss loss = GAVEA__V1__LOSS__INIT;
	uint8_t bytes[256];

	loss.first_seq = gone->first_seq;
	loss.last_seq = gone->last_seq;
	loss.samples = gone->samples;
	loss.results = gone->results;
	loss.events = gone->events;
	loss.reason = (char *)(gone->in_memory ? "memory full" : "spool full");
	record.time_ms = spool->unix_ms ? spool->unix_ms() : clock_unix_ms();
	record.body_case = GAVEA__V1__RECORD__BODY_LOSS;
	record.loss = &loss;
	spool_append(spool, bytes, gavea__v1__record__pack(&record, bytes));
	spool->dropped_samples += gone->samples;
	spool->dropped_results += gone->results;
	spool->dropped_events += gone->events;
}

static void remove_segment(struct spool *spool, size_t i)
{
	char name[32];

	if (!spool->segments[i].in_memory) {
		segment_file_name(spool->segments[i].stream, name);
		unlinkat(spool->folder, name, 0);
	}
	fd_close(spool->segments[i].fd);
	memmove(&spool->segments[i], &spool->segments[i + 1],
		(spool->count - i - 1) * sizeof *spool->segments);
	spool->count--;
}

static uint64_t bytes_in(const struct spool *spool, bool in_memory)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < spool->count; i++)
		if (spool->segments[i].in_memory == in_memory)
			bytes += spool->segments[i].size;
	return bytes;
}

static void keep_bound(struct spool *spool, bool in_memory, uint64_t bound)
{
	uint64_t bytes = bytes_in(spool, in_memory);

	for (size_t i = 0; i + 1 < spool->count && bytes > bound;) {
		struct segment gone = spool->segments[i];
		bool missed = anyone_behind(spool, &gone);

		if (gone.in_memory != in_memory) {
			i++;
			continue;
		}
		bytes -= gone.size;
		if (missed)
			count_loss(spool, &gone);
		remove_segment(spool, i);
		if (missed)
			append_loss(spool, &gone);
	}
}

/* What every output has had is not kept: the spool is a queue, not an archive. Without outputs a little is,
 * for `gavea events`. */
static void drop_delivered(struct spool *spool)
{
	if (spool->cursor_count == 0) {
		keep_bound(spool, false, MIN(spool->max_bytes, UINT64_C(4) * spool->segment_bytes));
		return;
	}
	while (spool->count > 1 && !anyone_behind(spool, &spool->segments[0]))
		remove_segment(spool, 0);
}

int spool_flush(struct spool *spool)
{
	int r = 0;

	if (spool->pending_count > 0) {
		r = write_pending(spool);
		if (r < 0 && !current(spool)->in_memory) {
			disk_failed(spool, "writing", r);
			r = move_to_memory(spool);
		}
		if (r == 0) {
			buf_reset(&spool->pending);
			spool->pending_count = 0;
		}
	}
	spool_cursors_save(spool);
	drop_delivered(spool);
	keep_bound(spool, false, spool->max_bytes);
	keep_bound(spool, true, MEMORY_MAX_BYTES);
	return r;
}

void spool_get_status(const struct spool *spool, struct spool_status *ret_status)
{
	*ret_status = (struct spool_status){
		.last_seq = spool->next_seq - 1,
		.bytes = bytes_in(spool, false) + bytes_in(spool, true) + spool->pending.size,
		.dropped_samples = spool->dropped_samples,
		.dropped_results = spool->dropped_results,
		.dropped_events = spool->dropped_events,
		.error = spool->disk_error[0] ? spool->disk_error : NULL,
	};
	for (size_t i = 0; i < spool->count && !ret_status->first_seq; i++)
		ret_status->first_seq = spool->segments[i].first_seq;
}
