/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "base/log.h"
#include "core/manager/spool_internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define CURSOR_FILE_MAX 256

static int open_cursor_file(struct spool *spool, const char *name)
{
	char file[CURSOR_FILE_MAX];

	if (spool->folder < 0)
		return -EBADF;
	snprintf(file, sizeof file, "cursor-%s", name);
	return openat(spool->folder, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

int spool_cursor_open(struct spool *spool, const char *name, struct spool_cursor **ret_cursor)
{
	struct spool_cursor *cursor;

	for (size_t i = 0; i < spool->cursor_count; i++)
		if (streq(spool->cursors[i]->name, name)) {
			*ret_cursor = spool->cursors[i];
			return 0;
		}
	if (strlen(name) > CURSOR_FILE_MAX - sizeof "cursor-")
		return -ENAMETOOLONG;
	cursor = calloc(1, sizeof *cursor);
	if (!cursor || GROW(spool->cursors, spool->cursor_count, spool->cursor_room) < 0) {
		free(cursor);
		return -ENOMEM;
	}
	cursor->name = strdup(name);
	if (!cursor->name) {
		free(cursor);
		return -ENOMEM;
	}
	cursor->fd = open_cursor_file(spool, name);
	if (cursor->fd >= 0)
		cursor->seq = segment_read_slots(cursor->fd).seq;
	/* Ahead of everything that is there: the spool was made anew under it, or what it had was in memory. Its
	 * file must not wait for the numbers to catch up with it. */
	if (cursor->seq >= spool->next_seq) {
		cursor->seq = 0;
		cursor->unsaved = true;
	}
	spool_state_apply(spool, cursor);
	spool->cursors[spool->cursor_count++] = cursor;
	*ret_cursor = cursor;
	return 0;
}

void spool_cursor_free(struct spool_cursor *cursor)
{
	if (!cursor)
		return;
	fd_close(cursor->fd);
	free(cursor->name);
	free(cursor);
}

void spool_cursor_remove(struct spool *spool, struct spool_cursor *cursor)
{
	for (size_t i = 0; i < spool->cursor_count; i++) {
		char file[CURSOR_FILE_MAX];

		if (spool->cursors[i] != cursor)
			continue;
		snprintf(file, sizeof file, "cursor-%s", cursor->name);
		if (spool->folder >= 0)
			unlinkat(spool->folder, file, 0);
		spool->cursors[i] = spool->cursors[--spool->cursor_count];
		spool_cursor_free(cursor);
		return;
	}
}

void spool_cursors_save(struct spool *spool)
{
	for (size_t i = 0; i < spool->cursor_count; i++) {
		struct spool_cursor *cursor = spool->cursors[i];
		uint8_t bytes[SEGMENT_SLOT_SIZE];
		struct segment_slot slot;

		if (!cursor->unsaved)
			continue;
		if (cursor->fd < 0)
			cursor->fd = open_cursor_file(spool, cursor->name);
		if (cursor->fd < 0)
			continue;
		slot.generation = segment_read_slots(cursor->fd).generation + 1;
		slot.seq = cursor->seq;
		segment_encode_slot(&slot, bytes);
		if (fd_pwrite_full(cursor->fd, bytes, sizeof bytes,
			    (off_t)(slot.generation % 2 * SEGMENT_SLOT_SIZE)) == 0)
			cursor->unsaved = false;
	}
}

static const struct segment *find_stream(const struct spool *spool, uint64_t stream)
{
	for (size_t i = 0; i < spool->count; i++)
		if (spool->segments[i].stream == stream)
			return &spool->segments[i];
	return NULL;
}

struct search {
	uint64_t seq; /* look for the end of the last record up to here */
	uint64_t limit; /* offset that must not be passed, unless nothing was found */
	uint64_t offset; /* found */
	uint64_t last_seq;
	uint64_t first_seq;
};

static int search_record(uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata)
{
	struct search *search = userdata;

	(void)payload;
	(void)length;
	if (seq > search->seq || (next > search->limit && search->last_seq))
		return 1;
	if (!search->first_seq)
		search->first_seq = seq;
	search->offset = next;
	search->last_seq = seq;
	return 0;
}

/* The offset of the first record after cursor->seq in this segment. */
static int locate(struct spool *spool, const struct segment *segment, struct spool_cursor *cursor)
{
	struct search search = {.seq = cursor->seq, .limit = UINT64_MAX, .offset = SEGMENT_HEADER_SIZE};
	struct segment_visit visit = {search_record, &search};
	_cleanup_fd_ int fd = -EBADF;
	int r;

	if (cursor->seq >= segment->first_seq) {
		fd = segment_open(spool->folder, segment);
		if (fd < 0)
			return fd;
		r = segment_walk(fd, SEGMENT_HEADER_SIZE, segment->size, &visit);
		if (r < 0)
			return r;
	}
	cursor->stream = segment->stream;
	cursor->offset = search.offset;
	return 0;
}

/* What can't be read is passed over: an output waiting for ever, and saying that all is well, would be worse. Only this
 * part of it, and never for a lack of descriptors or memory, which pass. */
static void pass_over(struct spool_cursor *cursor, const struct segment *segment, int error)
{
	log_error("spool: segment %" PRIx64 " can't be read past seq %" PRIu64 ": %s", segment->stream,
		cursor->seq, strerror(-error));
	cursor->lost += MIN(segment->records, segment->last_seq - MAX(cursor->seq, segment->first_seq - 1));
	cursor->seq = segment->last_seq;
	cursor->stream = 0;
	cursor->unsaved = true;
}

static bool is_damage(int error)
{
	return error == -EBADMSG || error == -EIO || error == -ENOENT;
}

/* The segment with the next record for the cursor; NULL: there is none. */
static int next_for(struct spool *spool, struct spool_cursor *cursor, const struct segment **ret_segment)
{
	const struct segment *segment = find_stream(spool, cursor->stream);

	*ret_segment = segment;
	if (segment && cursor->offset < segment->size)
		return 0;
	*ret_segment = NULL;
	for (size_t i = 0; i < spool->count; i++) {
		int r;

		segment = &spool->segments[i];
		if (segment->records == 0 || segment->last_seq <= cursor->seq)
			continue;
		r = locate(spool, segment, cursor);
		if (r == 0)
			*ret_segment = segment;
		if (r == 0 || !is_damage(r))
			return r;
		pass_over(cursor, segment, r);
	}
	return 0;
}

static void format_id(const uint8_t id[static 16], char text[static 33])
{
	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

/* Where the batch ends, and its first and last seq. */
static int measure(
	int fd, const struct segment *segment, uint64_t offset, size_t max_bytes, struct spool_batch *batch)
{
	struct search search = {.seq = UINT64_MAX, .limit = offset + max_bytes, .offset = offset};
	struct segment_visit visit = {search_record, &search};
	int r = segment_walk(fd, offset, segment->size, &visit);

	if (r < 0 && !search.last_seq)
		return r;
	batch->length = search.offset - offset;
	batch->first_seq = search.first_seq;
	batch->last_seq = search.last_seq;
	return 0;
}

static bool is_of_this_id(const struct spool *spool, const struct segment *segment)
{
	return memcmp(segment->spool_id, spool->id, sizeof spool->id) == 0;
}

/* On disk before it is handed out: what a receiver has beyond it came from elsewhere. All that is synced goes with it,
 * for that is the same wherever a copy of this folder is. */
static void note_sent(struct spool *spool, struct spool_cursor *cursor, uint64_t last_seq)
{
	if (last_seq <= cursor->sent)
		return;
	cursor->sent = MAX(last_seq, spool->next_seq - spool->pending_count - 1);
	spool->unsaved = true;
	spool_state_save(spool);
}

int spool_probe(struct spool *spool, struct spool_cursor *cursor, struct spool_batch *ret_batch)
{
	const struct segment *shown = &spool->segments[spool->count - 1];
	struct spool_batch batch = {
		.fd = segment_open(spool->folder, shown),
		.stream = shown->stream,
		.offset = shown->size,
		.first_seq = cursor->seq,
		.last_seq = cursor->seq,
		.version = shown->version,
		.known_seq = is_of_this_id(spool, shown) ? cursor->sent : UINT64_MAX,
	};

	if (batch.fd < 0)
		return batch.fd;
	format_id(shown->spool_id, batch.spool_id);
	*ret_batch = batch;
	return 0;
}

void spool_probed(struct spool *spool, struct spool_cursor *cursor)
{
	spool->unsaved |= cursor->unprobed;
	cursor->unprobed = false;
}

int spool_read(
	struct spool *spool, struct spool_cursor *cursor, size_t max_bytes, struct spool_batch *ret_batch)
{
	const struct segment *segment, *shown;
	struct spool_batch batch = {.fd = -EBADF};
	int r = next_for(spool, cursor, &segment);

	if (r < 0)
		return r;
	shown = segment ? segment : &spool->segments[spool->count - 1];
	batch.stream = shown->stream;
	batch.version = shown->version;
	batch.offset = segment ? cursor->offset : shown->size;
	batch.first_seq = batch.last_seq = cursor->seq;
	format_id(shown->spool_id, batch.spool_id);
	batch.fd = segment_open(spool->folder, shown);
	if (batch.fd < 0)
		return batch.fd;
	if (segment) {
		r = measure(batch.fd, segment, cursor->offset, max_bytes, &batch);
		if (r < 0) {
			fd_close(batch.fd);
			if (is_damage(r))
				pass_over(cursor, segment, r);
			return r;
		}
	}
	batch.known_seq = UINT64_MAX;
	if (is_of_this_id(spool, shown)) {
		if (segment)
			note_sent(spool, cursor, batch.last_seq);
		batch.known_seq = cursor->sent;
	}
	*ret_batch = batch;
	return 0;
}

void spool_acknowledge(
	struct spool *spool, struct spool_cursor *cursor, const struct spool_batch *batch, uint64_t seq)
{
	const struct segment *segment = find_stream(spool, batch->stream);

	if (batch->length == 0 || seq <= cursor->seq || seq < batch->first_seq)
		return;
	if (seq >= batch->last_seq && segment && segment->version == batch->version) {
		cursor->seq = batch->last_seq;
		cursor->stream = batch->stream;
		cursor->offset = batch->offset + batch->length;
	} else {
		cursor->seq = MIN(seq, batch->last_seq);
		cursor->stream = 0;
	}
	cursor->unsaved = true;
}

void spool_behind(const struct spool *spool, const struct spool_cursor *cursor, uint64_t *ret_records,
	uint64_t *ret_bytes)
{
	uint64_t records = 0, bytes = 0;

	for (size_t i = 0; i < spool->count; i++) {
		const struct segment *segment = &spool->segments[i];

		if (segment->records == 0 || segment->last_seq <= cursor->seq)
			continue;
		if (cursor->stream == segment->stream)
			bytes += segment->size - cursor->offset;
		else
			bytes += segment->size;
		/* seq may skip numbers, so within a segment this is the most that it can be. */
		records += cursor->seq < segment->first_seq
			? segment->records
			: MIN(segment->records, segment->last_seq - cursor->seq);
	}
	*ret_records = records;
	*ret_bytes = bytes;
}

struct visitor {
	int (*visit)(uint64_t seq, const uint8_t *payload, size_t length, void *userdata);
	void *userdata;
};

static int visit_record(uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata)
{
	struct visitor *visitor = userdata;

	(void)next;
	return visitor->visit(seq, payload, length, visitor->userdata);
}

int spool_visit(struct spool *spool,
	int (*visit)(uint64_t seq, const uint8_t *payload, size_t length, void *userdata), void *userdata)
{
	struct visitor visitor = {visit, userdata};
	struct segment_visit walk = {visit_record, &visitor};

	for (size_t i = 0; i < spool->count; i++) {
		_cleanup_fd_ int fd = segment_open(spool->folder, &spool->segments[i]);
		int r;

		if (fd < 0)
			continue;
		r = segment_walk(fd, SEGMENT_HEADER_SIZE, spool->segments[i].size, &walk);
		if (r > 0)
			return r;
	}
	return 0;
}
