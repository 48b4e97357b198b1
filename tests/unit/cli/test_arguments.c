/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
	struct cli cli;
	bool json;
	const char *last;
	struct buf errors;
};

/* Reads words that are separated by spaces. They stay in line. */
static int read_words(struct fixture *fixture, char *line, char **argv, int *ret_count)
{
	const struct argument options[] = {
		{.name = "json", .doc = "as JSON", .flag = &fixture->json},
		{.name = "last", .letter = 'n', .value = "N", .doc = "so many", .text = &fixture->last},
	};
	int argc = 0;

	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	*ret_count = -1;
	return arguments_read(&fixture->cli, options, ARRAY_SIZE(options), (struct argument_range){0, 2},
		argc, argv, ret_count, &fixture->errors);
}

static void options_may_stand_anywhere(void **state _unused_)
{
	struct fixture fixture = {.errors = BUF_INIT};
	char line[] = "one --json -n 5 two --socket=/x", *argv[16];
	int count;

	assert_int_equal(read_words(&fixture, line, argv, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(argv[0], "one");
	assert_string_equal(argv[1], "two");
	assert_true(fixture.json);
	assert_string_equal(fixture.last, "5");
	assert_string_equal(fixture.cli.socket, "/x");
}

static void a_double_dash_ends_the_options(void **state _unused_)
{
	struct fixture fixture = {.errors = BUF_INIT};
	char line[] = "-n7 -- --json -", *argv[16];
	int count;

	assert_int_equal(read_words(&fixture, line, argv, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(argv[0], "--json");
	assert_string_equal(argv[1], "-");
	assert_false(fixture.json);
	assert_string_equal(fixture.last, "7");
}

static void everything_that_is_wrong_is_told_at_once(void **state _unused_)
{
	struct fixture fixture = {.errors = BUF_INIT};
	char line[] = "a b c --jsno --la 1 --json=yes -x --nonsense --last", *argv[16];
	int count;

	assert_int_equal(read_words(&fixture, line, argv, &count), -EINVAL);
	assert_string_equal(buf_str(&fixture.errors),
		"--jsno: there is no such option; did you mean --json?\n"
		"--la: there is no such option; did you mean --last?\n"
		"--json: takes no value\n"
		"-x: there is no such option\n"
		"--nonsense: there is no such option\n"
		"--last: its value, N, is missing\n"
		"\"c\": one argument too many\n"
		"\"1\": one argument too many\n");
	buf_done(&fixture.errors);
}

static void help_is_given_even_when_something_is_wrong(void **state _unused_)
{
	struct fixture fixture = {.errors = BUF_INIT};
	char line[] = "--nonsense -h", *argv[16];
	int count;

	assert_int_equal(read_words(&fixture, line, argv, &count), -ECANCELED);
	buf_done(&fixture.errors);
}

static void a_missing_argument_is_an_error(void **state _unused_)
{
	_cleanup_buf_ struct buf errors = BUF_INIT;
	struct cli cli = {.socket = NULL};
	char *argv[1] = {NULL};
	int count;

	assert_int_equal(
		arguments_read(&cli, NULL, 0, (struct argument_range){1, 1}, 0, argv, &count, &errors),
		-EINVAL);
	assert_string_equal(buf_str(&errors), "an argument is missing\n");
}

static void the_help_lists_every_option(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const struct command command = {.name = "events", .arguments = "", .summary = "shows what happened"};
	const char *last = NULL;
	const struct argument options[] = {
		{.name = "last", .letter = 'n', .value = "N", .doc = "so many", .text = &last}};

	arguments_help(&command, options, 1, &out);
	assert_string_equal(buf_str(&out),
		"usage: gavea events [OPTION...]\n\nshows what happened\n\n"
		"  -n, --last N         so many\n"
		"  --socket PATH        the daemon's control socket\n"
		"  --plugins DIR        where the plugins are\n"
		"  -h, --help           show this\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(a_double_dash_ends_the_options),
		cmocka_unit_test(everything_that_is_wrong_is_told_at_once),
		cmocka_unit_test(help_is_given_even_when_something_is_wrong),
		cmocka_unit_test(a_missing_argument_is_an_error),
		cmocka_unit_test(the_help_lists_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
