/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/worker/harness.h"

/* What a worker says when it refuses; "%s" stands for the plugin's path. */
static void refused(void **state, const char *plugin, const char *expected)
{
	struct harness *h = *state;
	char *path = test_plugin(h, plugin), *text = path_format(expected, path);

	assert_int_equal(harness_start(h, plugin, NULL, NULL, true), -1);
	assert_string_equal(h->refused, text);
	let_go(h);
	free(path);
	free(text);
}

static void a_file_that_is_not_there_is_refused(void **state)
{
	refused(state, "nowhere", "%s: there is no such file: install the plugin's package");
}

static void a_file_that_is_no_object_is_refused(void **state)
{
	refused(state, "bad-text",
		"%s: not a shared object: build it with -shared -fPIC, or install the package again");
	refused(state, "bad-object", "%s: an ELF file, but not a shared object: link it with -shared");
}

static void another_machine_is_named(void **state)
{
#if defined(__x86_64__)
	refused(state, "bad-machine", "%s: built for aarch64, this machine is x86-64: rebuild it here");
#else
	skip();
#endif
}

static void missing_symbols_are_refused(void **state)
{
	struct harness *h = *state;

	refused(state, "bad-symbol",
		"%s: exports no function gavea_plugin(): define it as in gavea/plugin.h, with GAVEA_EXPORT");
	refused(state, "bad-null", "%s: gavea_plugin() returned NULL: it has to return a description");
	assert_int_equal(harness_start(h, "bad-undefined", NULL, NULL, true), -1);
	assert_non_null(strstr(h->refused, "undefined symbol: gavea_no_such_function"));
	assert_non_null(strstr(h->refused, "or rebuild the plugin here"));
	let_go(h);
}

static void the_abi_is_judged_before_anything_else(void **state)
{
	refused(state, "bad-magic",
		"%s: wrong magic number 0x12345678: not a gavea plugin, or set it to GAVEA_PLUGIN_MAGIC");
	refused(state, "bad-major",
		"%s: built for plugin ABI 2, this gavea speaks 1: upgrade gavea or rebuild the plugin");
	refused(state, "bad-old-major",
		"%s: built for plugin ABI 0, this gavea speaks 1: rebuild the plugin");
}

static void a_short_description_is_refused(void **state)
{
	struct harness *h = *state;

	assert_int_equal(harness_start(h, "bad-size", NULL, NULL, true), -1);
	assert_non_null(strstr(h->refused, "its description has 24 bytes where ABI 1.1 has "));
	assert_non_null(strstr(h->refused, "set size to sizeof(struct gavea_plugin) and rebuild the plugin"));
	let_go(h);
	assert_int_equal(harness_start(h, "bad-needs-size", NULL, NULL, true), -1);
	assert_non_null(strstr(h->refused, "its needs have 0 bytes where this ABI has "));
	let_go(h);
}

static void the_name_is_that_of_the_file(void **state)
{
	struct harness *h = *state;
	char *path;

	refused(state, "bad-name",
		"%s: calls itself \"other-name\": rename the file to other-name.so, or change the plugin's "
		"name");
	refused(state, "bad-name-of-file",
		"%s: calls itself \"good\": rename the file to good.so, or change the plugin's name");
	path = test_plugin(h, "good");
	assert_int_equal(harness_start(h, "better", path, NULL, true), -1);
	assert_non_null(strstr(h->refused, "is the plugin \"good\", but \"better\" was asked for"));
	free(path);
	let_go(h);
}

static void what_it_says_of_itself_is_judged(void **state)
{
	refused(state, "bad-callbacks",
		"%s: it has none of the callbacks run, deliver and command: a probe needs run");
	refused(state, "bad-option", "%s: option key has no one-line doc: say what it does");
}

static void a_later_minor_version_is_loaded(void **state)
{
	struct harness *h = *state;

	assert_int_equal(harness_start(h, "later-minor", NULL, NULL, true), 0);
	assert_int_equal(h->hello->abi_minor, 7);
	let_go(h);
}

static void a_plugin_that_ends_the_process_is_seen_as_such(void **state)
{
	struct harness *h = *state;
	char buffer[64];

	assert_int_equal(harness_start(h, "exit-at-start", NULL, NULL, true), -2);
	assert_string_equal(await_death(h, buffer), "exited with status 3");
	harness_stop(h);
	assert_int_equal(harness_start(h, "crash-at-start", NULL, NULL, true), -2);
	assert_string_equal(await_death(h, buffer), "killed by SIGABRT");
}

#define loader_test(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		loader_test(a_file_that_is_not_there_is_refused),
		loader_test(a_file_that_is_no_object_is_refused),
		loader_test(another_machine_is_named),
		loader_test(missing_symbols_are_refused),
		loader_test(the_abi_is_judged_before_anything_else),
		loader_test(a_short_description_is_refused),
		loader_test(the_name_is_that_of_the_file),
		loader_test(what_it_says_of_itself_is_judged),
		loader_test(a_later_minor_version_is_loaded),
		loader_test(a_plugin_that_ends_the_process_is_seen_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
