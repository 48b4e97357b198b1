/* SPDX-License-Identifier: Apache-2.0 */
/* Options that make no sense are refused in open(), by their names. */
#include "tests/support/fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

struct option {
	const char *key, *value;
};

static const struct option usual[] = {{"traffic", "exec"}, {"service", "exec"}, {"start", "/bin/true"},
	{"stop", "/bin/true"}, {"status", "/bin/true"}, {"set", "/bin/true"}, {"observe", "/bin/true"},
	{"hooks_run_by", "session"}};

/* No swap is under way. */
static struct gavea_operation *no_operation(struct gavea_check *check, const struct gavea_operation *after)
{
	(void)check;
	(void)after;
	return NULL;
}

/* Opens with these options over the usual ones; returns what was said, "" when it opened. */
static void open_with(const struct option *options, size_t count, char *failure, size_t size)
{
	struct fake_host *fake = calloc(1, sizeof *fake);
	void *state = NULL;
	int r;

	fake_init(fake, gavea_plugin());
	fake->table.operation_next = no_operation;
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		fake_set(fake, usual[i].key, usual[i].value);
	for (size_t i = 0; i < count; i++)
		fake_set(fake, options[i].key, options[i].value);
	r = fake_open(fake, &state);
	snprintf(failure, size, "%s", r < 0 ? fake->failure : "");
	if (r == 0)
		fake->plugin->close(&fake->check, state);
	fake_done(fake);
	free(fake);
}

static void the_usual_options_are_good(void **state)
{
	char failure[512];

	(void)state;
	open_with(NULL, 0, failure, sizeof failure);
	assert_string_equal(failure, "");
}

static void an_option_that_makes_no_sense_is_named(void **state)
{
	static const struct {
		struct option options[3];
		const char *message;
	} cases[] = {
		{{{"strategy", "canary"}, {"steps", "5% 2h"}},
			"steps: \"5% 2h\": the last step has to be 100%"},
		{{{"steps", "5% 2h,100% 1h"}}, "steps: only strategy canary has more than one"},
		{{{"hooks", "smoke/x -- /bin/true,smoke/x -- /bin/true"}},
			"hooks: entry 2: there is a smoke/x already"},
		{{{"hooks", "smoke/x -- true"}}, "hooks: entry 1: \"true\" is not an absolute path"},
		{{{"gates", "p95 < 2s"}},
			"gates: \"p95 < 2s\" needs the proxy's log: set counts_socket (HAProxy) or "
			"counts_file (nginx)"},
		{{{"start", "run-it"}}, "start: expected a program (absolute path) and its arguments"},
		{{{"service", "systemd"}, {"unit", "shop.service"}},
			"unit: \"shop.service\" has no %c: both colours would be the same unit"},
		{{{"service", "systemd"}}, "unit: expected the unit of the app, such as \"app@%c.service\""},
		{{{"backend_green", "blue"}}, "backend_green: \"blue\" is the blue backend too"},
		{{{"link", "/srv/shop/current"}},
			"link: \"/srv/shop/current\" has no %c: both colours would run the same release"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char failure[512];
		size_t count = 0;

		while (count < 3 && cases[i].options[count].key)
			count++;
		open_with(cases[i].options, count, failure, sizeof failure);
		assert_string_equal(failure, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_options_are_good),
		cmocka_unit_test(an_option_that_makes_no_sense_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
