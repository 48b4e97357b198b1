/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "plugins/swap/heartbeat.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/gavea-heartbeat-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	(void)heartbeat_stop(folder);
	return rmdir(folder);
}

static const struct heartbeat usual = {
	.app = "shop",
	.swap = "0123",
	.patience = 60 * NSEC_PER_SEC,
	.share = 0,
	.traffic = "exec",
	.settings = {.app = "shop",
		.haproxy_socket = "/run/\"x\"",
		.backend = {"b", NULL},
		.target = (const char *const[]){"/srv/blue", "/srv/green"},
		.set_command = (const char *const[]){"/bin/set", "%p", NULL}},
};

static void what_was_written_is_read(void **state)
{
	struct heartbeat read;

	(void)state;
	assert_int_equal(heartbeat_beat(folder, &usual), 0);
	assert_int_equal(heartbeat_read(folder, &read, NULL), 0);
	assert_string_equal(read.app, "shop");
	assert_string_equal(read.swap, "0123");
	assert_string_equal(read.settings.app, "shop");
	assert_string_equal(read.settings.haproxy_socket, "/run/\"x\"");
	assert_string_equal(read.settings.backend[COLOUR_BLUE], "b");
	assert_null(read.settings.backend[COLOUR_GREEN]);
	assert_string_equal(read.settings.target[COLOUR_GREEN], "/srv/green");
	assert_string_equal(read.settings.set_command[1], "%p");
	assert_null(read.settings.set_command[2]);
	assert_null(read.settings.observe_command);
	assert_false(read.other_boot);
	assert_false(heartbeat_overdue(&read, clock_ns(CLOCK_BOOTTIME)));
	assert_true(heartbeat_overdue(&read, clock_ns(CLOCK_BOOTTIME) + 61 * NSEC_PER_SEC));
	heartbeat_done(&read);
}

static void after_another_boot_it_has_its_patience(void **state)
{
	struct heartbeat other = {.due = 1, .patience = 60, .other_boot = true};

	(void)state;
	assert_false(heartbeat_overdue(&other, 59));
	assert_true(heartbeat_overdue(&other, 60));
}

static void a_will_that_was_done_leaves_a_mark(void **state)
{
	struct heartbeat read;
	int64_t when = 0;

	(void)state;
	assert_int_equal(heartbeat_was_executed(folder, &when), 0);
	assert_int_equal(heartbeat_beat(folder, &usual), 0);
	assert_int_equal(heartbeat_mark(folder, &usual), 0);
	assert_int_equal(heartbeat_read(folder, &read, NULL), -ENOENT);
	assert_int_equal(heartbeat_was_executed(folder, &when), 1);
	assert_true(when >= time(NULL) - 600);
	assert_int_equal(heartbeat_stop(folder), 0);
	assert_int_equal(heartbeat_was_executed(folder, &when), 0);
	assert_int_equal(heartbeat_stop(folder), 0);
}

static void assert_not_one(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct heartbeat read;

	assert_int_equal(heartbeat_parse("/x", text, strlen(text), &read, &error), -EBADMSG);
	assert_string_equal(error_text(&error, 0), "/x: it is no heartbeat of a swap");
}

#define HEAD \
	"{\"form\":\"gavea-swap-heartbeat-1\",\"app\":\"a\",\"swap\":\"s\",\"traffic\":\"exec\"," \
	"\"boot\":\"0123456789abcdef0123456789abcdef\","

static void what_is_none_is_refused(void **state)
{
	struct heartbeat read;
	const char *good = HEAD "\"due_ns\":1,\"patience_ns\":1,\"share\":10000,\"settings\":{}}";

	(void)state;
	assert_int_equal(heartbeat_parse("/x", good, strlen(good), &read, NULL), 0);
	assert_true(read.other_boot);
	heartbeat_done(&read);
	assert_not_one("");
	assert_not_one("[]");
	assert_not_one("{}");
	assert_not_one(HEAD "\"due_ns\":1,\"patience_ns\":1,\"share\":10001,\"settings\":{}}");
	assert_not_one(HEAD "\"due_ns\":1,\"patience_ns\":-1,\"share\":0,\"settings\":{}}");
	assert_not_one(HEAD "\"due_ns\":1,\"patience_ns\":1,\"share\":0}");
	assert_not_one(HEAD "\"due_ns\":\"1\",\"patience_ns\":1,\"share\":0,\"settings\":{}}");
	assert_not_one(HEAD "\"due_ns\":1,\"patience_ns\":1,\"share\":0,\"settings\":{\"link\":1}}");
	assert_not_one(HEAD "\"due_ns\":1,\"patience_ns\":1,\"share\":0,\"settings\":{\"reload\":[1]}}");
	assert_not_one(HEAD "\"due_ns\":1,\"patience_ns\":1,\"share\":0,\"settings\":{\"reload\":\"x\"}}");
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		test(what_was_written_is_read),
		test(after_another_boot_it_has_its_patience),
		test(a_will_that_was_done_leaves_a_mark),
		test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
