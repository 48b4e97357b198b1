/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/lib/agent/config_fixture.h"

#include "base/clock.h"

#include <errno.h>

static int judge(
	struct fixture *fixture, struct config_check *check, size_t count, const char *const *arguments)
{
	hello_t *hello = fixture_hello("probe");
	int r = config_check_from_arguments(hello, "run", arguments, count, check, &fixture->errors);

	gavea__worker__v1__hello__free_unpacked(hello, NULL);
	return r;
}

static void arguments_are_read_by_the_table_and_defaults_filled_in(void **state)
{
	static const char *const arguments[] = {"endpoint=a=b", "strict=yes", "pause=5s", "warning=5%",
		"files=/x, /y", "files=/z", "password=${env:GAVEA_SECRET}", "timeout=3s"};
	_cleanup_(config_check_done) struct config_check check = {0};
	char text[256];

	assert_int_equal(setenv("GAVEA_SECRET", "hunter2", 1), 0);
	assert_int_equal(judge(*state, &check, ARRAY_SIZE(arguments), arguments), 0);
	assert_string_equal(check.name, "probe/run");
	assert_int_equal(check.timeout, 3 * NSEC_PER_SEC);
	assert_string_equal(option_text(&check, "endpoint", text), "a=b");
	assert_string_equal(option_text(&check, "strict", text), "true");
	assert_string_equal(option_text(&check, "pause", text), "5000000000");
	assert_string_equal(option_text(&check, "warning", text), "5");
	assert_string_equal(option_text(&check, "files", text), "/x|/y|/z");
	assert_string_equal(option_text(&check, "password", text), "hunter2");
	assert_string_equal(option_text(&check, "mode", text), "auto");
	assert_string_equal(option_text(&check, "port", text), "(unset)");
}

static void a_comma_in_an_element_has_a_backslash(void **state)
{
	static const char *const arguments[] = {"endpoint=a,b", "files=/x\\,1 , /y\\z,", "files=\\,"};
	_cleanup_(config_check_done) struct config_check check = {0};
	char text[256];

	assert_int_equal(judge(*state, &check, ARRAY_SIZE(arguments), arguments), 0);
	assert_string_equal(option_text(&check, "endpoint", text), "a,b");
	assert_string_equal(option_text(&check, "files", text), "/x,1|/y\\z||,");
}

static void wrong_arguments_are_reported_all_at_once(void **state)
{
	static const char *const arguments[] = {"port=70000", "port=x", "strict=perhaps", "pause=10",
		"mode=gren", "prot=1", "nonsense", "=x", "timeout=2h", "buffer=1", "low=1", "low=2"};
	_cleanup_(config_check_done) struct config_check check = {0};

	assert_int_equal(judge(*state, &check, ARRAY_SIZE(arguments), arguments), -EINVAL);
	assert_errors(*state,
		"port: must be 1 to 65535\n"
		"port: given twice\n"
		"strict: \"perhaps\" is not true or false\n"
		"pause: 10 has no unit; write \"10s\"\n"
		"mode: \"gren\" is none of auto, blue, green; did you mean \"green\"?\n"
		"prot: unknown key; did you mean \"port\"?\n"
		"argument 7: not of the form KEY=VALUE\n"
		"argument 8: not of the form KEY=VALUE\n"
		"timeout: must be 10ms to 1h\n"
		"buffer: 1 has no unit; write \"1B\", \"1KiB\" or \"1MiB\"\n"
		"low: must be at least 10\n"
		"low: given twice\n"
		"endpoint: is missing, it has no default (host and port)\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arguments_are_read_by_the_table_and_defaults_filled_in,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_comma_in_an_element_has_a_backslash, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			wrong_arguments_are_reported_all_at_once, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
