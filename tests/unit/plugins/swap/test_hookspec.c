/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks, steps and words as they stand in the configuration. */
#include "plugins/swap/hookspec.h"
#include "plugins/swap/steps.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_hook_has_a_phase_a_name_settings_and_a_program(void **state)
{
	struct hookspec hook;
	_cleanup_error_ struct error error = ERROR_INIT;

	(void)state;
	assert_int_equal(hookspec_parse("migrate/db-schema timeout=10min retry=2 on_failure=freeze "
					"status=yes irreversible=yes -- "
					"/opt/app/migrate --to 'version 2' \"a b\"",
				 &hook, &error),
		0);
	assert_int_equal(hook.phase, PHASE_MIGRATE);
	assert_string_equal(hook.name, "db-schema");
	assert_int_equal(hook.timeout, 600 * NSEC_PER_SEC);
	assert_int_equal(hook.retry, 2);
	assert_int_equal(hook.on_failure, ON_FAILURE_FREEZE);
	assert_true(hook.status && hook.irreversible);
	assert_int_equal(hook.words.count, 4);
	assert_string_equal(hook.words.list[2], "version 2");
	assert_null(hook.words.list[4]);
	hookspec_done(&hook);
}

static void what_is_not_said_depends_on_the_phase(void **state)
{
	static const struct {
		const char *text;
		enum on_failure on_failure;
	} cases[] = {{"before/x -- /x", ON_FAILURE_ABORT}, {"smoke/x -- /x", ON_FAILURE_ROLLBACK},
		{"after/x -- /x", ON_FAILURE_CONTINUE}, {"failed/x -- /x", ON_FAILURE_CONTINUE}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hookspec hook;

		assert_int_equal(hookspec_parse(cases[i].text, &hook, NULL), 0);
		assert_int_equal(hook.on_failure, cases[i].on_failure);
		assert_int_equal(hook.timeout, 300 * NSEC_PER_SEC);
		assert_int_equal(hook.retry, 0);
		hookspec_done(&hook);
	}
}

static void an_error_of_a_hook_says_what_was_expected(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "expected PHASE/NAME; got nothing"},
		{"smok/x -- /x",
			"expected PHASE/NAME, where PHASE is one of before, migrate, deploy, smoke, after, "
			"done, failed; got "
			"\"smok/x\""},
		{"smoke/ -- /x", "\"\" is no name of a hook: up to 48 small letters, digits, - and _"},
		{"smoke/a.b -- /x", "\"a.b\" is no name of a hook: up to 48 small letters, digits, - and _"},
		{"smoke/x timeout=1ms -- /x", "\"timeout=1ms\": expected a time from 1s to 24h"},
		{"smoke/x retry=11 -- /x", "\"retry=11\": expected a number from 0 to 10"},
		{"smoke/x on_failure=pray -- /x",
			"\"on_failure=pray\": expected abort, rollback, freeze or continue"},
		{"smoke/x status=maybe -- /x", "\"status=maybe\": expected yes or no"},
		{"smoke/x colour=red -- /x",
			"expected timeout=, retry=, on_failure=, status=, irreversible= or --; got "
			"\"colour=red\""},
		{"smoke/x retry=1", "expected -- and a program at the end"},
		{"smoke/x --", "expected a program after --"},
		{"smoke/x -- curl", "\"curl\" is not an absolute path"},
		{"smoke/x -- /x 'a", "at 15: this quote is not closed"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		struct hookspec hook;

		assert_int_equal(hookspec_parse(cases[i].text, &hook, &error), -EINVAL);
		assert_string_equal(error.message, cases[i].message);
	}
}

static void steps_rise_to_all_requests(void **state)
{
	static const char *const texts[] = {"0.5% 30s", "25% 4h", "100%"};
	struct step steps[STEPS_MAX];
	size_t count;

	(void)state;
	assert_int_equal(steps_parse(texts, 3, steps, &count, NULL), 0);
	assert_int_equal(count, 3);
	assert_int_equal(steps[0].share, 50);
	assert_int_equal(steps[0].hold, 30 * NSEC_PER_SEC);
	assert_int_equal(steps[2].share, 10000);
	assert_int_equal(steps[2].hold, 0);
}

static void an_error_of_a_step_quotes_it(void **state)
{
	static const struct {
		const char *texts[3], *message;
	} cases[] = {
		{{"5 2h"}, "\"5 2h\": expected a share from 0.01% to 100% and a time, such as \"5% 2h\""},
		{{"0% 2h"}, "\"0% 2h\": expected a share from 0.01% to 100% and a time, such as \"5% 2h\""},
		{{"5% soon"}, "\"5% soon\": expected a time of at most 30d after the share"},
		{{"5% 2h", "5% 2h"}, "\"5% 2h\": each step has to give more than the one before"},
		{{"5% 2h"}, "\"5% 2h\": the last step has to be 100%"},
		{{NULL}, "expected 1 to 32 steps, got 0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		struct step steps[STEPS_MAX];
		size_t n = 0, count;

		while (n < 3 && cases[i].texts[n])
			n++;
		assert_int_equal(steps_parse(cases[i].texts, n, steps, &count, &error), -EINVAL);
		assert_string_equal(error.message, cases[i].message);
	}
}

static void letters_are_replaced_in_words(void **state)
{
	const char *const list[] = {"app@%c.service", "%a/%c%%", "%x", NULL},
			  *const values[] = {"green", "shop"};
	char **filled = words_fill(list, "ca", values);

	(void)state;
	assert_string_equal(filled[0], "app@green.service");
	assert_string_equal(filled[1], "shop/green%");
	assert_string_equal(filled[2], "%x");
	assert_null(filled[3]);
	words_free(filled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hook_has_a_phase_a_name_settings_and_a_program),
		cmocka_unit_test(what_is_not_said_depends_on_the_phase),
		cmocka_unit_test(an_error_of_a_hook_says_what_was_expected),
		cmocka_unit_test(steps_rise_to_all_requests),
		cmocka_unit_test(an_error_of_a_step_quotes_it),
		cmocka_unit_test(letters_are_replaced_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
