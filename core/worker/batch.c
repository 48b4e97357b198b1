/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/batch.h"
#include "base/fd.h"
#include "wire/segment.h"

#include <errno.h>
#include <stdint.h>

/* What is read at a time while declarations are looked for: any record fits. */
#define WINDOW_SIZE (SEGMENT_RECORD_HEADER_SIZE + SEGMENT_RECORD_MAX)

struct declaration {
	uint64_t seq;
	int kind;
	size_t size;
	void *bytes;
};

struct gavea_batch {
	const Gavea__Worker__V1__Deliver *deliver;
	int fd;
	uint8_t *bytes;
	size_t size;
	size_t at;
	bool declaring; /* going through the declarations */
	bool declared; /* they have been read */
	struct declaration *declarations;
	size_t count;
	size_t room;
	size_t next;
	uint64_t seen; /* the highest seq that was handed out */
	uint64_t acknowledged;
	int64_t delay;
};

void batch_free(struct gavea_batch *batch)
{
	if (!batch)
		return;
	for (size_t i = 0; i < batch->count; i++)
		free(batch->declarations[i].bytes);
	free(batch->declarations);
	free(batch->bytes);
	fd_close(batch->fd);
	free(batch);
}

static int check_segment(const struct gavea_batch *batch, struct error *error)
{
	uint8_t bytes[SEGMENT_HEADER_SIZE];
	struct segment_header header;
	ssize_t n = fd_pread_full(batch->fd, bytes, sizeof bytes, 0);

	if (n < 0)
		return error_set(error, (int)n, "cannot read the spool: %s", strerror((int)-n));
	if (n < (ssize_t)sizeof bytes || segment_decode_header(bytes, &header) < 0)
		return error_set(error, -EBADMSG, "the spool's segment has no valid header");
	if (header.stream != batch->deliver->stream)
		return error_set(error, -EBADMSG, "the spool's segment is of another stream");
	return 0;
}

static int read_batch(struct gavea_batch *batch, struct error *error)
{
	const Gavea__Worker__V1__Deliver *deliver = batch->deliver;
	ssize_t n;

	if (deliver->offset < SEGMENT_HEADER_SIZE || deliver->offset > INT64_MAX - BATCH_SIZE_MAX)
		return error_set(error, -EBADMSG, "the batch begins outside the spool's segment");
	batch->size = (size_t)MIN(deliver->length, (uint64_t)BATCH_SIZE_MAX);
	batch->bytes = malloc(batch->size);
	if (!batch->bytes)
		return -ENOMEM;
	n = fd_pread_full(batch->fd, batch->bytes, batch->size, (off_t)deliver->offset);
	if (n < 0)
		return error_set(error, (int)n, "cannot read the spool: %s", strerror((int)-n));
	batch->size = (size_t)n;
	return 0;
}

int batch_open(const Gavea__Worker__V1__Deliver *deliver, int fd, struct gavea_batch **ret_batch,
	struct error *error)
{
	_cleanup_(batch_freep) struct gavea_batch *batch = calloc(1, sizeof *batch);
	int r;

	if (!batch) {
		fd_close(fd);
		return -ENOMEM;
	}
	batch->deliver = deliver;
	batch->fd = fd;
	if (deliver->length > 0) {
		if (fd < 0)
			return error_set(error, -EBADMSG, "the batch came without its segment");
		r = check_segment(batch, error);
		if (r == 0)
			r = read_batch(batch, error);
		if (r < 0)
			return r;
	}
	*ret_batch = TAKE_PTR(batch);
	return 0;
}

const char *batch_info(const struct gavea_batch *batch, const char *key)
{
	for (size_t i = 0; key && i < batch->deliver->n_facts; i++)
		if (streq(batch->deliver->facts[i]->key, key))
			return batch->deliver->facts[i]->value;
	return NULL;
}

uint64_t batch_stream(const struct gavea_batch *batch)
{
	return batch->deliver->stream;
}

static int next_declaration(
	struct gavea_batch *batch, uint64_t *ret_seq, int *ret_kind, const void **ret_bytes, size_t *ret_size)
{
	const struct declaration *declaration;

