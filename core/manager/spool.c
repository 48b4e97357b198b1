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

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TELL_ROOM ((size_t)4 << 20) /* of what waits: beyond it more news only hurt */
#define MEMORY_SEGMENT_BYTES (UINT64_C(512) << 10) /* small ones, so that little goes at the bound */
#define PENDING_MAX_BYTES ((size_t)8 << 20)

/* ---- Segments ---- */

static struct segment *current(struct spool *spool)
{
	return spool->count ? &spool->segments[spool->count - 1] : NULL;
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
	int r = spool_open_folder(spool);

	if (r < 0) {
		spool_disk_failed(spool,
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
		spool_disk_failed(spool, "making a segment", r);
	}
	return current_will_do ? 0 : add_segment(spool, true);
}

uint64_t spool_stream(const struct spool *spool)
{
	return spool->segments[spool->count - 1].stream;
}

/* ---- Opening ---- */

void spool_set_max_bytes(struct spool *spool, uint64_t max_bytes)
{
	spool->max_bytes = MAX(max_bytes, UINT64_C(1) << 20);
	if (!spool->segment_bytes_fixed)
		spool->segment_bytes = MIN(MAX(spool->max_bytes / 32, UINT64_C(64) << 10), UINT64_C(4) << 20);
}

void spool_set_max_age(struct spool *spool, int64_t max_age)
{
	spool->max_age = max_age;
}

static int64_t clock_boot(void)
{
	return clock_ns(CLOCK_BOOTTIME);
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
	spool->max_age = settings->max_age;
	spool->unix_ms = settings->unix_ms ? settings->unix_ms : clock_unix_ms;
	spool->boot_ns = settings->boot_ns ? settings->boot_ns : clock_boot;
	if (settings->machine_id)
		snprintf(spool->machine_id, sizeof spool->machine_id, "%s", settings->machine_id);
	spool->folder_path = strdup(settings->folder);
	if (!spool->folder_path)
		return -ENOMEM;
	random_bytes(spool->id, sizeof spool->id);
	spool_state_load(spool);
	r = spool_recover(spool);
	if (r == 0)
		r = next_segment(spool, false);
	if (r < 0)
		return r;
	*ret_spool = TAKE_PTR(spool);
	return 0;
}

static bool tell_untold(struct spool *spool);

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	if (spool->count)
		spool_flush(spool);
	/* What that dropped, too. */
	if (spool->count && tell_untold(spool))
		spool_flush(spool);
	for (size_t i = 0; i < spool->count; i++)
		fd_close(spool->segments[i].fd);
	for (size_t i = 0; i < spool->cursor_count; i++)
		spool_cursor_free(spool->cursors[i]);
	strmap_done(&spool->said, NULL);
	spool_state_done(spool);
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

	uint64_t full =
		segment->in_memory ? MIN(spool->segment_bytes, MEMORY_SEGMENT_BYTES) : spool->segment_bytes;

