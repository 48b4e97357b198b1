/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking records out of a segment: it is written anew beside the old one, synced, and put in its place by a
 * rename, so a crash leaves one of them whole. Loss records stand where records were: the news of a loss can't
 * be lost itself, and an output that has had those records already passes it over with them.
 */
#include "base/fd.h"
#include "core/manager/spool_internal.h"
#include "proto/report.pb-c.h"

#include <gavea/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct thin_record {
	uint64_t seq;
	const uint8_t *bytes; /* its header; the payload follows */
	size_t size; /* of both */
	int64_t time_ms;
	int kind;
	bool drop;
};

struct thinning_job {
	struct spool *spool;
	const struct segment *segment;
	const struct segment *before; /* whose Loss records go into this one; NULL: none */
	enum thinning level;
	enum drop_cause cause;
	uint64_t everyone_has; /* records up to here are no loss to any output */

	struct buf old, old_before; /* the bytes of the files behind their headers */
	struct thin_record *records;
	size_t count, room;
	struct loss *losses; /* each in the place of the record with its last_seq */
	size_t loss_count, loss_room;
	uint64_t *lost; /* by cursor */
	struct loss dropped; /* in all, by this job */

	struct buf new;
	struct segment result;
};

static void job_done(struct thinning_job *job)
{
	buf_done(&job->old);
	buf_done(&job->old_before);
	buf_done(&job->new);
	free(job->records);
	free(job->losses);
	free(job->lost);
	fd_close(job->result.fd);
}

/* ---- Reading ---- */

static int read_bytes(struct spool *spool, const struct segment *segment, struct buf *bytes)
{
	size_t size = segment->size - SEGMENT_HEADER_SIZE;
	_cleanup_fd_ int fd = segment_open(spool->folder, segment);
	ssize_t n;

	if (fd < 0)
		return fd;
	if (!buf_extend(bytes, size + 1))
		return -ENOMEM;
	n = fd_pread_full(fd, bytes->data, size, SEGMENT_HEADER_SIZE);
	if (n < 0)
		return (int)n;
	bytes->size = (size_t)n;
	return bytes->size == size ? 0 : -EBADMSG;
}

static int add_records(struct thinning_job *job, const struct buf *bytes)
{
	const uint8_t *data = (const uint8_t *)bytes->data;

	for (size_t at = 0; at < bytes->size;) {
		struct thin_record record = {.bytes = data + at};
		const uint8_t *payload;
		size_t length;

		if (segment_decode_record(
			    data + at, bytes->size - at, &record.seq, &payload, &length, &record.size) <= 0)
			return -EBADMSG;
		record.kind = segment_record_head(payload, length, &record.time_ms);
		if (GROW(job->records, job->count, job->room) < 0)
			return -ENOMEM;
		job->records[job->count++] = record;
		at += record.size;
	}
	return 0;
}

static int read_all(struct thinning_job *job)
{
	int r = 0;

	if (job->before) {
		r = read_bytes(job->spool, job->before, &job->old_before);
		if (r == 0)
			r = add_records(job, &job->old_before);
	}
	if (r == 0)
		r = read_bytes(job->spool, job->segment, &job->old);
	return r == 0 ? add_records(job, &job->old) : r;
}

/* ---- Choosing ---- */

/* What the last result of a check said, as a value of a map; never NULL. */
static void *saying(const Gavea__V1__Result *result)
{
	uintptr_t word = 1;

	word = word << 4 | ((uintptr_t)result->status & 0xf);
	word = word << 4 | ((uintptr_t)result->state & 0xf);
	word = word << 1 | (uintptr_t)(result->flapping != 0);
	word = word << 16 | MIN(result->attempt, UINT16_MAX);
	return (void *)word; // NOLINT(performance-no-int-to-ptr)
}

static Gavea__V1__Record *unpack(const struct thin_record *record)
{
	return gavea__v1__record__unpack(
		NULL, record->size - SEGMENT_RECORD_HEADER_SIZE, record->bytes + SEGMENT_RECORD_HEADER_SIZE);
}

/* Checks by their number in this stream: "NUMBER" -> name. */
static int note_check(struct strmap *names, const Gavea__V1__Check *check)
{
	char *name = strdup(check->name), key[16];
	void *old = NULL;
	int r;

	snprintf(key, sizeof key, "%" PRIu32, check->number);
	r = name ? strmap_set(names, key, name, &old) : -ENOMEM;
	free(r < 0 ? name : old);
	return r;
}

static int note_result(
	struct strmap *said, const struct strmap *names, const Gavea__V1__Result *result, bool *ret_repeats)
{
	void *now = saying(result), *before = NULL;
	const char *name;
	char key[16];
	int r;

	snprintf(key, sizeof key, "%" PRIu32, result->check);
	name = strmap_get(names, key);
	if (!name)
		return 0;
	r = strmap_set(said, name, now, &before);
	*ret_repeats = r == 0 && before == now;
	return r;
}

