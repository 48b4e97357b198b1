/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugins/backup/pgdump.h"

#include "base/buf.h"

#include <errno.h>
#include <zlib.h>

#define ENTRY 7

struct input {
	const char *data;
	size_t size;
};

static ssize_t hand_out(void *userdata, void *buffer, size_t size)
{
	struct input *input = userdata;
	size_t n = MIN(size, input->size);

	memcpy(buffer, input->data, n);
	input->data += n;
	input->size -= n;
	return (ssize_t)n;
}

static void add_int(struct buf *out, int value)
{
	unsigned magnitude = (unsigned)(value < 0 ? -value : value);

	buf_add_char(out, value < 0);
	for (int i = 0; i < 4; i++)
		buf_add_char(out, (char)(magnitude >> 8 * i & 0xff));
}

static void add_text(struct buf *out, const char *text)
{
	add_int(out, text ? (int)strlen(text) : -1);
	if (text)
		buf_add_str(out, text);
}

/* Of format 1.14, with one entry that has data. */
static void add_head(struct buf *out, int minor, int level)
{
	buf_add(out, PGDUMP_MAGIC "\1", 6);
	buf_add_char(out, (char)minor);
	buf_add(out, "\0\4\10\1", 4);
	add_int(out, level);
	for (int i = 0; i < 7; i++)
		add_int(out, i);
	add_text(out, "shop");
	add_text(out, "15.1");
	add_text(out, "15.1");
	add_int(out, 1);
	add_int(out, ENTRY);
	add_int(out, 1);
	for (int i = 0; i < 4; i++)
		add_text(out, "x");
	add_int(out, 3);
	for (int i = 0; i < 6; i++)
		add_text(out, i ? NULL : "create");
	add_text(out, "owner");
	add_text(out, "false");
	add_text(out, "3");
	add_text(out, NULL);
	buf_add(out, "\1\0\0\0\0\0\0\0\0", 9);
}

static void add_block(struct buf *out, int entry, const void *data, size_t size)
{
	buf_add_char(out, 1);
	add_int(out, entry);
	add_int(out, (int)size);
	buf_add(out, data, size);
	add_int(out, 0);
}

static int read_it(const struct buf *text, size_t size, struct pgdump *dump, struct error *error)
{
	struct input input = {text->data, size};

	return pgdump_read(hand_out, &input, 100, dump, error);
}

static void assert_fails(const struct buf *text, size_t size, int code, const char *message)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct pgdump dump;

	assert_int_equal(read_it(text, size, &dump, &error), code);
	assert_string_equal(error.message, message);
}

static void a_whole_dump_is_taken(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct pgdump dump;

	(void)state;
	add_head(&text, 14, 0);
	add_block(&text, ENTRY, "1\n2\n", 4);
	assert_int_equal(read_it(&text, text.size, &dump, &error), 0);
	assert_string_equal(dump.database, "shop");
	assert_string_equal(dump.server, "15.1");
	assert_int_equal(dump.entries, 1);
	assert_int_equal(dump.blocks, 1);
	assert_int_equal(dump.size, 4);
	assert_true(dump.inflated);
}

static void a_dump_that_ended_early_says_what_is_missing(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t head;

	(void)state;
	add_head(&text, 14, 0);
	head = text.size;
	add_block(&text, ENTRY, "1\n2\n", 4);
	assert_fails(&text, 4, -EBADMSG, "it is cut off in its header");
	assert_fails(&text, 50, -EBADMSG, "it is cut off in its header");
	assert_fails(&text, head - 1, -EBADMSG, "it is cut off in its table of contents");
	assert_fails(&text, head, -EBADMSG,
		"it is cut off: the data of 1 of 1 entries are missing; look why the job ended before it was "
		"done");
	assert_fails(&text, text.size - 1, -EBADMSG, "it is cut off in its data");
}

static void data_are_inflated_and_their_checksum_is_looked_at(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char packed[64], content[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	uLongf size = sizeof(packed);
	struct pgdump dump;
	size_t head;

	(void)state;
	assert_int_equal(compress((Bytef *)packed, &size, (const Bytef *)content, 40), Z_OK);
	add_head(&text, 14, -1);
	head = text.size;
	add_block(&text, ENTRY, packed, size);
	assert_int_equal(read_it(&text, text.size, &dump, NULL), 0);
	assert_int_equal(dump.size, 40);
	text.size = head;
	packed[size - 1] ^= 1;
	add_block(&text, ENTRY, packed, size);
	assert_fails(&text, text.size, -EBADMSG, "its data are damaged: incorrect data check");
	text.size = head;
	add_block(&text, ENTRY, packed, size - 4);
	assert_fails(&text, text.size, -EBADMSG, "its data are damaged: they end too early");
}

static void what_does_not_belong_there_is_refused(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t head;

	(void)state;
	buf_add_str(&text, "-- PostgreSQL database dump");
	assert_fails(&text, text.size, -EBADMSG, "it is no dump in pg_dump's custom format");
	buf_reset(&text);
	add_head(&text, 99, 0);
	assert_fails(&text, text.size, -EPROTONOSUPPORT, "its format 1.99 is not known");
	buf_reset(&text);
	add_head(&text, 14, 0);
	head = text.size;
	add_block(&text, 8, "1", 1);
	assert_fails(
		&text, text.size, -EBADMSG, "its data are damaged: entry 8 is not in the table of contents");
	text.size = head;
	buf_add_char(&text, 9);
	assert_fails(
		&text, text.size, -EBADMSG, "its data are damaged: there is a block of the unknown kind 9");
	text.size = head;
	buf_add_char(&text, 1);
	add_int(&text, ENTRY);
	add_int(&text, -2);
	assert_fails(&text, text.size, -EBADMSG, "its data are damaged: a piece has no size");
	text.size = head;
	buf_add_char(&text, 1);
	buf_add(&text, "\0\377\377\377\377", 5);
	assert_fails(&text, text.size, -EBADMSG, "there is a number out of all bounds in its data");
}

static void more_data_than_the_bound_is_refused(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char content[101] = {0};

	(void)state;
	add_head(&text, 14, 0);
	add_block(&text, ENTRY, content, sizeof(content));
	assert_fails(&text, text.size, -EFBIG, "it holds more than 100 bytes of data");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_dump_is_taken),
		cmocka_unit_test(a_dump_that_ended_early_says_what_is_missing),
		cmocka_unit_test(data_are_inflated_and_their_checksum_is_looked_at),
		cmocka_unit_test(what_does_not_belong_there_is_refused),
		cmocka_unit_test(more_data_than_the_bound_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
