/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
