/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_value(double value, const char *expected)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	text_add_value(&out, value);
	assert_string_equal(buf_str(&out), expected);
}

static void numbers_take_their_shortest_form(void **state)
{
	(void)state;
	assert_value(0, "0");
	assert_value(-17, "-17");
	assert_value(0.1, "0.1");
	assert_value(1.0 / 3, "0.3333333333333333");
	assert_value(123456789012, "123456789012");
	assert_value(999999999999999, "999999999999999");
	assert_value(1e15, "1e+15");
	assert_value(18446744073709551615.0, "1.8446744073709552e+19");
	assert_value(1.7976931348623157e308, "1.7976931348623157e+308");
	assert_value(5e-324, "4.94065645841247e-324");
	assert_value(NAN, "NaN");
	assert_value(INFINITY, "+Inf");
	assert_value(-INFINITY, "-Inf");
}

static void every_number_is_read_back_as_it_was(void **state)
{
	uint64_t bits = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		double value;

		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&value, &bits, sizeof(value));
		text_add_value(&out, value);
		if (!isnan(value))
			assert_true(strtod(buf_str(&out), NULL) == value);
	}
}

static void assert_bound(double bound, const char *expected)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	text_add_bound(&out, bound);
	assert_string_equal(buf_str(&out), expected);
}

static void bounds_always_look_like_floating_point(void **state)
{
	(void)state;
	assert_bound(1, "1.0");
	assert_bound(0.5, "0.5");
	assert_bound(1024, "1024.0");
	assert_bound(17179869184, "17179869184.0");
	assert_bound(INFINITY, "+Inf");
}

static void labels_and_help_are_escaped(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	text_add_label(&out, "path", "C:\\a \"b\"\nc\xff");
	assert_string_equal(buf_str(&out), "path=\"C:\\\\a \\\"b\\\"\\nc?\"");
	buf_reset(&out);
	text_add_help(&out, "a \"b\"\n\\c", false);
	assert_string_equal(buf_str(&out), "a \"b\"\\n\\\\c");
	buf_reset(&out);
	text_add_help(&out, "a \"b\"", true);
	assert_string_equal(buf_str(&out), "a \\\"b\\\"");
}

static void names_are_those_of_prometheus(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	assert_true(text_is_metric_name("node_cpu:seconds_total"));
	assert_false(text_is_metric_name(""));
	assert_false(text_is_metric_name("1a"));
	assert_false(text_is_metric_name("a b"));
	assert_false(text_is_metric_name("a\n# TYPE b gauge"));
	assert_true(text_is_label_name("cpu0"));
	assert_false(text_is_label_name("a:b"));
	assert_false(text_is_label_name("__name__"));
	text_add_label_name(&out, "1 data-center");
	assert_string_equal(buf_str(&out), "_1_data_center");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_take_their_shortest_form),
		cmocka_unit_test(every_number_is_read_back_as_it_was),
		cmocka_unit_test(bounds_always_look_like_floating_point),
		cmocka_unit_test(labels_and_help_are_escaped),
		cmocka_unit_test(names_are_those_of_prometheus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
