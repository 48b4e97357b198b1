/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* What the call writes to standard error. */
#define CAPTURE(buf, call) \
	do { \
		int pipe_[2], saved_ = dup(STDERR_FILENO); \
		assert_int_equal(pipe2(pipe_, O_CLOEXEC), 0); \
		dup2(pipe_[1], STDERR_FILENO); \
		call; \
		dup2(saved_, STDERR_FILENO); \
		close(saved_); \
		close(pipe_[1]); \
		(buf)->size += (size_t)fd_read_full(pipe_[0], buf_extend(buf, 8000), 8000); \
		(buf)->data[(buf)->size] = 0; \
		close(pipe_[0]); \
	} while (0)

static void a_line_bears_its_priority_for_the_journal(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	CAPTURE(&buf, log_warning("plugin %s: %d", "host", 3));
	assert_string_equal(buf_str(&buf), "<4>plugin host: 3\n");
}

static void lines_above_the_level_are_not_written(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(log_level(), LOG_LEVEL_ERROR);
	CAPTURE(&buf, {
		log_warning("not this");
		log_error("but this");
	});
	log_set_level(LOG_LEVEL_INFO);
	assert_string_equal(buf_str(&buf), "<3>but this\n");
}

static void a_message_cannot_forge_a_second_line(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	CAPTURE(&buf, log_info("peer said: %s", "x\n<3>forged\r\x1b[31m"));
	assert_string_equal(buf_str(&buf), "<6>peer said: x <3>forged  [31m\n");
}

static void a_long_message_is_cut_and_stays_one_line(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;
	char text[5000];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	CAPTURE(&buf, log_info("%s", text));
	assert_true(buf.size <= 2048);
	assert_int_equal(buf.data[buf.size - 1], '\n');
	assert_ptr_equal(strchr(buf.data, '\n'), buf.data + buf.size - 1);
}

static void in_json_each_line_is_an_object_with_its_fields(void **state _unused_)
{
	const struct log_field fields[] = {
		{"GAVEA_CHECK", "cert/www"}, {"TRACE_ID", "0af7"}, {"GAVEA_PLUGIN", NULL}};
	_cleanup_buf_ struct buf buf = BUF_INIT;
	const char *rest;

	log_open("gavead", LOG_FORMAT_JSON);
	CAPTURE(&buf,
		log_line_with(LOG_LEVEL_WARNING, fields, ARRAY_SIZE(fields), "it said \"%s\"", "x\ny\xff"));
	log_open("gavead", LOG_FORMAT_TEXT);
	assert_memory_equal(buf_str(&buf), "{\"time\":\"20", 11);
	rest = strstr(buf_str(&buf), "\"level\"");
	assert_non_null(rest);
	assert_memory_equal(rest, "\"level\":\"warning\",\"program\":\"gavead\",\"pid\":", 43);
	rest = strstr(rest, "\"message\"");
	assert_non_null(rest);
	assert_string_equal(rest,
		"\"message\":\"it said \\\"x "
		"y\xef\xbf\xbd\\\"\",\"check\":\"cert/www\",\"trace_id\":\"0af7\"}\n");
}

/* A socket as the journal's, and a line written to it with standard error being a pipe that the journal reads. */
static void journal_line(struct buf *out, bool same_stream)
{
	const struct log_field fields[] = {{"GAVEA_CHECK", "cert/www\nPRIORITY=0"}, {"TRACE_ID", ""}};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char stream[64], bytes[4096];
	struct stat st;
	ssize_t n;

	snprintf(address.sun_path, sizeof address.sun_path, "/tmp/test_log.%d", (int)getpid());
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + !same_stream);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open_at("gavead", LOG_FORMAT_AUTO, address.sun_path);
	log_line_with(LOG_LEVEL_ERROR, fields, ARRAY_SIZE(fields), "two\nlines");
	n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n > 0)
		buf_add(out, bytes, (size_t)n);
	close(fd);
	/* With nobody there any more the line goes where it went before. */
	log_error("without a journal");
	unlink(address.sun_path);
	unsetenv("JOURNAL_STREAM");
	log_open("gavead", LOG_FORMAT_TEXT);
}

static void under_systemd_lines_go_to_the_journal_with_fields(void **state _unused_)
{
	_cleanup_buf_ struct buf text = BUF_INIT, journal = BUF_INIT;

	CAPTURE(&text, journal_line(&journal, true));
	assert_string_equal(buf_str(&journal),
		"PRIORITY=3\nSYSLOG_IDENTIFIER=gavead\nMESSAGE=two lines\nGAVEA_CHECK=cert/www PRIORITY=0\n");
	assert_string_equal(buf_str(&text), "<3>without a journal\n");
}

static void where_standard_error_is_not_the_journals_lines_are_text(void **state _unused_)
{
	_cleanup_buf_ struct buf text = BUF_INIT, journal = BUF_INIT;

	CAPTURE(&text, journal_line(&journal, false));
	assert_string_equal(buf_str(&journal), "");
	assert_string_equal(buf_str(&text), "<3>two lines\n<3>without a journal\n");
}

static void formats_have_names(void **state _unused_)
{
	assert_int_equal(log_format_from_name("auto"), LOG_FORMAT_AUTO);
	assert_int_equal(log_format_from_name("text"), LOG_FORMAT_TEXT);
	assert_int_equal(log_format_from_name("json"), LOG_FORMAT_JSON);
	assert_int_equal(log_format_from_name("JSON"), -EINVAL);
}

static void levels_have_names(void **state _unused_)
{
	assert_int_equal(log_level_from_name("error"), LOG_LEVEL_ERROR);
	assert_int_equal(log_level_from_name("notice"), LOG_LEVEL_NOTICE);
	assert_int_equal(log_level_from_name("debug"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_from_name("Debug"), -EINVAL);
	assert_int_equal(log_level_from_name(""), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_bears_its_priority_for_the_journal),
		cmocka_unit_test(lines_above_the_level_are_not_written),
		cmocka_unit_test(a_message_cannot_forge_a_second_line),
		cmocka_unit_test(a_long_message_is_cut_and_stays_one_line),
		cmocka_unit_test(levels_have_names),
		cmocka_unit_test(formats_have_names),
		cmocka_unit_test(in_json_each_line_is_an_object_with_its_fields),
		cmocka_unit_test(under_systemd_lines_go_to_the_journal_with_fields),
		cmocka_unit_test(where_standard_error_is_not_the_journals_lines_are_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