static int mark(struct thinning_job *job, struct strmap *names, struct thin_record *at)
{
	Gavea__V1__Record *record;
	int r = 0;

	if (at->kind != GAVEA_RECORD_CHECK && at->kind != GAVEA_RECORD_RESULT)
		return 0;
	record = unpack(at);
	if (record && record->body_case == GAVEA__V1__RECORD__BODY_CHECK)
		r = note_check(names, record->check);
	else if (record && record->body_case == GAVEA__V1__RECORD__BODY_RESULT)
		r = note_result(&job->spool->said, names, record->result, &at->drop);
	if (record)
		gavea__v1__record__free_unpacked(record, NULL);
	return r;
}

/* Also those that repeat what the segment before ended with, when that was the last one to be looked through. */
static int mark_repeats(struct thinning_job *job)
{
	struct spool *spool = job->spool;
	struct strmap names = {.entries = NULL};
	size_t i = (size_t)(job->segment - spool->segments);
	int r = 0;

	if (i == 0 || spool->said_up_to != spool->segments[i - 1].stream)
		strmap_done(&spool->said, NULL);
	spool->said_up_to = 0;
	for (size_t k = 0; r == 0 && k < job->count; k++)
		r = mark(job, &names, &job->records[k]);
	if (r == 0)
		spool->said_up_to = job->segment->stream;
	strmap_done(&names, free);
	return r;
}

static int choose(struct thinning_job *job)
{
	int r = job->level == THINNED_REPEATS ? mark_repeats(job) : 0;

	for (size_t i = 0; i < job->count; i++) {
		struct thin_record *record = &job->records[i];

		switch (record->kind) {
		case GAVEA_RECORD_SERIES:
		case GAVEA_RECORD_SAMPLES:
			record->drop = true;
			break;
		case GAVEA_RECORD_CHECK:
			record->drop = job->level == THINNED_ALL;
			break;
		case GAVEA_RECORD_LOSS:
			record->drop = record->seq <= job->everyone_has;
			break;
		default:
			record->drop |= job->level == THINNED_ALL || record->seq <= job->everyone_has;
		}
	}
	return r;
}

/* ---- Telling ---- */

/* Whether some output has had a but not b: it must not be told of both in one. */
static bool is_parted(const struct spool *spool, uint64_t a, uint64_t b)
{
	for (size_t i = 0; i < spool->cursor_count; i++)
		if (spool->cursors[i]->seq >= a && spool->cursors[i]->seq < b)
			return true;
	return false;
}

static int add_loss(struct thinning_job *job, const struct thin_record *record, int class)
{
	struct loss *loss = job->loss_count ? &job->losses[job->loss_count - 1] : NULL;

	for (size_t i = 0; i < job->spool->cursor_count; i++)
		job->lost[i] += record->seq > job->spool->cursors[i]->seq;
	if (!loss || is_parted(job->spool, loss->last_seq, record->seq)) {
		if (GROW(job->losses, job->loss_count, job->loss_room) < 0)
			return -ENOMEM;
		loss = &job->losses[job->loss_count++];
		*loss = (struct loss){.first_seq = record->seq, .cause = job->cause};
	}
	loss->last_seq = record->seq;
	loss->time_ms = record->time_ms;
	loss->counts[class]++;
	job->dropped.counts[class]++;
	return 0;
}

static int gather_losses(struct thinning_job *job)
{
	int r = 0;

	job->lost = calloc(job->spool->cursor_count + 1, sizeof *job->lost);
	if (!job->lost)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < job->count; i++) {
		const struct thin_record *record = &job->records[i];
		int class = drop_class_of(record->kind);

		if (record->drop && class >= 0 && record->seq > job->everyone_has)
			r = add_loss(job, record, class);
	}
	return r;
}

/* The segment before has nothing but Loss records: the last one of them and the first of this one become one
 * where they tell of the same. So an outage of any length leaves few of them. */
static void join_losses(struct thinning_job *job)
{
	struct thin_record *last = NULL;
	struct loss before, *first;

	for (size_t i = 0; i < job->count; i++)
		if (job->records[i].kind == GAVEA_RECORD_LOSS && !job->records[i].drop)
			last = &job->records[i];
	if (!last || !job->loss_count)
		return;
	first = &job->losses[0];
	if (last->seq > first->last_seq || is_parted(job->spool, last->seq, first->last_seq) ||
		loss_decode(last->bytes + SEGMENT_RECORD_HEADER_SIZE, last->size - SEGMENT_RECORD_HEADER_SIZE,
			&before) < 0 ||
		before.cause != first->cause)
		return;
	last->drop = true;
	first->first_seq = MIN(first->first_seq, before.first_seq);
	for (int class = 0; class < DROP_CLASSES; class ++)
		first->counts[class] += before.counts[class];
}

/* ---- Writing ---- */

static void put_record(struct thinning_job *job, const struct thin_record *record)
{
	buf_add(&job->new, record->bytes, record->size);
	segment_count(&job->result, record->seq, record->kind, record->time_ms);
}

