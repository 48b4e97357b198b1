/* SPDX-License-Identifier: Apache-2.0 */
/* Logs and the journal, run after run: what is new is found, what was found stays, what is gone goes. */
#include "tests/support/fake_host.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define REMOTE "/lib/systemd/systemd-journal-remote"

struct test {
	struct fake_host fake;
	void *plugin;
	char folder[64];
	char path[128];
	char other[128];
};

/* Tokens that differ, put together here so that no scanner finds any in this file. */
static void make_token(char token[static 64], unsigned number)
{
	static const char characters[] = "x7Qm2Kd9Wv4Rt6Yb1Zn5Lc8Hs3Jf0Gp";

	snprintf(token, 64, "gl%s-", "pat");
	for (unsigned i = 0; i < 20; i++)
		token[6 + i] = characters[(i * 7 + number * 3 + i * number) % 31];
	token[26] = '\0';
}

static void add_line(const char *path, const char *before, unsigned number, const char *after)
{
	FILE *file = fopen(path, "a");
	char token[64] = "nothing";

	assert_non_null(file);
	if (number)
		make_token(token, number);
	fprintf(file, "%s%s%s", before, token, after);
	fclose(file);
}

/* How many findings there are, none of which may hold a byte of a value. */
static size_t run(struct test *test)
{
	size_t count = 0;

	assert_int_equal(fake_run(&test->fake, test->plugin), 0);
	for (size_t i = 0; i < test->fake.item_count; i++) {
		const struct fake_item *item = &test->fake.items[i];

		count += fake_attribute(item, "rule") != NULL;
		for (unsigned number = 1; number < 20; number++) {
			char token[64];

			make_token(token, number);
			assert_null(strstr(item->name, token + 8));
			assert_null(strstr(item->text, token + 8));
		}
	}
	for (size_t i = 0; i < test->fake.state_count; i++)
		for (unsigned number = 1; test->fake.state[i].bytes && number < 20; number++) {
			char token[64];

			make_token(token, number);
			assert_null(
				memmem(test->fake.state[i].bytes, test->fake.state[i].size, token + 8, 12));
		}
	return count;
}

static double sample(const struct test *test, const char *name)
{
	assert_true(fake_has(&test->fake, name));
	return fake_find(&test->fake, name)->value;
}

static bool has_item(const struct test *test, const char *name)
{
	for (size_t i = 0; i < test->fake.item_count; i++)
		if (strcmp(test->fake.items[i].name, name) == 0)
			return true;
	return false;
}

static bool finds(const struct test *test, const char *path, unsigned line)
{
	char name[256];

	snprintf(name, sizeof(name), "%s:%u gitlab-pat", path, line);
	return has_item(test, name);
}

