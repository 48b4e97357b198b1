/* SPDX-License-Identifier: Apache-2.0 */
#include "pgdump.h"

#include "base/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <zlib.h>

#define CHUNK (64u << 10)
#define ENTRIES_MAX 5000000
#define TEXT_MAX_BYTES (1u << 30) /* of one string: no definition is larger */

#define BLOCK_DATA 1
#define BLOCK_LARGE_OBJECTS 3
#define FORMAT_CUSTOM 1
#define OFFSET_NO_DATA 3
#define PACK_NONE 0
#define PACK_GZIP 1

#define OLDEST VERSION(1, 10) /* PostgreSQL 8.0 */
#define NEWEST VERSION(1, 16) /* PostgreSQL 17 */
#define VERSION(major, minor) ((major)*256 + (minor))

struct promise {
	int64_t id; /* of an entry with data */
	bool kept;
};

struct reader {
	pgdump_source source;
	void *userdata;
	uint64_t max;
	struct pgdump *dump;
	struct error *error;
	int version;
	int int_size;
	int offset_size;
	int packing;
	int failed; /* 0, or the first error */
	struct promise *promises; /* by id, once all are there */
	size_t promise_count;
	size_t promise_room;
	z_stream zlib;
	bool zlib_open;
	unsigned char in[CHUNK];
	unsigned char out[CHUNK];
};

#define fail(reader, r, ...) ((reader)->failed = error_set((reader)->error, r, __VA_ARGS__))

/* ---- Bytes, numbers, strings ---- */

/* False at the end too, then without an error. */
static bool read_some(struct reader *reader, void *buffer, size_t size, size_t *ret_size)
{
	ssize_t n = reader->failed < 0 ? reader->failed : reader->source(reader->userdata, buffer, size);

	if (n < 0)
		reader->failed = (int)n;
	*ret_size = n > 0 ? (size_t)n : 0;
	return *ret_size == size;
}

static bool read_bytes(struct reader *reader, void *buffer, size_t size, const char *what)
{
	size_t n;

	if (read_some(reader, buffer, size, &n))
		return true;
	if (reader->failed == 0)
		fail(reader, -EBADMSG, "it is cut off in %s", what);
	return false;
}

static int read_byte(struct reader *reader, const char *what)
{
	unsigned char byte;

	return read_bytes(reader, &byte, 1, what) ? byte : 0;
}

/* A sign, then the magnitude with its least byte first. */
static int64_t read_int(struct reader *reader, const char *what)
{
	unsigned char bytes[9];
	uint64_t value = 0;

	if (!read_bytes(reader, bytes, (size_t)reader->int_size + 1, what))
		return 0;
	for (int i = reader->int_size; i > 0; i--)
		value = value << 8 | bytes[i];
	if (value > UINT64_C(1) << 31) {
		fail(reader, -EBADMSG, "there is a number out of all bounds in %s", what);
		return 0;
	}
	return bytes[0] ? -(int64_t)value : (int64_t)value;
}

static bool skip(struct reader *reader, uint64_t size, const char *what)
{
	while (size > 0 && reader->failed == 0) {
		size_t n = (size_t)MIN(size, (uint64_t)CHUNK);

		if (!read_bytes(reader, reader->in, n, what))
			return false;
		size -= n;
	}
	return reader->failed == 0;
}

/* Keeps the beginning of it, if room is not 0. False: there is none, or it failed. */
static bool read_text(struct reader *reader, char *text, size_t room, const char *what)
{
	int64_t length = read_int(reader, what);
	size_t kept = 0;

	if (room)
		text[0] = '\0';
	if (reader->failed < 0 || length < 0)
		return false;
	if (length > TEXT_MAX_BYTES) {
		fail(reader, -EBADMSG, "there is a text of %" PRId64 " bytes in %s", length, what);
		return false;
	}
	if (room) {
		kept = MIN((size_t)length, room - 1);
		if (!read_bytes(reader, text, kept, what))
			return false;
		text[kept] = '\0';
	}
	return skip(reader, (uint64_t)length - kept, what);
}

/* ---- Header ---- */

static const char header[] = "its header";

