/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/limit.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* "four" is 4, "minute" is 60 s, "disk" is 100 B; others there are not. */
static int find(const struct rule_selector *selector, void *userdata, struct rule_value *ret_value,
	struct error *error)
{
	const char *name = rule_selector_name(selector);

	(void)userdata;
	if (streq(name, "four"))
		*ret_value = (struct rule_value){4, RULE_PLAIN};
	else if (streq(name, "minute"))
		*ret_value = (struct rule_value){60, RULE_SECONDS};
	else if (streq(name, "disk"))
		*ret_value = (struct rule_value){100, RULE_BYTES};
	else
		return error_set(error, -ENOENT, "no %s", name);
	return 0;
}

static int judge(const char *text, double number, enum rule_unit unit, struct error *error)
{
	_cleanup_(rule_limit_freep) struct rule_limit *limit = NULL;
	struct rule_value value = {number, unit}, bound;

	assert_int_equal(rule_limit_parse(text, &limit, error), 0);
	return rule_limit_beyond(limit, &value, find, NULL, &bound, error);
}

static void beyond(const char *text, double number)
{
	assert_int_equal(judge(text, number, RULE_PLAIN, NULL), 1);
}

static void within(const char *text, double number)
{
	assert_int_equal(judge(text, number, RULE_PLAIN, NULL), 0);
}

static void refused(const char *text, const char *message)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct rule_limit *limit;

	assert_int_equal(rule_limit_parse(text, &limit, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), message);
}

static void comparisons_are_as_they_read(void **state)
{
	(void)state;
	beyond("> 2", 2.5);
	within("> 2", 2);
	beyond(">=2", 2);
	within("< 2", 2);
	beyond("<= 2", 2);
	beyond("== 2", 2);
	within("== 2", 3);
	beyond("!= 2", 3);
	within("!=2", 2);
}

static void arithmetic_has_the_usual_ranks(void **state)
{
	(void)state;
	within("> 2 + 3 * four", 14);
	beyond("> 2 + 3 * four", 14.5);
	within("> (2 + 3) * four", 20);
	beyond("> 20 / four - 1", 4.5);
	within("> 20 / four / 5", 1);
	within("> 10 - 4 - 3", 3);
	beyond("> -four", -3);
	within("> -(1 + 1) * 2", -4);
	within("> 1e2", 100);
	within("> 1.5e-1", 0.15);
}

static void ranges_are_those_of_nagios(void **state)
{
	(void)state;
	beyond("10", 11);
	beyond("10", -1);
	within("10", 10);
	beyond("10:20", 9);
	within("10:20", 20);
	beyond("@10:20", 15);
	within("~:5", -100);
}

static void what_is_not_a_number_is_beyond_every_limit(void **state)
{
	(void)state;
	beyond("> 1", NAN);
	beyond("< 1", NAN);
	beyond("0:10", NAN);
}