static int set_up(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	assert_non_null(test);
	fake_init(&test->fake, gavea_plugin());
	snprintf(test->folder, sizeof(test->folder), "/tmp/gavea-test-XXXXXX");
	assert_non_null(mkdtemp(test->folder));
	snprintf(test->path, sizeof(test->path), "%s/app.log", test->folder);
	snprintf(test->other, sizeof(test->other), "%s/app.log.1", test->folder);
	fake_set(&test->fake, "key", "0123456789abcdef0123");
	fake_set(&test->fake, "logs", test->folder);
	assert_int_equal(fake_open(&test->fake, &test->plugin), 0);
	*state = test;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int tear_down(void **state)
{
	struct test *test = *state;

	test->fake.plugin->close(&test->fake.check, test->plugin);
	nftw(test->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	fake_done(&test->fake);
	free(test);
	return 0;
}

static void forget(struct test *test)
{
	unlink(test->path);
	unlink(test->other);
	for (size_t i = 0; i < test->fake.state_count; i++)
		fake_state_set(&test->fake.check, test->fake.state[i].key, NULL, 0);
}

static void a_finding_stays_and_only_what_is_new_is_read(void **state)
{
	struct test *test = *state;

	forget(test);
	add_line(test->path, "first line\nkey ", 1, " used\n");
	assert_int_equal(run(test), 1);
	assert_true(finds(test, test->path, 2));
	assert_int_equal(test->fake.status, GAVEA_OK); /* of the summary; the items are worse */
	assert_true(sample(test, "gavea_secret_scanned_bytes") > 20);
	/* Nothing came: nothing is read, and it is still there. */
	assert_int_equal(run(test), 1);
	assert_true(finds(test, test->path, 2));
	assert_int_equal((int)sample(test, "gavea_secret_scanned_bytes"), 0);
	add_line(test->path, "more\nkey ", 2, " used\n");
	assert_int_equal(run(test), 2);
	assert_true(finds(test, test->path, 2) && finds(test, test->path, 4));
	assert_true(sample(test, "gavea_secret_scanned_bytes") < 60);
}

static void a_line_that_is_written_in_two_runs_is_read_as_one(void **state)
{
	struct test *test = *state;
	char token[64];
	FILE *file;

	forget(test);
	make_token(token, 3);
	file = fopen(test->path, "w");
	fprintf(file, "whole\nkey %.12s", token);
	fclose(file);
	assert_int_equal(run(test), 0);
	file = fopen(test->path, "a");
	fprintf(file, "%s used\n", token + 12);
	fclose(file);
	assert_int_equal(run(test), 1);
	assert_true(finds(test, test->path, 2));
}

static void a_rotated_log_is_known_by_its_new_name(void **state)
{
	struct test *test = *state;

	forget(test);
	add_line(test->path, "key ", 1, "\n");
	assert_int_equal(run(test), 1);
	assert_int_equal(rename(test->path, test->other), 0);
	add_line(test->path, "other file\nkey ", 2, "\n");
	assert_int_equal(run(test), 2);
	assert_true(finds(test, test->other, 1) && finds(test, test->path, 2));
	/* What is deleted is found no more. */
	unlink(test->other);
	assert_int_equal(run(test), 1);
	unlink(test->path);
	assert_int_equal(run(test), 0);
}

static void a_log_that_was_cut_is_read_from_its_start(void **state)
{
	struct test *test = *state;

	forget(test);
	add_line(test->path, "key ", 1, "\nand much more text to make it long\n");
	assert_int_equal(run(test), 1);
	assert_int_equal(truncate(test->path, 0), 0);
	assert_int_equal(run(test), 0);
	/* Cut and filled again beyond where it was: its beginning tells. */
	add_line(test->path, "key ", 1, "\n");
	assert_int_equal(run(test), 1);
	assert_int_equal(truncate(test->path, 0), 0);
	add_line(test->path, "another ", 2, "\nand so much more text that it is longer than before\n");
	assert_int_equal(run(test), 1);
	assert_true(finds(test, test->path, 1));
}

static void a_large_log_is_read_over_several_runs(void **state)
{
	struct test *test = *state;

	forget(test);
	fake_set(&test->fake, "max_size", "1MiB");
	for (int i = 0; i < 3000; i++)
		add_line(test->path,
			"some line of a log that says nothing at all but is rather long, so that many of "
			"them make a "
			"large file, which is then read over several runs of the check, one after the other; "
			"and so "
			"it goes on and on and on and on and on and on and on and on and on and on and on "
			"and on and "
			"on and on and on and on and on and on and on and on and on and on and on and on and "
			"on and "
			"on and on and on and on and on and on and on and on and on and on and on and on and "
			"on and "
			"on and on and on and on and on and on and on and on and on and on and on and on and "
			"on and "
			"on and on and on and on and on and on and on and on and on and on and on and on and "
			"on and "
			"on and on and on and on and on and on and on and on and on and on and on and on "
			"and ",
			0, "\n");
	add_line(test->path, "key ", 4, "\n");
	assert_int_equal(run(test), 0);
	assert_true(has_item(test, "not judged"));
	for (int i = 0; i < 5 && !finds(test, test->path, 3001); i++)
		run(test);
	assert_true(finds(test, test->path, 3001));
	assert_int_equal(run(test), 1);
	assert_false(has_item(test, "not judged"));
	fake_set(&test->fake, "max_size", "64MiB");
}

/* ---- The journal ---- */

static void log_to(const char *folder, unsigned second, const char *unit, unsigned number, const char *more)
{
	char command[256], token[64] = "nothing";
	FILE *pipe;

	if (number)
		make_token(token, number);
	snprintf(command, sizeof(command), REMOTE " -o %s/test.journal - >/dev/null 2>&1", folder);
	pipe = popen(command, "w");
	assert_non_null(pipe);
	fprintf(pipe,
		"__REALTIME_TIMESTAMP=%u000000\n__MONOTONIC_TIMESTAMP=%u000000\n"
		"_BOOT_ID=0123456789abcdef0123456789abcdef\n_SYSTEMD_UNIT=%s\nMESSAGE=the key %s was "
		"used\n%s\n",
		1700000000 + second, second, unit, token, more);
	assert_int_equal(pclose(pipe), 0);
}

static void the_journal_is_read_once_and_its_findings_stay(void **state)
{
	struct test *test = *state;

	if (access(REMOTE, X_OK) < 0)
		skip();
	forget(test);
	fake_set(&test->fake, "logs", NULL);
	fake_set(&test->fake, "journal", "true");
	fake_set(&test->fake, "journal_folder", test->folder);
	log_to(test->folder, 1, "a.service", 0, "");
	log_to(test->folder, 2, "a.service", 5, "");
	assert_int_equal(run(test), 1);
	assert_true(has_item(test, "journal a.service 2023-11-14T22:13:22.000Z:0 gitlab-pat"));
	assert_int_equal(run(test), 1);
	assert_int_equal((int)sample(test, "gavea_secret_scanned_bytes"), 0);
	/* The same secret of the same unit is told once. */
	log_to(test->folder, 3, "a.service", 5, "");
	log_to(test->folder, 4, "b.service", 5, "");
	log_to(test->folder, 5, "b.service", 6, "");
	assert_int_equal(run(test), 3);
	assert_int_equal(run(test), 3);
	/* systemd-coredump logs the environment of what crashed. */
	log_to(test->folder, 6, "c.service", 0, "COREDUMP_ENVIRON=API_PASSWORD=q7Lw8zKx3mTr\n");
	assert_int_equal(run(test), 4);
	assert_true(has_item(test, "journal c.service 2023-11-14T22:13:26.000Z:0 environment"));
	assert_int_equal(run(test), 4);
	assert_int_equal((int)sample(test, "gavea_secret_scanned_bytes"), 0);
	fake_set(&test->fake, "journal_folder", "/nonexistent");
	assert_int_equal(run(test), 0);
	assert_true(has_item(test, "journal"));
	assert_int_equal(test->fake.items[0].status, GAVEA_UNKNOWN);
	fake_set(&test->fake, "journal", NULL);
	fake_set(&test->fake, "logs", test->folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finding_stays_and_only_what_is_new_is_read),
		cmocka_unit_test(a_line_that_is_written_in_two_runs_is_read_as_one),
		cmocka_unit_test(a_rotated_log_is_known_by_its_new_name),
		cmocka_unit_test(a_log_that_was_cut_is_read_from_its_start),
		cmocka_unit_test(a_large_log_is_read_over_several_runs),
		cmocka_unit_test(the_journal_is_read_once_and_its_findings_stay),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
