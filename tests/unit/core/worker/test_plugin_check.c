/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/plugin_check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int run(struct gavea_check *check, void *state)
{
	(void)check;
	(void)state;
	return 0;
}

static int command(struct gavea_check *check, void *state, struct gavea_command *request)
{
	(void)check;
	(void)state;
	(void)request;
	return 0;
}

static const char *const no_list[] = {NULL};

static struct gavea_plugin plugin_with(const struct gavea_option *options, size_t count)
{
	return (struct gavea_plugin){
		.name = "test",
		.version = "1",
		.summary = "A test",
		.options = options,
		.option_count = (uint32_t)count,
		.option_size = sizeof *options,
		.run = run,
	};
}

static void judge(const struct gavea_plugin *plugin, const char *expected)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = plugin_check(plugin, &error);

	if (!expected) {
		if (r < 0)
			fail_msg("%s", error.message);
		return;
	}
	assert_int_equal(r, -EINVAL);
	assert_string_equal(error.message, expected);
}

static void each_option_is_judged(void **state)
{
	static const struct {
		struct gavea_option option;
		const char *message;
	} cases[] = {
		{{"ok", GAVEA_OPTION_INT, 0, "5", "1..9", "doc"}, NULL},
		{{"ok", GAVEA_OPTION_INT, 0, "5", "..9", "doc"}, NULL},
		{{"ok", GAVEA_OPTION_CHOICE, 0, "b", "a|b", "doc"}, NULL},
		{{"ok", GAVEA_OPTION_STRING, GAVEA_OPTION_REQUIRED, NULL, NULL, "doc"}, NULL},
		{{NULL, GAVEA_OPTION_INT, 0, NULL, NULL, "doc"},
			"option 1 has no valid key: a key is [a-z][a-z0-9_]* and at most 63 bytes"},
		{{"Upper", GAVEA_OPTION_INT, 0, NULL, NULL, "doc"},
			"option 1 has no valid key: a key is [a-z][a-z0-9_]* and at most 63 bytes"},
		{{"every", GAVEA_OPTION_INT, 0, NULL, NULL, "doc"},
			"option every has a key that belongs to gavea itself: rename it"},
		{{"limits", GAVEA_OPTION_INT, 0, NULL, NULL, "doc"},
			"option limits has a key that belongs to gavea itself: rename it"},
		{{"x", 0, 0, NULL, NULL, "doc"},
			"option x has type 0, which this gavea does not know: use one of enum "
			"gavea_option_type"},
		{{"x", 11, 0, NULL, NULL, "doc"},
			"option x has type 11, which this gavea does not know: use one of enum "
			"gavea_option_type"},
		{{"x", GAVEA_OPTION_CHOICE, 0, NULL, NULL, "doc"},
			"option x is a choice without words: list them in range, \"a|b\""},
		{{"x", GAVEA_OPTION_CHOICE, 0, NULL, "a||b", "doc"},
			"option x has a range that does not parse: \"a||b\" should be \"a|b|c\""},
		{{"x", GAVEA_OPTION_STRING, 0, NULL, "1..2", "doc"},
			"option x has a range, which its type does not take"},
		{{"x", GAVEA_OPTION_INT, 0, NULL, "9..1", "doc"},
			"option x has a range that does not parse: \"9..1\" should be \"MIN..MAX\" in the "
			"option's own "
			"form"},
		{{"x", GAVEA_OPTION_DURATION, 0, NULL, "1..5", "doc"},
			"option x has a range that does not parse: \"1..5\" should be \"MIN..MAX\" in the "
			"option's own "
			"form"},
		{{"x", GAVEA_OPTION_INT, 0, "five", NULL, "doc"},
			"option x has a default that does not parse as its type: \"five\""},
		{{"x", GAVEA_OPTION_PERCENT, 0, "101%", "0%..100%", "doc"},
			"option x has a default outside its range: \"101%\" is not in \"0%..100%\""},
		{{"x", GAVEA_OPTION_CHOICE, 0, "c", "a|b", "doc"},
			"option x has a default outside its range: \"c\" is not in \"a|b\""},
		{{"x", GAVEA_OPTION_INT, GAVEA_OPTION_REQUIRED, "5", NULL, "doc"},
			"option x is required and has a default: take one of both out"},
		{{"x", GAVEA_OPTION_INT, 0, NULL, NULL, NULL},
			"option x has no one-line doc: say what it does"},
		{{"x", GAVEA_OPTION_INT, 0, NULL, NULL, "a\nb"},
			"option x has no one-line doc: say what it does"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gavea_plugin plugin = plugin_with(&cases[i].option, 1);

		judge(&plugin, cases[i].message);
	}
}

static void the_table_is_judged_as_a_whole(void **state)
{
	static const struct gavea_option twice[] = {{"x", GAVEA_OPTION_INT, 0, NULL, NULL, "doc"},
		{"y", GAVEA_OPTION_INT, 0, NULL, NULL, "doc"}, {"x", GAVEA_OPTION_INT, 0, NULL, NULL, "doc"}};
	struct gavea_plugin plugin = plugin_with(twice, 3);

	(void)state;
	judge(&plugin, "option x is in the table twice: take one out");
	plugin.option_size = 8;
	judge(&plugin, "option_size is 8: set it to sizeof(struct gavea_option)");
	plugin.options = NULL;
	judge(&plugin, "the option table is missing or has over 1000 options");
	plugin.option_count = 0;
	judge(&plugin, NULL);
}

/* A table of a later version, whose options are longer. */
static void longer_options_are_stepped_over(void **state)
{
	static const struct {
		struct gavea_option option;
		const char *later;
	} longer[] = {{{"x", GAVEA_OPTION_INT, 0, NULL, NULL, "doc"}, "?"},
		{{"y", GAVEA_OPTION_INT, 0, "1", NULL, "doc"}, "?"}};
	struct gavea_plugin plugin = plugin_with(&longer[0].option, 2);

	(void)state;
	plugin.option_size = sizeof longer[0];
	judge(&plugin, NULL);
	assert_int_equal(plugin_option_find(&plugin, "y"), 1);
	assert_string_equal(plugin_option(&plugin, 1).default_value, "1");
}

static void needs_are_judged(void **state)
{
	static const struct gavea_option option = {"path", GAVEA_OPTION_STRING, 0, NULL, NULL, "doc"};
	static const char *const relative[] = {"etc", NULL}, *const unknown[] = {"/x/${nothing}", NULL};
	static const char *const open_end[] = {"${path", NULL},
				 *const good[] = {"/x", "${path}", "/y/${path}", NULL};
	static const char *const net_raw[] = {"CAP_NET_RAW", NULL}, *const raw[] = {"NET_RAW", NULL};
	static const char not_path[] =
		"in needs is neither absolute nor made of ${KEY} with the key of an option";
	static const struct {
		struct gavea_needs needs;
		const char *before, *message;
	} cases[] = {
		{{.network = 2, .exec = 1, .concurrency = 64, .read_paths = good, .capabilities = net_raw},
			"", NULL},
		{{.network = 3}, "", "needs.network is 3: use one of enum gavea_network"},
		{{.exec = 2}, "", "needs.exec and needs.stays are 0 or 1"},
		{{.concurrency = 65}, "", "needs.concurrency is 65: at most 64"},
		{{.open_files = 65537}, "", "needs asks for more than 1 TiB of memory or 65536 open files"},
		{{.read_paths = relative}, "path etc ", not_path},
		{{.write_paths = unknown}, "path /x/${nothing} ", not_path},
		{{.write_paths = open_end}, "path ${path ", not_path},
		{{.capabilities = raw}, "capability NET_RAW ",
			"in needs is not known: write it as in capabilities(7), \"CAP_NET_RAW\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gavea_plugin plugin = plugin_with(&option, 1);
		_cleanup_free_ char *message = NULL;

		plugin.needs = &cases[i].needs;
		if (cases[i].message)
			assert_true(asprintf(&message, "%s%s", cases[i].before, cases[i].message) > 0);
		judge(&plugin, message);
	}
}

static void callbacks_and_names_are_judged(void **state)
{
	static const char *const bad_names[] = {
		"", "Test", "1test", "te_st", "te.st", "abcdefghijklmnopqrstuvwxyzabcdef", NULL};
	static const char *const commands[] = {"swap-app", NULL}, *const bad_command[] = {"Swap app", NULL};
	struct gavea_plugin plugin = plugin_with(NULL, 0);

	(void)state;
	for (size_t i = 0; bad_names[i]; i++) {
		plugin.name = bad_names[i];
		judge(&plugin, "it has no valid name: a name is [a-z][a-z0-9-]* and at most 31 bytes");
	}
	plugin.name = "te-st2";
	judge(&plugin, NULL);
	plugin.command = command;
	judge(&plugin, "command and commands go together: it has only one of both");
	plugin.commands = no_list;
	judge(&plugin, "command and commands go together: it has only one of both");
	plugin.commands = bad_command;
	judge(&plugin, "command 1 has no valid name ([a-z][a-z0-9-]*), or there are over 64");
	plugin.commands = commands;
	judge(&plugin, NULL);
	plugin.command = NULL;
	plugin.run = NULL;
	judge(&plugin, "it has none of the callbacks run, deliver and command: a probe needs run");
	plugin.summary = "two\nlines";
	judge(&plugin, "it lacks its version or its one-line summary");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_option_is_judged),
		cmocka_unit_test(the_table_is_judged_as_a_whole),
		cmocka_unit_test(longer_options_are_stepped_over),
		cmocka_unit_test(needs_are_judged),
		cmocka_unit_test(callbacks_and_names_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
