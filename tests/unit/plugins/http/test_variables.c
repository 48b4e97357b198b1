/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/http/guard.h"
#include "plugins/http/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void values_are_written_as_their_place_demands(void **state)
{
	static const struct {
		enum filling filling;
		const char *text, *wanted;
	} cases[] = {
		{FILL_PLAIN, "<{{v}}>", "<a\"/ \xc3\xa9>"},
		{FILL_JSON, "{\"x\": \"{{v}}\"}", "{\"x\": \"a\\\"/ \xc3\xa9\"}"},
		{FILL_URL, "/items/{{v}}?q={{v}}", "/items/a%22%2F%20%C3%A9?q=a%22%2F%20%C3%A9"},
		{FILL_URL, "{{u}}/{{v}}", "http://h/p/a%22%2F%20%C3%A9"},
		{FILL_HEADER, "X: {{v}}", "X: a\"/ \xc3\xa9"},
		{FILL_PLAIN, "{{ v }} {{V}} {{}} {{v", "{{ v }} {{V}} {{}} {{v"},
	};
	struct variables variables = {0};

	(void)state;
	assert_int_equal(variables_set(&variables, "v", "a\"/ \xc3\xa9", 6, HIDE_LONG), 0);
	assert_int_equal(variables_set(&variables, "u", "http://h/p", 10, HIDE_LONG), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;

		assert_int_equal(template_fill(cases[i].text, &variables, cases[i].filling, &out, NULL), 0);
		assert_string_equal(buf_str(&out), cases[i].wanted);
	}
	variables_done(&variables);
}

static void what_cannot_be_filled_in_is_said(void **state)
{
	struct variables variables = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(template_fill("{{gone}}", &variables, FILL_PLAIN, &out, &error), -ENODATA);
	assert_string_equal(error.message, "{{gone}} has no value");
	assert_int_equal(variables_set(&variables, "v", "a\r\nX-Evil: 1", 12, HIDE_LONG), 0);
	assert_int_equal(template_fill("X: {{v}}", &variables, FILL_HEADER, &out, &error), -EINVAL);
	assert_string_equal(error.message, "{{v}} has control characters, which a header cannot carry");
	variables_done(&variables);
}

static void steps_are_read_or_refused(void **state)
{
	static const char *const bad[][2] = {
		{"", "the path or URL is missing"},
		{"GET", "the path or URL is missing"},
		{"GET ", "the path or URL is missing"},
		{"get /", "the path or URL has a space or a control character: write %20 for a space"},
		{"/a b", "the path or URL has a space or a control character: write %20 for a space"},
		{"file:///etc/passwd", "what is asked for must begin with /, http:// or https://"},
	};
	const char *rest = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		struct step step = {0};

		assert_int_equal(step_parse_request(bad[i][0], &step, &error), -EINVAL);
		assert_string_equal(error.message, bad[i][1]);
	}
	assert_int_equal(step_label("login: POST /", &rest), 5);
	assert_string_equal(rest, "POST /");
	assert_int_equal(step_label("*:x", &rest), 1);
	assert_string_equal(rest, "x");
	assert_int_equal(step_label("a b: x", &rest), 0);
	assert_int_equal(step_label(": x", &rest), 0);
}

static void addresses_that_lead_inside_are_known(void **state)
{
	static const struct {
		const char *host;
		enum reach reach;
	} cases[] = {
		{"192.0.2.1", REACH_ANY},
		{"10.0.0.1", REACH_ANY},
		{"www.example.com", REACH_ANY},
		{"localhost", REACH_LOOPBACK},
		{"127.9.9.9", REACH_LOOPBACK},
		{"0.0.0.0", REACH_LOOPBACK},
		{"[::1]", REACH_LOOPBACK},
		{"::", REACH_LOOPBACK},
		{"[::ffff:127.0.0.1]", REACH_LOOPBACK},
		{"169.254.169.254", REACH_LINK_LOCAL},
		{"[fe80::1%25eth0]", REACH_LINK_LOCAL},
		{"[fd00:ec2::254]", REACH_LINK_LOCAL},
		{"[::ffff:169.254.1.1]", REACH_LINK_LOCAL},
		{"[64:ff9b::a9fe:a9fe]", REACH_LINK_LOCAL},
		{"[fd00:ec2::255]", REACH_ANY},
		{"100.100.100.200", REACH_LINK_LOCAL},
		{"192.0.0.192", REACH_LINK_LOCAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (host_reach(cases[i].host) != cases[i].reach)
			fail_msg("%s is taken for %d", cases[i].host, host_reach(cases[i].host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_written_as_their_place_demands),
		cmocka_unit_test(what_cannot_be_filled_in_is_said),
		cmocka_unit_test(steps_are_read_or_refused),
		cmocka_unit_test(addresses_that_lead_inside_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
