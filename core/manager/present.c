/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/present.h"
#include "base/fd.h"
#include "base/random.h"
#include "core/manager/segments.h"
#include "wire/convert.h"

#include <inttypes.h>
#include <stdio.h>

#define BYTES_MAX ((size_t)4 << 20) /* what does not fit comes with the history */

struct making {
	struct present *present;
	struct buf bytes; /* records */
	struct buf record; /* scratch */
	uint64_t first_seq;
	bool full;
};

/* Adds what stands in making->record. */
static void add_record(struct making *making)
{
	uint8_t header[SEGMENT_RECORD_HEADER_SIZE];
	struct buf *record = &making->record;

	if (making->bytes.size + sizeof header + record->size > BYTES_MAX) {
		making->full = true;
		return;
	}
	segment_encode_record(making->present->next_seq++, record->data, record->size, header);
	buf_add(&making->bytes, header, sizeof header);
	buf_add(&making->bytes, record->data, record->size);
}

static int add_check(struct making *making, const struct check *check)
{
	const Gavea__V1__Result *result = check_result(check);
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Result copy = *result;
	int r;

	buf_reset(&making->record);
	r = recorder_encode_check(check_subject(check), &making->record);
	if (r < 0)
		return r;
	add_record(making);
	/* One from before a restart bears the number that its check had then. */
	copy.check = check_number(check);
	record.time_ms = copy.started_at_ms;
	record.body_case = GAVEA__V1__RECORD__BODY_RESULT;
	record.result = &copy;
	buf_reset(&making->record);
	r = recorder_encode(&record, &making->record);
	if (r == 0 && making->record.size <= SEGMENT_RECORD_MAX)
		add_record(making);
	return r;
}

static int add_all(struct making *making, struct check *const *checks, size_t count)
{
	static const enum gavea_status order[] = {GAVEA_CRITICAL, GAVEA_UNKNOWN, GAVEA_WARNING, GAVEA_OK};
	int r = 0;

	for (size_t s = 0; s < ARRAY_SIZE(order); s++)
		for (size_t i = 0; r == 0 && i < count && !making->full; i++) {
			const Gavea__V1__Result *result = check_result(checks[i]);

			if (result && status_from_wire(result->state) == order[s])
				r = add_check(making, checks[i]);
		}
	return r == 0 ? buf_error(&making->bytes) : r;
}

static int write_segment(struct making *making, struct spool_batch *ret_batch)
{
	struct segment_header header = {.stream = making->present->stream, .first_seq = making->first_seq};
	struct spool_batch batch = {.fd = -EBADF, .known_seq = UINT64_MAX};
	struct segment segment = {.fd = -EBADF};
	int r;

	memcpy(header.spool_id, making->present->id, sizeof header.spool_id);
	r = segment_create(-EBADF, &header, true, &segment);
	if (r == 0)
		r = fd_pwrite_full(segment.fd, making->bytes.data, making->bytes.size, SEGMENT_HEADER_SIZE);
	if (r == 0) {
		batch.fd = segment_open(-EBADF, &segment);
		r = MIN(batch.fd, 0);
	}
	fd_close(segment.fd);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof header.spool_id; i++)
		snprintf(batch.spool_id + 2 * i, 3, "%02x", header.spool_id[i]);
	batch.stream = header.stream;
	batch.offset = SEGMENT_HEADER_SIZE;
	batch.length = making->bytes.size;
	batch.first_seq = making->first_seq;
	batch.last_seq = making->present->next_seq - 1;
	*ret_batch = batch;
	return 0;
}

int present_make(
	struct present *present, struct check *const *checks, size_t count, struct spool_batch *ret_batch)
{
	struct making making = {.present = present};
	int r;

	if (present->stream == 0) {
		random_bytes(present->id, sizeof present->id);
		present->next_seq = 1;
	}
	present->stream++;
	making.first_seq = present->next_seq;
	r = add_all(&making, checks, count);
	if (r == 0 && making.bytes.size == 0)
		*ret_batch = (struct spool_batch){.fd = -EBADF};
	else if (r == 0)
		r = write_segment(&making, ret_batch);
	buf_done(&making.bytes);
	buf_done(&making.record);
	return r;
}