static void read_version(struct reader *reader)
{
	unsigned char bytes[8] = {0};

	if (!read_bytes(reader, bytes, sizeof(bytes), header))
		return;
	if (memcmp(bytes, PGDUMP_MAGIC, 5) != 0) {
		fail(reader, -EBADMSG, "it is no dump in pg_dump's custom format");
		return;
	}
	reader->dump->major = bytes[5];
	reader->dump->minor = bytes[6];
	reader->version = VERSION(bytes[5], bytes[6]);
	if (reader->version < OLDEST || reader->version > NEWEST) {
		fail(reader, -EPROTONOSUPPORT, "its format %d.%d is not known", bytes[5], bytes[6]);
		return;
	}
	reader->int_size = read_byte(reader, header);
	reader->offset_size = read_byte(reader, header);
	if (reader->failed == 0 &&
		(reader->int_size < 1 || reader->int_size > 8 || reader->offset_size < 1 ||
			reader->offset_size > 8))
		fail(reader, -EBADMSG, "its header is damaged");
	if (read_byte(reader, header) != FORMAT_CUSTOM && reader->failed == 0)
		fail(reader, -EBADMSG, "its header is damaged: the format is not custom");
}

static void read_header(struct reader *reader)
{
	int64_t packing;

	read_version(reader);
	if (reader->failed < 0)
		return;
	/* Before 1.15 a level: -1 is the usual one of zlib. */
	packing = reader->version >= VERSION(1, 15) ? read_byte(reader, header)
		: read_int(reader, header)          ? PACK_GZIP
						    : PACK_NONE;
	reader->packing = (int)packing;
	reader->dump->inflated = reader->packing <= PACK_GZIP;
	for (int i = 0; i < 7; i++) /* when it was made, in local time without a zone */
		(void)read_int(reader, header);
	(void)read_text(reader, reader->dump->database, sizeof(reader->dump->database), header);
	(void)read_text(reader, reader->dump->server, sizeof(reader->dump->server), header);
	(void)read_text(reader, NULL, 0, header);
}

/* ---- Table of contents ---- */

static const char contents[] = "its table of contents";

static void skip_texts(struct reader *reader, int count)
{
	for (int i = 0; i < count && reader->failed == 0; i++)
		(void)read_text(reader, NULL, 0, contents);
}

static void read_entry(struct reader *reader)
{
	int64_t id = read_int(reader, contents);
	int state;

	(void)read_int(reader, contents); /* whether it has data; the state of the offset says more */
	skip_texts(reader, 4); /* table's and own number, tag, description */
	if (reader->version >= VERSION(1, 11))
		(void)read_int(reader, contents); /* section */
	skip_texts(reader, 5); /* definition, how to drop and copy it, schema, tablespace */
	if (reader->version >= VERSION(1, 14))
		skip_texts(reader, 1); /* access method */
	if (reader->version >= VERSION(1, 16))
		(void)read_int(reader, contents); /* kind of relation */
	skip_texts(reader, 2); /* owner, whether it has OIDs */
	while (reader->failed == 0 && read_text(reader, NULL, 0, contents))
		; /* what it depends on, up to one that is not there */
	state = read_byte(reader, contents);
	(void)skip(reader, (uint64_t)reader->offset_size, contents);
	if (reader->failed < 0 || state == OFFSET_NO_DATA)
		return;
	if (GROW(reader->promises, reader->promise_count, reader->promise_room) < 0)
		fail(reader, -ENOMEM, "out of memory");
	else
		reader->promises[reader->promise_count++] = (struct promise){id, false};
}

