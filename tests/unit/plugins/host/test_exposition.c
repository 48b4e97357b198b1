/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/host/exposition.h"

#include "base/buf.h"
#include "base/util.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void parsed(const char *text, struct exposition *ret_exposition)
{
	struct error error = ERROR_INIT;

	assert_int_equal(exposition_parse(text, ret_exposition, &error), 0);
	assert_null(error.message);
}

static void a_sample_has_name_labels_and_value(void **state)
{
	struct exposition exposition;

	(void)state;
	parsed("# a comment\n\nback_up:age{ job = \"x\\\\\\\"\\n\" , empty=\"\", } -1.5e3 \nplain 7\n",
		&exposition);
	assert_int_equal(exposition.count, 2);
	assert_string_equal(exposition.samples[0].name, "back_up:age");
	assert_int_equal(exposition.samples[0].label_count, 2);
	assert_string_equal(exposition.samples[0].labels[0].name, "job");
	assert_string_equal(exposition.samples[0].labels[0].value, "x\\\"\n");
	assert_string_equal(exposition.samples[0].labels[1].value, "");
	assert_true(exposition.samples[0].value == -1500);
	assert_int_equal(exposition.samples[1].type, GAVEA_GAUGE);
	exposition_done(&exposition);
}

static void comments_give_type_and_help(void **state)
{
	struct exposition exposition;

	(void)state;
	parsed("# HELP jobs_total All  jobs\n# TYPE jobs_total counter\njobs_total 3\njobs_total_else 1\n",
		&exposition);
	assert_int_equal(exposition.samples[0].type, GAVEA_COUNTER);
	assert_string_equal(exposition.samples[0].help, "All  jobs");
	assert_int_equal(exposition.samples[1].type, GAVEA_GAUGE);
	assert_null(exposition.samples[1].help);
	exposition_done(&exposition);
}

static void a_histogram_is_the_counters_that_it_is_made_of(void **state)
{
	struct exposition exposition;

	(void)state;
	parsed("# TYPE lat histogram\nlat_bucket{le=\"+Inf\"} 3\nlat_sum 4.5\nlat_count 3\n"
	       "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\n",
		&exposition);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(exposition.samples[i].type, GAVEA_COUNTER);
	assert_int_equal(exposition.samples[3].type, GAVEA_GAUGE);
	assert_int_equal(exposition.samples[4].type, GAVEA_COUNTER);
	exposition_done(&exposition);
}

static void numbers_that_are_none_are_values_too(void **state)
{
	struct exposition exposition;

	(void)state;
	parsed("a NaN\nb +Inf\nc -Inf\nd inf\n", &exposition);
	assert_true(isnan(exposition.samples[0].value));
	assert_true(isinf(exposition.samples[1].value) && exposition.samples[1].value > 0);
	assert_true(isinf(exposition.samples[2].value) && exposition.samples[2].value < 0);
	assert_true(isinf(exposition.samples[3].value));
	exposition_done(&exposition);
}

static void nothing_is_an_empty_exposition(void **state)
{
	struct exposition exposition;

	(void)state;
	parsed("", &exposition);
	assert_int_equal(exposition.count, 0);
	parsed("\n# EOF\n", &exposition);
	assert_int_equal(exposition.count, 0);
	exposition_done(&exposition);
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{"a 1\n{\n", "line 2: no name of a metric"},
		{"1a 1\n", "line 1: no name of a metric"},
		{"a\n", "line 1: a sample has no value"},
		{"a x\n", "line 1: a value is no number"},
		{"a 1 1441205977284\n", "line 1: there is something behind the value; times are not taken"},
		{"a{b=\"c\" 1\n", "line 1: a comma or \"}\" is missing behind a label"},
		{"a{b} 1\n", "line 1: a label has no value"},
		{"a{=\"c\"} 1\n", "line 1: a label has no name"},
		{"a{b=c} 1\n", "line 1: a label's value does not begin with a quote"},
		{"a{b=\"c} 1\nd 2\n", "line 1: a label's value has no end"},
		{"a{b=\"\\q\"} 1\n", "line 1: a label's value has an escape that is none"},
		{"a{b=\"1\",b=\"2\"} 1\n", "line 1: a label is there twice"},
		{"# TYPE a number\na 1\n", "line 1: a type that is none"},
		{"# TYPE a gauge\n# TYPE a counter\n", "line 2: a second type for the same metric"},
		{"# HELP a b\n# HELP a b\n", "line 2: a second help text for the same metric"},
		{"# HELP {\n", "line 1: a comment names no metric"},
		{"a 1\nb 2", "line 2: the last line has no end; was the file written only in part?"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct exposition exposition;
		struct error error = ERROR_INIT;

		assert_int_equal(exposition_parse(cases[i].text, &exposition, &error), -EBADMSG);
		assert_string_equal(error.message, cases[i].message);
		assert_int_equal(exposition.count, 0);
		error_done(&error);
	}
}

static void more_samples_than_the_bound_are_refused(void **state)
{
	struct buf text = BUF_INIT;
	struct exposition exposition;
	struct error error = ERROR_INIT;

	(void)state;
	for (int i = 0; i <= EXPOSITION_SAMPLES_MAX; i++)
		buf_printf(&text, "a%d 1\n", i);
	assert_int_equal(exposition_parse(buf_str(&text), &exposition, &error), -E2BIG);
	assert_string_equal(error.message, "line 5001: more than 5000 samples");
	error_done(&error);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sample_has_name_labels_and_value),
		cmocka_unit_test(comments_give_type_and_help),
		cmocka_unit_test(a_histogram_is_the_counters_that_it_is_made_of),
		cmocka_unit_test(numbers_that_are_none_are_values_too),
		cmocka_unit_test(nothing_is_an_empty_exposition),
		cmocka_unit_test(what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(more_samples_than_the_bound_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
