/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as a whole on a made host: options that are refused, and a run against ports where nobody listens. */
#include "plugins/dns/settings.h"
#include "tests/support/fake_host.h"

#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct test {
	struct fake_host fake;
	void *state;
};

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	fake_init(&test->fake, gavea_plugin());
	fake_set(&test->fake, "query", "www.example.com");
	fake_set(&test->fake, "query_timeout", "100ms");
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	if (test->state)
		test->fake.plugin->close(&test->fake.check, test->state);
	fake_done(&test->fake);
	free(test);
	return 0;
}

static void options_that_do_not_go_together_are_refused_by_name(void **state)
{
	static const struct {
		const char *key, *value, *other, *other_value;
		const char *text;
	} cases[] = {
		{"query", "", "type", "A", "query: \"\" is not the name of a domain"},
		{"expect", "192.0.2.1", "expect_new", "192.0.2.2",
			"expect: expect_new takes its place; give one of the two"},
		{"expect_new", "192.0.2.1", "expect_rcode", "NXDOMAIN",
			"expect_rcode: an answer without records can't have those of expect_new"},
		{"expect_old", "x", "type", "A",
			"expect_old: \"x\" is not the data of a record of type A: Syntax error, could not "
			"parse the RR's rdata"},
		{"parent_servers", "ns.example", "ask", "authorities",
			"parent_servers: \"ns.example\" is not an IP address"},
		{"parent_servers", "", "ask", "authorities", "parent_servers: the list is empty"},
		{"validate_through", "ns.example", "type", "A",
			"validate_through: \"ns.example\" is not an IP address"},
		{"latency_warning", "2000", "latency_critical", "1000",
			"latency_warning: above latency_critical"},
		{"rrsig_critical", "300000000000000", "dnssec", "off", "rrsig_critical: above rrsig_warning"},
		{"trust_anchor", "", "dnssec", "validate",
			"trust_anchor: without one nothing can be validated"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		void *made;
		struct test *test;

		setup(&made);
		test = made;
		fake_set(&test->fake, cases[i].key, cases[i].value);
		fake_set(&test->fake, cases[i].other, cases[i].other_value);
		assert_int_equal(fake_open(&test->fake, &test->state), -EINVAL);
		assert_string_equal(test->fake.failure, cases[i].text);
		teardown(&made);
	}
}

static void too_many_servers_are_refused(void **state)
{
	struct test *test = *state;
	char list[40 * 16] = "";

	for (int i = 0; i < 33; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s192.0.2.%d", i ? "," : "", i);
	fake_set(&test->fake, "servers", list);
	assert_int_equal(fake_open(&test->fake, &test->state), -E2BIG);
	assert_string_equal(test->fake.failure, "servers: more than 32 servers");
}

static void servers_that_are_not_there_are_critical_and_bounded(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "servers", "127.0.0.1:1,127.0.0.2:1");
	assert_int_equal(fake_open(&test->fake, &test->state), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fake_run(&test->fake, test->state), 0);
		assert_int_equal(test->fake.status, GAVEA_CRITICAL);
		assert_int_equal(test->fake.item_count, 2);
		assert_true(fake_has(&test->fake, "probe_dns_query_succeeded{server=\"127.0.0.1:1\"}"));
		assert_true(fake_find(&test->fake, "gavea_dns_servers{state=\"wrong\"}")->value == 2);
	}
	assert_string_equal(fake_find_item(&test->fake, "127.0.0.1:1")->text,
		"connection refused: no name server listens there; start it, or correct its address");
}

static void a_run_that_is_cancelled_says_that_it_did_not_ask(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "server", "127.0.0.1:1");
	assert_int_equal(fake_open(&test->fake, &test->state), 0);
	test->fake.cancelled = true;
	assert_int_equal(fake_run(&test->fake, test->state), 0);
	assert_int_equal(test->fake.status, GAVEA_UNKNOWN);
}

static void a_deadline_that_has_passed_is_no_answer(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "server", "127.0.0.1:1");
	assert_int_equal(fake_open(&test->fake, &test->state), 0);
	test->fake.deadline = 1;
	assert_int_equal(fake_run(&test->fake, test->state), 0);
	assert_int_equal(test->fake.status, GAVEA_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_that_do_not_go_together_are_refused_by_name),
		cmocka_unit_test_setup_teardown(too_many_servers_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			servers_that_are_not_there_are_critical_and_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_run_that_is_cancelled_says_that_it_did_not_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(a_deadline_that_has_passed_is_no_answer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