static void put_loss(struct thinning_job *job, const struct loss *loss)
{
	uint8_t header[SEGMENT_RECORD_HEADER_SIZE], bytes[LOSS_MAX_BYTES];
	size_t length = loss_encode(loss, bytes);

	segment_encode_record(loss->last_seq, bytes, length, header);
	buf_add(&job->new, header, sizeof header);
	buf_add(&job->new, bytes, length);
	segment_count(&job->result, loss->last_seq, GAVEA_RECORD_LOSS, loss->time_ms);
}

static int build(struct thinning_job *job)
{
	const struct segment *segment = job->segment;
	struct segment_header header = {.stream = segment->stream,
		.first_seq = job->before ? job->before->begin_seq : segment->begin_seq};
	uint8_t bytes[SEGMENT_HEADER_SIZE];
	size_t next = 0;

	memcpy(header.spool_id, segment->spool_id, sizeof header.spool_id);
	segment_encode_header(&header, bytes);
	buf_add(&job->new, bytes, sizeof bytes);
	job->result = (struct segment){
		.stream = segment->stream,
		.in_memory = segment->in_memory,
		.fd = -EBADF,
		.begin_seq = header.first_seq,
		.written_ns = segment->written_ns,
		.thinned = (int)job->level,
		.version = segment->version + 1,
	};
	memcpy(job->result.spool_id, segment->spool_id, sizeof job->result.spool_id);
	for (size_t i = 0; i < job->count; i++) {
		const struct thin_record *record = &job->records[i];

		if (!record->drop)
			put_record(job, record);
		else if (next < job->loss_count && job->losses[next].last_seq == record->seq)
			put_loss(job, &job->losses[next++]);
	}
	job->result.size = job->new.size;
	return buf_error(&job->new);
}

static int write_memory(struct thinning_job *job)
{
	char name[32];
	int r;

	segment_file_name(job->segment->stream, name);
	job->result.fd = memfd_create(name, MFD_CLOEXEC);
	if (job->result.fd < 0)
		return -errno;
	r = fd_pwrite_full(job->result.fd, job->new.data, job->new.size, 0);
	return r;
}

static int write_disk(struct thinning_job *job)
{
	int folder = job->spool->folder, r;
	char name[32], fresh[48];
	_cleanup_fd_ int fd = -EBADF;

	segment_file_name(job->segment->stream, name);
	snprintf(fresh, sizeof fresh, "%s.new", name);
	fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	r = fd_pwrite_full(fd, job->new.data, job->new.size, 0);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(folder, fresh, folder, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(folder, fresh, 0);
		return r;
	}
	/* Whichever of the two a crash leaves is whole, so that this fails is no reason to go back. */
	(void)fsync(folder);
	return 0;
}

/* ---- All of it ---- */

static uint64_t everyone_has(const struct spool *spool)
{
	uint64_t seq = UINT64_MAX;

	for (size_t i = 0; i < spool->cursor_count; i++)
		seq = MIN(seq, spool->cursors[i]->seq);
	return seq;
}

static void apply(struct thinning_job *job, size_t i)
{
	struct spool *spool = job->spool;

	for (size_t c = 0; c < spool->cursor_count; c++) {
		spool->cursors[c]->lost += job->lost[c];
		if (spool->cursors[c]->stream == job->segment->stream)
			spool->cursors[c]->stream = 0;
	}
	fd_close(spool->segments[i].fd);
	spool->segments[i] = job->result;
	job->result.fd = -EBADF;
	if (job->before)
		spool_remove_segment(spool, i - 1);
}

static bool takes_up(const struct segment *before, const struct segment *segment)
{
	return before->thinned == THINNED_ALL && before->in_memory == segment->in_memory &&
		memcmp(before->spool_id, segment->spool_id, sizeof before->spool_id) == 0;
}

static int prepare(struct thinning_job *job)
{
	int r = read_all(job);

	if (r == 0)
		r = choose(job);
	if (r == 0)
		r = gather_losses(job);
	if (r < 0)
		return r;
	if (job->before)
		join_losses(job);
	return build(job);
}

int spool_thin(struct spool *spool, size_t i, enum thinning level, enum drop_cause cause)
{
	struct segment *segment = &spool->segments[i];
	_cleanup_(job_done) struct thinning_job job = {
		.spool = spool,
		.segment = segment,
		.level = level,
		.cause = cause,
		.dropped = {.cause = cause},
		.everyone_has = everyone_has(spool),
		.result = {.fd = -EBADF},
	};
	int r;

	if (level == THINNED_ALL && i > 0 && takes_up(segment - 1, segment))
		job.before = segment - 1;
	r = prepare(&job);
	if (r < 0)
		return r;
	if (job.new.size >= segment->size && !job.before) {
		segment->thinned = (int)level;
		return 0;
	}
	r = segment->in_memory ? write_memory(&job) : write_disk(&job);
	if (r < 0)
		return r;
	spool_count_loss(spool, &job.dropped);
	apply(&job, i);
	return 1;
}