static int by_id(const void *a, const void *b)
{
	const struct promise *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static void read_contents(struct reader *reader)
{
	int64_t count = read_int(reader, contents);

	if (reader->failed == 0 && (count < 0 || count > ENTRIES_MAX))
		fail(reader, -EBADMSG, "its table of contents has %" PRId64 " entries", count);
	for (; reader->failed == 0 && count > 0; count--) {
		read_entry(reader);
		reader->dump->entries++;
	}
	if (reader->promise_count)
		qsort(reader->promises, reader->promise_count, sizeof(reader->promises[0]), by_id);
}

/* ---- Data ---- */

static const char data[] = "its data";

static void count_data(struct reader *reader, size_t size)
{
	reader->dump->size += size;
	if (reader->dump->size > reader->max)
		fail(reader, -EFBIG, "it holds more than %" PRIu64 " bytes of data", reader->max);
}

static void begin_stream(struct reader *reader)
{
	int r = reader->zlib_open ? inflateReset(&reader->zlib) : inflateInit(&reader->zlib);

	if (r != Z_OK)
		fail(reader, -ENOMEM, "out of memory");
	reader->zlib_open = true;
}

/* Inflates what is in `in`. True: the stream has ended. */
static bool inflate_piece(struct reader *reader, size_t size, bool ended)
{
	int r = ended ? Z_DATA_ERROR : Z_OK; /* nothing may follow its end */

	reader->zlib.next_in = reader->in;
	reader->zlib.avail_in = (unsigned)size;
	while (reader->failed == 0 && r == Z_OK && reader->zlib.avail_in > 0) {
		reader->zlib.next_out = reader->out;
		reader->zlib.avail_out = CHUNK;
		r = inflate(&reader->zlib, Z_NO_FLUSH);
		count_data(reader, CHUNK - reader->zlib.avail_out);
	}
	if (reader->failed == 0 &&
		(r == Z_DATA_ERROR || (r != Z_OK && r != Z_STREAM_END) || reader->zlib.avail_in > 0))
		fail(reader, -EBADMSG, "its data are damaged: %s",
			reader->zlib.msg ? reader->zlib.msg : "they do not inflate");
	return r == Z_STREAM_END;
}

/* Pieces with their sizes, up to one of none. */
static void read_stream(struct reader *reader)
{
	bool gzip = reader->packing == PACK_GZIP, ended = false, any = false;
	int64_t size;

	if (gzip)
		begin_stream(reader);
	while ((size = read_int(reader, data)) > 0 && reader->failed == 0) {
		for (size_t n; size > 0 && reader->failed == 0; size -= (int64_t)n) {
			n = (size_t)MIN(size, (int64_t)CHUNK);
			if (!read_bytes(reader, reader->in, n, data))
				return;
			any = true;
			if (gzip)
				ended = inflate_piece(reader, n, ended);
			else
				count_data(reader, n);
		}
	}
	if (reader->failed == 0 && size < 0)
		fail(reader, -EBADMSG, "its data are damaged: a piece has no size");
	if (reader->failed == 0 && gzip && any && !ended)
		fail(reader, -EBADMSG, "its data are damaged: they end too early");
}

static void read_block(struct reader *reader, int kind)
{
	struct promise key = {.id = read_int(reader, data)}, *promise;

	if (reader->failed < 0)
		return;
	promise = reader->promise_count
		? bsearch(&key, reader->promises, reader->promise_count, sizeof(reader->promises[0]), by_id)
		: NULL;
	if (!promise) {
		fail(reader, -EBADMSG,
			"its data are damaged: entry %" PRId64 " is not in the table of contents", key.id);
		return;
	}
	promise->kept = true;
	reader->dump->blocks++;
	if (kind == BLOCK_DATA)
		read_stream(reader);
	else
		while (read_int(reader, data) != 0 && reader->failed == 0)
			read_stream(reader);
}

static void read_blocks(struct reader *reader)
{
	unsigned char kind;
	size_t n, missing = 0;

	while (reader->failed == 0 && read_some(reader, &kind, 1, &n)) {
		if (kind != BLOCK_DATA && kind != BLOCK_LARGE_OBJECTS)
			fail(reader, -EBADMSG,
				"its data are damaged: there is a block of the unknown kind %d", kind);
		else
			read_block(reader, kind);
	}
	for (size_t i = 0; i < reader->promise_count; i++)
		missing += !reader->promises[i].kept;
	if (reader->failed == 0 && missing)
		fail(reader, -EBADMSG,
			"it is cut off: the data of %zu of %zu entries are missing; look why the job ended "
			"before it was "
			"done",
			missing, reader->promise_count);
}

int pgdump_read(
	pgdump_source source, void *userdata, uint64_t max, struct pgdump *ret_dump, struct error *error)
{
	_cleanup_free_ struct reader *reader = calloc(1, sizeof(*reader));
	int r;

	*ret_dump = (struct pgdump){0};
	if (!reader)
		return error_set(error, -ENOMEM, "out of memory");
	reader->source = source;
	reader->userdata = userdata;
	reader->max = max;
	reader->dump = ret_dump;
	reader->error = error;
	read_header(reader);
	if (reader->failed == 0)
		read_contents(reader);
	if (reader->failed == 0)
		read_blocks(reader);
	r = reader->failed;
	if (reader->zlib_open)
		inflateEnd(&reader->zlib);
	free(reader->promises);
	return r;
}
