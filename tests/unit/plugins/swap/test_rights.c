/* SPDX-License-Identifier: Apache-2.0 */
/* What a swap will have to write is tried before it starts. */
#include "base/clock.h"
#include "base/fd.h"
#include "plugins/swap/rights.h"
#include "plugins/swap/unpack.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534
#define REMEDY "; it has to be the agent's user's, and below one of write_paths: see " RIGHTS_PAGE

static char folder[64], path[128];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/gavea-rights-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/shop.map", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return remove_tree(folder);
}

static int64_t soon(void)
{
	return clock_ns(CLOCK_MONOTONIC) + 10 * NSEC_PER_SEC;
}

static void a_file_is_as_it_was_after_it_was_tried(void **state)
{
	_cleanup_buf_ struct buf got = BUF_INIT;
	char beside[160];
	struct stat st, now;

	(void)state;
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "shop 5\n", 7, 0644), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(rights_replace(path, soon(), NULL), 0);
	assert_int_equal(stat(path, &now), 0);
	assert_true(st.st_ino == now.st_ino);
	assert_int_equal(file_read(AT_FDCWD, path, 100, &got), 0);
	assert_string_equal(buf_str(&got), "shop 5\n");
	snprintf(beside, sizeof beside, "%s/.shop.map.gavea", folder);
	assert_int_equal(access(beside, F_OK), -1);
}

static void a_folder_that_is_not_there_yet_is_judged_by_the_one_above(void **state)
{
	char deep[160];

	(void)state;
	snprintf(deep, sizeof deep, "%s/releases/of/shop", folder);
	assert_int_equal(rights_folder(deep, NULL), 0);
	assert_int_equal(access(deep, F_OK), -1);
	assert_int_equal(rights_beside(deep, NULL), 0);
}

/* In a child, as somebody else: 0 when both are refused with the text that they should have. */
static int judge_as_nobody(void)
{
	char expected[512];
	_cleanup_error_ struct error error = ERROR_INIT;

	if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 1;
	if (rights_folder(folder, &error) >= 0)
		return 2;
	snprintf(expected, sizeof expected, "%s: can't write here: Permission denied" REMEDY, folder);
	if (strcmp(error_text(&error, 0), expected) != 0)
		return 3;
	if (rights_replace(path, soon(), &error) >= 0)
		return 4;
	snprintf(expected, sizeof expected, "%s: can't write a new one beside it: Permission denied" REMEDY,
		path);
	return strcmp(error_text(&error, 0), expected) == 0 ? 0 : 5;
}

static void who_may_not_write_is_told_what_to_do(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "shop 5\n", 7, 0644), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(judge_as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		test(a_file_is_as_it_was_after_it_was_tried),
		test(a_folder_that_is_not_there_yet_is_judged_by_the_one_above),
		test(who_may_not_write_is_told_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
