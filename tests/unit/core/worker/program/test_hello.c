/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/program/hello.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NAMES "\"name\": \"tides\", \"version\": \"2\", \"summary\": \"Tides\""

static int read(const char *text, struct hello *ret_hello, struct error *error)
{
	json_t *root = json_loads(text, JSON_DECODE_ANY, NULL);
	int r;

	assert_non_null(root);
	r = hello_read(root, ret_hello, error);
	json_decref(root);
	return r;
}

static void refused(const char *text, const char *message)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct hello hello;

	assert_int_equal(read(text, &hello, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), message);
}

static void what_is_left_out_has_its_default(void **state)
{
	struct hello hello;

	(void)state;
	assert_int_equal(read("{" NAMES "}", &hello, NULL), 0);
	assert_string_equal(hello.plugin.name, "tides");
	assert_int_equal(hello.plugin.magic, GAVEA_PLUGIN_MAGIC);
	assert_int_equal(hello.plugin.option_count, 0);
	assert_true(hello.runs);
	assert_null(hello.plugin.commands);
	assert_int_equal(hello.needs.network, GAVEA_NETWORK_NONE);
	assert_int_equal(hello.needs.exec, 1);
	hello_done(&hello);
}

static void options_and_needs_are_those_of_the_sdk(void **state)
{
	struct hello hello;

	(void)state;
	assert_int_equal(read("{" NAMES ", \"protocol\": 1, \"runs\": false, \"commands\": [\"stop\"],"
			      " \"options\": [{\"key\": \"a\", \"doc\": \"A\", \"required\": true},"
			      " {\"key\": \"b\", \"type\": \"duration\", \"default\": \"1s\", \"range\": "
			      "\"0..\", \"doc\": \"B\"}],"
			      " \"needs\": {\"network\": \"server\", \"memory\": \"8MiB\", \"open_files\": "
			      "9, \"stays\": true,"
			      " \"capabilities\": [\"CAP_KILL\"], \"read_paths\": [\"/a\", \"${a}\"], "
			      "\"write_paths\": []}}",
				 &hello, NULL),
		0);
	assert_false(hello.runs);
	assert_string_equal(hello.plugin.commands[0], "stop");
	assert_null(hello.plugin.commands[1]);
	assert_int_equal(hello.plugin.option_count, 2);
	assert_int_equal(hello.plugin.options[0].type, GAVEA_OPTION_STRING);
	assert_int_equal(hello.plugin.options[0].flags, GAVEA_OPTION_REQUIRED);
	assert_int_equal(hello.plugin.options[1].type, GAVEA_OPTION_DURATION);
	assert_string_equal(hello.plugin.options[1].default_value, "1s");
	assert_int_equal(hello.needs.network, GAVEA_NETWORK_SERVER);
	assert_int_equal(hello.needs.memory, 8u << 20);
	assert_int_equal(hello.needs.open_files, 9);
	assert_int_equal(hello.needs.stays, 1);
	assert_string_equal(hello.needs.capabilities[0], "CAP_KILL");
	assert_string_equal(hello.needs.read_paths[1], "${a}");
	assert_null(hello.needs.read_paths[2]);
	assert_null(hello.needs.write_paths[0]);
	hello_done(&hello);
}

static void each_mistake_is_named(void **state)
{
	(void)state;
	refused("[]", "hello: not an object");
	refused("{\"nam\": \"tides\"}", "hello: \"nam\" is not known here");
	refused("{\"name\": 1}", "hello: \"name\" is not a string");
	refused("{\"runs\": 1}", "hello: \"runs\" is neither true nor false");
	refused("{\"commands\": \"stop\"}", "hello: \"commands\" is not a list");
	refused("{\"commands\": [1]}", "hello: \"commands\" holds something that is not a string");
	refused("{\"options\": {}}", "hello: \"options\" is not a list of at most 1000");
	refused("{\"options\": [1]}", "hello: an option is not an object");
	refused("{\"options\": [{\"type\": \"text\"}]}", "hello: \"text\" is not the type of an option");
	refused("{\"options\": [{\"default\": 1}]}", "hello: \"default\" is not a string");
	refused("{\"needs\": []}", "hello: \"needs\" is not an object");
	refused("{\"needs\": {\"exec\": true}}", "hello: \"exec\" is not known here");
	refused("{\"needs\": {\"network\": \"any\"}}", "hello: \"network\" is none, client or server");
	refused("{\"needs\": {\"memory\": \"much\"}}", "hello: \"memory\" is no size such as \"64MiB\"");
	refused("{\"needs\": {\"open_files\": -1}}", "hello: \"open_files\" is not a whole number");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(options_and_needs_are_those_of_the_sdk),
		cmocka_unit_test(each_mistake_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
