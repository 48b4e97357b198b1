/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/journal.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/fd.h"
#include "base/random.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define HEADER_SIZE 20
#define RECORD_HEADER_SIZE 8
#define PAYLOAD_LEAST 10 /* type, operation, name length */
#define NAME_MAX_BYTES 255
#define PAYLOAD_MOST (PAYLOAD_LEAST + NAME_MAX_BYTES + JOURNAL_DETAIL_MAX)
#define FILE_MAX (4 * JOURNAL_COMPACT_SIZE)

enum record_type {
	RECORD_BEGIN = 1,
	RECORD_INTENT = 2,
	RECORD_DONE = 3,
	RECORD_END = 4,
};

/* When something began, and what it is called in traces. */
struct begun {
	uint8_t span_id[8];
	int64_t unix_us;
	int64_t mono_ns;
};

struct gavea_operation {
	struct journal *journal;
	uint64_t id;
	char *name;
	char *step; /* the last one that was written; NULL: none */
	void *detail;
	size_t detail_size;
	bool done;
	uint8_t trace_id[16];
	struct begun begun, step_begun;
	bool resumed, step_resumed;
};

struct journal {
	char *path;
	int fd; /* -EBADF: there is no file yet */
	size_t size; /* of the file */
	uint64_t last_id;
	bool broken;
	struct gavea_operation *operations[JOURNAL_OPERATIONS_MAX]; /* oldest first */
	size_t count;
	void (*ended)(const struct journal_span *span, void *userdata); /* NULL: nobody asks */
	void *userdata;
};

struct record {
	enum record_type type;
	uint64_t id;
	const char *name;
	size_t name_length;
	const void *detail;
	size_t detail_size;
};

static const char header[HEADER_SIZE] = "gavea-opsjrnl\n\0\0\1\0\0";

static void operation_free(struct gavea_operation *operation)
{
	if (!operation)
		return;
	free(operation->name);
	free(operation->step);
	free(operation->detail);
	free(operation);
}

static void forget(struct journal *journal)
{
	for (size_t i = 0; i < journal->count; i++)
		operation_free(journal->operations[i]);
	journal->count = 0;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	forget(journal);
	fd_close(journal->fd);
	free(journal->path);
	free(journal);
}

static void encode(struct buf *out, const struct record *record)
{
	char head[RECORD_HEADER_SIZE + PAYLOAD_LEAST];
	size_t length = PAYLOAD_LEAST + record->name_length + record->detail_size, start = out->size;

	put_le32(head, (uint32_t)length);
	put_le32(head + 4, 0);
	head[8] = (char)record->type;
	put_le64(head + 9, record->id);
	head[17] = (char)record->name_length;
	buf_add(out, head, sizeof head);
	buf_add(out, record->name, record->name_length);
	buf_add(out, record->detail, record->detail_size);
	if (buf_error(out) == 0)
		put_le32(out->data + start + 4, crc32c(0, out->data + start + RECORD_HEADER_SIZE, length));
}

/* ---- Traces ---- */

static void begin(struct begun *begun)
{
	random_bytes(begun->span_id, sizeof begun->span_id);
	begun->unix_us = clock_ns(CLOCK_REALTIME) / NSEC_PER_USEC;
	begun->mono_ns = clock_ns(CLOCK_MONOTONIC);
}

static void tell_end(const struct gavea_operation *operation, bool step, const char *error)
{
	const struct journal *journal = operation->journal;
	const struct begun *begun = step ? &operation->step_begun : &operation->begun;
	struct journal_span span = {
		.name = step ? operation->step : operation->name,
		.trace_id = operation->trace_id,
		.span_id = begun->span_id,
		.parent_id = step ? operation->begun.span_id : NULL,
		.start_us = begun->unix_us,
		.duration_us = (clock_ns(CLOCK_MONOTONIC) - begun->mono_ns) / NSEC_PER_USEC,
		.error = error,
		.resumed = step ? operation->step_resumed : operation->resumed,
	};

	if (journal->ended)
		journal->ended(&span, journal->userdata);
}

void journal_trace(struct journal *journal, void (*ended)(const struct journal_span *span, void *userdata),
	void *userdata)
{
	journal->ended = ended;
	journal->userdata = userdata;
	for (size_t i = 0; i < journal->count; i++)
		journal->operations[i]->resumed = journal->operations[i]->step_resumed = true;
}

/* ---- What the records mean ---- */