	if (batch->next == batch->count) {
		batch->declaring = false;
		batch->at = 0;
		return 0;
	}
	declaration = &batch->declarations[batch->next++];
	*ret_seq = declaration->seq;
	*ret_kind = declaration->kind;
	*ret_bytes = declaration->bytes;
	*ret_size = declaration->size;
	return 1;
}

int batch_next(
	struct gavea_batch *batch, uint64_t *ret_seq, int *ret_kind, const void **ret_bytes, size_t *ret_size)
{
	const uint8_t *payload;
	size_t length, taken;
	int r, kind;

	if (batch->declaring)
		return next_declaration(batch, ret_seq, ret_kind, ret_bytes, ret_size);
	if (batch->at >= batch->size)
		return 0;
	r = segment_decode_record(
		batch->bytes + batch->at, batch->size - batch->at, ret_seq, &payload, &length, &taken);
	/* What is cut off here is whole in the file when the batch was too large to be read at once. */
	if (r == 0 && batch->deliver->length > batch->size && batch->size == BATCH_SIZE_MAX)
		return 0;
	kind = r > 0 ? segment_record_kind(payload, length) : -EBADMSG;
	if (kind < 0 || *ret_seq < batch->deliver->first_seq) {
		batch->size = batch->at;
		return -EBADMSG;
	}
	batch->at += taken;
	batch->seen = MAX(batch->seen, *ret_seq);
	*ret_kind = kind;
	*ret_bytes = payload;
	*ret_size = length;
	return 1;
}

static int keep_declaration(
	struct gavea_batch *batch, uint64_t seq, int kind, const uint8_t *payload, size_t length)
{
	struct declaration declaration = {.seq = seq, .kind = kind, .size = length, .bytes = malloc(length)};

	if (!declaration.bytes || GROW(batch->declarations, batch->count, batch->room) < 0) {
		free(declaration.bytes);
		return -ENOMEM;
	}
	memcpy(declaration.bytes, payload, length);
	batch->declarations[batch->count++] = declaration;
	return 0;
}

/* Keeps the declarations among whole records at the start of these bytes. Returns the bytes that the records
 * take. */
static ssize_t scan_window(struct gavea_batch *batch, const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (at < size) {
		const uint8_t *payload;
		size_t length, taken;
		uint64_t seq;
		int r = segment_decode_record(bytes + at, size - at, &seq, &payload, &length, &taken), kind;

		if (r == 0)
			break;
		kind = r < 0 ? r : segment_record_kind(payload, length);
		if (kind < 0)
			return kind;
		if (kind == GAVEA_RECORD_SERIES || kind == GAVEA_RECORD_CHECK) {
			r = keep_declaration(batch, seq, kind, payload, length);
			if (r < 0)
				return r;
		}
		at += taken;
	}
	return (ssize_t)at;
}

static int read_declarations(struct gavea_batch *batch)
{
	uint64_t at = SEGMENT_HEADER_SIZE, end = batch->deliver->offset;
	_cleanup_free_ uint8_t *window = malloc(WINDOW_SIZE);

	if (!window)
		return -ENOMEM;
	while (at < end) {
		size_t want = (size_t)MIN(end - at, (uint64_t)WINDOW_SIZE);
		ssize_t n = fd_pread_full(batch->fd, window, want, (off_t)at);

		if (n >= 0)
			n = scan_window(batch, window, (size_t)n);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EBADMSG;
		at += (uint64_t)n;
	}
	return 0;
}

int batch_declarations(struct gavea_batch *batch)
{
	int r = 0;

	if (batch->fd >= 0 && !batch->declared)
		r = read_declarations(batch);
	if (r < 0)
		return r;
	batch->declared = true;
	batch->declaring = true;
	batch->next = 0;
	return 0;
}

void batch_acknowledge(struct gavea_batch *batch, uint64_t seq)
{
	/* Never more than was handed out: what a plugin has not seen it can't have delivered. */
	seq = MIN(seq, batch->seen);
	if (seq >= batch->deliver->first_seq)
		batch->acknowledged = MAX(batch->acknowledged, seq);
}

void batch_retry_after(struct gavea_batch *batch, int64_t delay)
{
	batch->delay = MAX(delay, (int64_t)0);
}

uint64_t batch_acknowledged(const struct gavea_batch *batch)
{
	return batch->acknowledged;
}

int64_t batch_delay(const struct gavea_batch *batch)
{
	return batch->delay;
}