static void units_are_kept_apart(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	(void)state;
	assert_int_equal(judge("> 5min", 301, RULE_SECONDS, NULL), 1);
	assert_int_equal(judge("> 5 * minute", 299, RULE_SECONDS, NULL), 0);
	assert_int_equal(judge("< 1KiB", 1000, RULE_BYTES, NULL), 1);
	assert_int_equal(judge("> 80%", 0.81, RULE_RATIO, NULL), 1);
	assert_int_equal(judge("80%", 0.79, RULE_RATIO, NULL), 0);
	assert_int_equal(judge("< 10% * disk", 9, RULE_BYTES, NULL), 1);
	assert_int_equal(judge("> disk / disk", 0.5, RULE_RATIO, NULL), 0);
	assert_int_equal(judge("> 5s", 6, RULE_PLAIN, NULL), 1);
	assert_int_equal(judge("> 5s", 6, RULE_BYTES, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "bytes and seconds do not go together");
	assert_int_equal(judge("1s:5s", 6, RULE_BYTES, &error), -EINVAL);
	assert_int_equal(judge("> minute + disk", 6, RULE_PLAIN, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "seconds and bytes do not go together");
	assert_int_equal(judge("> 1s", 0.5, RULE_RATIO, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "a ratio and seconds do not go together");
}

static void what_there_is_not_can_not_be_judged(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	(void)state;
	assert_int_equal(judge("> five", 6, RULE_PLAIN, &error), -ENOENT);
	assert_string_equal(error_text(&error, 0), "no five");
	assert_int_equal(judge("> 0 / 0", 6, RULE_PLAIN, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "what it is compared with is not a number");
}

static void mistakes_are_named(void **state)
{
	(void)state;
	refused("> ", "a number or a series is missing at the end");
	refused("> 2 *", "a number or a series is missing at the end");
	refused("> * 2", "a number or a series is missing before * 2");
	refused("> (2", "a bracket is not closed");
	refused("> 2 2", "what follows is not understood: \"2\"");
	refused("> 2x", "\"2x\" is no quantity: write 5, 5%, 5s, 5min, 5MiB");
	refused("> a{b}", "a label has to be followed by =, !=, =~ or !~");
	refused("> a{b=c}", "a label's value has to stand in quotes");
	refused("> a{b=\"c}", "a quote is not closed");
	refused("> a{b=\"c\" d=\"e\"}", "labels have to end in \"}\"");
	refused("> a{=\"c\"}", "the name of a label is missing");
	refused("> ((((((((((((((((((((((((((((((((((1", "more than 32 brackets or operations");
	refused("=> 2",
		"\"=> 2\" is no range: write \"10\", \"10:\", \"~:10\", \"10:20\", \"@10:20\" or \"> 10\"");
}

static void series_are_chosen_by_their_labels(void **state)
{
	static const struct gavea_pair labels[] = {{"device", "sda1"}, {"mountpoint", "/var"}};
	static const struct {
		const char *text;
		bool matches;
	} cases[] = {
		{"fs", true},
		{"fs2", false},
		{"fs{}", true},
		{"fs{device=\"sda1\"}", true},
		{"fs{device=\"sda\"}", false},
		{"fs{device=~\"sd[ab].*\",mountpoint!=\"/\"}", true},
		{"fs{device=~\"sda\"}", false},
		{"fs{ device !~ \"sdb.\" }", true},
		{"fs{device!~'sd.*'}", false},
		{"fs{fstype=\"\"}", true},
		{"fs{fstype!=\"\"}", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(rule_selector_freep) struct rule_selector *selector = NULL;

		assert_int_equal(rule_selector_parse(cases[i].text, &selector, NULL), 0);
		if (rule_selector_matches(selector, "fs", labels, ARRAY_SIZE(labels)) != cases[i].matches)
			fail_msg("%s", cases[i].text);
	}
}

static void values_are_told_in_their_units(void **state)
{
	char text[32];
	struct rule_value value;

	(void)state;
	value = rule_value_of("node_load1", "", 3.25);
	assert_string_equal(rule_value_text(text, &value), "3.25");
	value = rule_value_of("io_seconds_total", "", 1.5);
	assert_string_equal(rule_value_text(text, &value), "1.5 s");
	value = rule_value_of("free", "bytes", 1536);
	assert_string_equal(rule_value_text(text, &value), "1.5 KiB");
	value = rule_value_of("used_percent", "", 12.5);
	assert_string_equal(rule_value_text(text, &value), "12.5 %");
	assert_true(value.unit == RULE_RATIO && value.number == 0.125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparisons_are_as_they_read),
		cmocka_unit_test(arithmetic_has_the_usual_ranks),
		cmocka_unit_test(ranges_are_those_of_nagios),
		cmocka_unit_test(what_is_not_a_number_is_beyond_every_limit),
		cmocka_unit_test(units_are_kept_apart),
		cmocka_unit_test(what_there_is_not_can_not_be_judged),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(series_are_chosen_by_their_labels),
		cmocka_unit_test(values_are_told_in_their_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