	return segment->size + spool->pending.size >= full &&
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

int64_t spool_append(struct spool *spool, const void *payload, size_t length)
{
	uint8_t header[SEGMENT_RECORD_HEADER_SIZE];
	size_t before = spool->pending.size;
	struct pending *pending;

	if (length == 0 || length > SEGMENT_RECORD_MAX) {
		if (length)
			spool_count_lost(spool, segment_record_kind(payload, length), DROP_SIZE);
		return -E2BIG;
	}
	if (spool->pending.size + length > PENDING_MAX_BYTES) {
		spool_flush(spool);
		/* Neither disk nor memory takes anything: what comes now is lost, not the agent. */
		if (spool->pending.size + length > PENDING_MAX_BYTES) {
			spool_count_lost(spool, segment_record_kind(payload, length), DROP_DISK);
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
	pending = &spool->pending_kinds[spool->pending_count++];
	*pending = (struct pending){.seq = spool->next_seq};
	pending->kind = segment_record_head(payload, length, &pending->time_ms);
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
		segment_count(segment, spool->pending_kinds[i].seq, spool->pending_kinds[i].kind,
			spool->pending_kinds[i].time_ms);
	segment->written_ns = spool->boot_ns();
	return 0;
}

static int copy_declaration(
	uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata)
{
	struct segment *to = userdata;
	int64_t time_ms = 0;
	int kind = segment_record_head(payload, length, &time_ms), r;

	(void)next;
	if (kind != GAVEA_RECORD_SERIES && kind != GAVEA_RECORD_CHECK)
		return 0;
	/* The header stands right before the payload. */
	r = fd_pwrite_full(to->fd, payload - SEGMENT_RECORD_HEADER_SIZE, SEGMENT_RECORD_HEADER_SIZE + length,
		(off_t)to->size);
	if (r < 0)
		return r;
	to->size += SEGMENT_RECORD_HEADER_SIZE + length;
	segment_count(to, seq, kind, time_ms);
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

bool spool_unsettled(const struct spool *spool)
{
	return spool->unsettled;
}

/* Appends Loss records for what no place was found for, as far as there is room. */
static bool tell_untold(struct spool *spool)
{
	bool told = false;

	for (int cause = 0; cause < DROP_CAUSES; cause++) {
		struct loss *loss = &spool->untold[cause];
		uint8_t bytes[LOSS_MAX_BYTES];
		uint64_t any = 0;

		for (int class = 0; class < DROP_CLASSES; class ++)
			any |= loss->counts[class];
		if (!any || spool->pending.size > TELL_ROOM)
			continue;
		loss->cause = (enum drop_cause)cause;
		loss->time_ms = spool->unix_ms();
		if (spool_append(spool, bytes, loss_encode(loss, bytes)) < 0)
			continue;
		*loss = (struct loss){.first_seq = 0};
		told = true;
	}
	return told;
}

int spool_flush(struct spool *spool)
{
	int r = 0;

	tell_untold(spool);
	if (spool->pending_count > 0) {
		r = write_pending(spool);
		if (r < 0 && !current(spool)->in_memory) {
			spool_disk_failed(spool, "writing", r);
			r = move_to_memory(spool);
		}
		if (r == 0) {
			buf_reset(&spool->pending);
			spool->pending_count = 0;
		}
	}
	spool_cursors_save(spool);
	spool_keep_bounds(spool);
	spool_state_save(spool);
	return r;
}

/* ---- Another id ---- */

/* In its place: within one sector, so that it is there or not. */
static int renew_header(struct spool *spool, struct segment *segment)
{
	struct segment_header header = {.stream = segment->stream, .first_seq = segment->begin_seq};
	uint8_t bytes[SEGMENT_HEADER_SIZE];
	_cleanup_fd_ int fd = -EBADF;
	char name[32];
	int r;

	memcpy(header.spool_id, spool->id, sizeof header.spool_id);
	segment_encode_header(&header, bytes);
	segment_file_name(segment->stream, name);
	fd = openat(spool->folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = fd_pwrite_full(fd, bytes, sizeof bytes, 0);
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	if (r == 0)
		memcpy(segment->spool_id, spool->id, sizeof segment->spool_id);
	return r;
}

int spool_renew_id(struct spool *spool, struct spool_cursor *cursor)
{
	uint64_t limit = cursor->unprobed ? MAX(cursor->boundary, cursor->seq) : cursor->seq;
	uint8_t old[16];
	int r = 0;

	memcpy(old, spool->id, sizeof old);
	random_bytes(spool->id, sizeof spool->id);
	if (cursor->seq < limit) {
		cursor->seq = limit;
		cursor->stream = 0;
		cursor->unsaved = true;
	}
	for (size_t i = 0; i < spool->count; i++) {
		struct segment *segment = &spool->segments[i];
		int s;

		if (segment->in_memory || memcmp(segment->spool_id, old, sizeof old) != 0 ||
			(segment->last_seq <= limit && i + 1 < spool->count))
			continue;
		s = renew_header(spool, segment);
		r = r == 0 ? s : r;
	}
	spool_probed(spool, cursor);
	return r;
}

/* ---- For status ---- */

unsigned spool_findings(const struct spool *spool)
{
	return spool->findings;
}

void spool_get_status(const struct spool *spool, struct spool_status *ret_status)
{
	*ret_status = (struct spool_status){
		.last_seq = spool->next_seq - 1,
		.bytes = spool_bytes_in(spool, false) + spool_bytes_in(spool, true) + spool->pending.size,
		.dropped_since_ms = spool->dropped_since_ms,
		.error = spool->disk_error[0] ? spool->disk_error : NULL,
	};
	memcpy(ret_status->dropped, spool->dropped, sizeof ret_status->dropped);
	for (size_t i = 0; i < spool->count && !ret_status->first_seq; i++) {
		ret_status->first_seq = spool->segments[i].first_seq;
		ret_status->oldest_ms = spool->segments[i].oldest_ms;
	}
}