static size_t find(const struct journal *journal, uint64_t id)
{
	size_t i = 0;

	while (i < journal->count && journal->operations[i]->id != id)
		i++;
	return i;
}

static int add_operation(struct journal *journal, uint64_t id, const char *name, size_t length)
{
	struct gavea_operation *operation = calloc(1, sizeof *operation);

	if (operation)
		operation->name = strndup(name, length);
	if (!operation || !operation->name) {
		operation_free(operation);
		return -ENOMEM;
	}
	operation->journal = journal;
	operation->id = id;
	random_bytes(operation->trace_id, sizeof operation->trace_id);
	begin(&operation->begun);
	journal->operations[journal->count++] = operation;
	journal->last_id = MAX(journal->last_id, id);
	return 0;
}

static int set_step(struct gavea_operation *operation, const struct record *record)
{
	char *step = strndup(record->name, record->name_length);
	void *detail = malloc(record->detail_size + 1);

	if (!step || !detail) {
		free(step);
		free(detail);
		return -ENOMEM;
	}
	if (record->detail_size)
		memcpy(detail, record->detail, record->detail_size);
	if (operation->step && !operation->done)
		tell_end(operation, true, "not seen to be done");
	begin(&operation->step_begun);
	operation->step_resumed = false;
	free(operation->step);
	free(operation->detail);
	operation->step = step;
	operation->detail = detail;
	operation->detail_size = record->detail_size;
	operation->done = false;
	return 0;
}

static void remove_operation(struct journal *journal, size_t at)
{
	operation_free(journal->operations[at]);
	journal->count--;
	memmove(&journal->operations[at], &journal->operations[at + 1],
		(journal->count - at) * sizeof journal->operations[0]);
}

/* 0, -ENOMEM, or -EBADMSG: such a record can't follow on those before it. */
static int apply(struct journal *journal, const struct record *record)
{
	size_t at = find(journal, record->id);
	struct gavea_operation *operation;

	if (record->type == RECORD_BEGIN) {
		if (at < journal->count || journal->count == JOURNAL_OPERATIONS_MAX)
			return -EBADMSG;
		return add_operation(journal, record->id, record->name, record->name_length);
	}
	if (at == journal->count)
		return -EBADMSG;
	operation = journal->operations[at];
	switch (record->type) {
	case RECORD_INTENT:
		return set_step(operation, record);
	case RECORD_DONE:
		if (!operation->step || strlen(operation->step) != record->name_length ||
			memcmp(operation->step, record->name, record->name_length) != 0)
			return -EBADMSG;
		if (!operation->done)
			tell_end(operation, true, NULL);
		operation->done = true;
		return 0;
	case RECORD_END:
		remove_operation(journal, at);
		return 0;
	default:
		return -EBADMSG;
	}
}

/* ---- Reading ---- */

static bool all_zero(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static int decode_payload(const char *payload, size_t length, struct record *ret_record)
{
	*ret_record = (struct record){
		.type = (enum record_type)payload[0],
		.id = get_le64(payload + 1),
		.name = payload + PAYLOAD_LEAST,
		.name_length = (unsigned char)payload[9],
	};
	if (PAYLOAD_LEAST + ret_record->name_length > length)
		return -EBADMSG;
	ret_record->detail = ret_record->name + ret_record->name_length;
	ret_record->detail_size = length - PAYLOAD_LEAST - ret_record->name_length;
	return 0;
}

/* The record at the start of these bytes: its size; 0: it was cut off by a crash; -EBADMSG. Each record is
 * durable before the next one is written, so only the last one can have been cut off; some filesystems then
 * leave zeros. */
static ssize_t decode(const char *bytes, size_t size, struct record *ret_record)
{
	uint32_t length;

	if (size < RECORD_HEADER_SIZE)
		return 0;
	length = get_le32(bytes);
	if (length < PAYLOAD_LEAST || length > PAYLOAD_MOST)
		return all_zero(bytes, size) ? 0 : -EBADMSG;
	if (length > size - RECORD_HEADER_SIZE)
		return 0;
	if (get_le32(bytes + 4) != crc32c(0, bytes + RECORD_HEADER_SIZE, length))
		return length == size - RECORD_HEADER_SIZE ||
				all_zero(bytes + RECORD_HEADER_SIZE, size - RECORD_HEADER_SIZE)
			? 0
			: -EBADMSG;
	if (decode_payload(bytes + RECORD_HEADER_SIZE, length, ret_record) < 0)
		return -EBADMSG;
	return (ssize_t)(RECORD_HEADER_SIZE + length);
}

/* Applies all records; *ret_size is where the last whole one ends. */
static int replay(struct journal *journal, const struct buf *file, size_t *ret_size)
{
	size_t at = HEADER_SIZE;

	if (file->size < HEADER_SIZE) {
		*ret_size = 0;
		return file->size == 0 || memcmp(file->data, header, file->size) == 0 ? 0 : -EBADMSG;
	}
	if (memcmp(file->data, header, HEADER_SIZE) != 0)
		return -EBADMSG;
	while (at < file->size) {
		struct record record;
		ssize_t n = decode(file->data + at, file->size - at, &record);
		int r = n > 0 ? apply(journal, &record) : (int)n;

		if (r < 0)
			return r;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	*ret_size = at;
	return 0;
}

static int open_for_append(struct journal *journal, size_t size)
{
	int fd = open(journal->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	fd_close(journal->fd);
	journal->fd = fd;
	journal->size = size;
	return 0;
}

static int create(struct journal *journal)
{
	int r = file_write_atomic(AT_FDCWD, journal->path, header, HEADER_SIZE, 0600);

	return r < 0 ? r : open_for_append(journal, HEADER_SIZE);
}

static int damaged(const char *aside, struct error *error)
{
	return error_set(error, -EBADMSG,
		"the journal of operations is damaged and is kept as %s: find out what was being changed on "
		"this host, "
		"put it right, and then remove that file",
		aside);
}

static int load(struct journal *journal, struct error *error)
{
	_cleanup_buf_ struct buf file = BUF_INIT;
	_cleanup_free_ char *aside = NULL;
	size_t valid = 0;
	int r;

	if (asprintf(&aside, "%s.corrupt", journal->path) < 0) {
		aside = NULL;
		return -ENOMEM;
	}
	if (access(aside, F_OK) == 0)
		return damaged(aside, error);
	r = file_read(AT_FDCWD, journal->path, FILE_MAX, &file);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = replay(journal, &file, &valid);
	if (r == -EBADMSG || r == -EFBIG) {
		if (rename(journal->path, aside) < 0)
			return error_set(
				error, -errno, "the journal of operations %s is damaged", journal->path);
		return damaged(aside, error);
	}
	if (r == 0)
		r = valid == 0 ? create(journal) : open_for_append(journal, valid);
	if (r == 0 && valid > 0 && valid < file.size &&
		(ftruncate(journal->fd, (off_t)valid) < 0 || fsync(journal->fd) < 0))
		r = -errno;
	if (r < 0)
		return error_set(error, r, "cannot read the journal of operations %s: %s", journal->path,
			strerror(-r));
	return 0;
}

int journal_open(const char *path, struct journal **ret_journal, struct error *error)
{
	_cleanup_(journal_freep) struct journal *journal = calloc(1, sizeof *journal);
	int r = 0;

	if (!journal)
		return -ENOMEM;
	journal->fd = -EBADF;
	if (path) {
		journal->path = strdup(path);
		r = journal->path ? load(journal, error) : -ENOMEM;
	}
	if (r < 0)
		return r;
	*ret_journal = TAKE_PTR(journal);
	return 0;
}

/* ---- Writing ---- */

/* Makes one record durable, or leaves the file as it was. */
static int append(struct journal *journal, const struct record *record)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	int r;

	if (!journal->path)
		return 0;
	if (journal->broken)
		return -EIO;
	encode(&bytes, record);
	r = buf_error(&bytes);
	if (r == 0 && journal->fd < 0)
		r = create(journal);
	if (r < 0)
		return r;
	r = fd_pwrite_full(journal->fd, bytes.data, bytes.size, (off_t)journal->size);
	if (r < 0) {
		if (ftruncate(journal->fd, (off_t)journal->size) < 0)
			journal->broken = true;
		return r;
	}
	/* After a failed sync nobody knows what is on the disk, and asking again would not tell. */
	if (fdatasync(journal->fd) < 0) {
		journal->broken = true;
		return -errno;
	}
	journal->size += bytes.size;
	return 0;
}

static void encode_operation(struct buf *out, const struct gavea_operation *operation)
{
	struct record record = {
		RECORD_BEGIN, operation->id, operation->name, strlen(operation->name), NULL, 0};

	encode(out, &record);
	if (!operation->step)
		return;
	record = (struct record){RECORD_INTENT, operation->id, operation->step, strlen(operation->step),
		operation->detail, operation->detail_size};
	encode(out, &record);
	record = (struct record){
		RECORD_DONE, operation->id, operation->step, strlen(operation->step), NULL, 0};
	if (operation->done)
		encode(out, &record);
}

/* Lets go of what has ended. That it fails is no loss: the records mean the same either way. */
static void compact(struct journal *journal)
{
	_cleanup_buf_ struct buf file = BUF_INIT;

	if (!journal->path || journal->fd < 0 || journal->broken)
		return;
	if (journal->count == 0 && journal->size > HEADER_SIZE) {
		/* Synced before anything is written there again: else a crash could leave new bytes amid old
		 * ones. */
		if (ftruncate(journal->fd, HEADER_SIZE) < 0)
			return;
		if (fsync(journal->fd) < 0)
			journal->broken = true;
		journal->size = HEADER_SIZE;
		return;
	}
	if (journal->size < JOURNAL_COMPACT_SIZE * 2)
		return;
	buf_add(&file, header, HEADER_SIZE);
	for (size_t i = 0; i < journal->count; i++)
		encode_operation(&file, journal->operations[i]);
	if (buf_error(&file) < 0 || file.size > journal->size / 2 ||
		file_write_atomic(AT_FDCWD, journal->path, file.data, file.size, 0600) < 0)
		return;
	if (open_for_append(journal, file.size) < 0)
		journal->broken = true;
}

/* Writes the record and then does what it says. */
static int record(struct journal *journal, const struct record *what)
{
	int r;

	if (what->name_length > NAME_MAX_BYTES || what->detail_size > JOURNAL_DETAIL_MAX)
		return -E2BIG;
	r = append(journal, what);
	if (r == 0)
		r = apply(journal, what);
	if (r == 0)
		compact(journal);
	return r;
}

int journal_begin(struct journal *journal, const char *name, struct gavea_operation **ret_operation)
{
	struct record what = {RECORD_BEGIN, journal->last_id + 1, name, name ? strlen(name) : 0, NULL, 0};
	int r;

	if (what.name_length == 0)
		return -EINVAL;
	if (journal->count == JOURNAL_OPERATIONS_MAX)
		return -ENOSPC;
	r = record(journal, &what);
	if (r == 0)
		*ret_operation = journal->operations[journal->count - 1];
	return r;
}

int journal_step(struct gavea_operation *operation, const char *step, const void *detail, size_t size)
{
	struct record what = {RECORD_INTENT, 0, step, step ? strlen(step) : 0, detail, size};

	if (!operation || what.name_length == 0 || (size > 0 && !detail))
		return -EINVAL;
	what.id = operation->id;
	return record(operation->journal, &what);
}

int journal_done(struct gavea_operation *operation, const char *step)
{
	struct record what = {RECORD_DONE, 0, step, step ? strlen(step) : 0, NULL, 0};

	if (!operation || !step || !operation->step || !streq(step, operation->step))
		return -EINVAL;
	what.id = operation->id;
	return record(operation->journal, &what);
}

int journal_end(struct gavea_operation *operation)
{
	struct record what = {RECORD_END, 0, "", 0, NULL, 0};
	struct journal *journal;
	int r;

	if (!operation)
		return -EINVAL;
	journal = operation->journal;
	what.id = operation->id;
	r = append(journal, &what);
	if (operation->step && !operation->done)
		tell_end(operation, true, "not seen to be done");
	tell_end(operation, false,
		operation->step && !operation->done ? "its last step was not seen to be done" : NULL);
	/* Whatever happened, the handle is gone; an end that was not written is met again in the next open().
	 */
	remove_operation(journal, find(journal, what.id));
	if (r == 0)
		compact(journal);
	return r;
}

struct gavea_operation *journal_next(struct journal *journal, const struct gavea_operation *after)
{
	size_t at = after ? find(journal, after->id) + 1 : 0;

	return at < journal->count ? journal->operations[at] : NULL;
}

const char *journal_name(const struct gavea_operation *operation)
{
	return operation ? operation->name : NULL;
}

const char *journal_last(
	const struct gavea_operation *operation, bool *ret_done, const void **ret_detail, size_t *ret_size)
{
	if (!operation)
		return NULL;
	if (ret_done)
		*ret_done = operation->done;
	if (ret_detail)
		*ret_detail = operation->detail;
	if (ret_size)
		*ret_size = operation->detail_size;
	return operation->step;
}
