/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/negotiate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_prometheus_asks_for_is_openmetrics(void **state)
{
	(void)state;
	assert_int_equal(
		negotiate_format(
			"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version="
			"0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
		FORMAT_OPENMETRICS);
	assert_int_equal(negotiate_format("application/openmetrics-text"), FORMAT_OPENMETRICS);
	assert_int_equal(negotiate_format("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8"),
		FORMAT_OPENMETRICS);
}

static void all_others_get_text(void **state)
{
	static const char *const others[] = {NULL, "", "*/*", "text/plain", "text/html,*/*;q=0.8",
		"image/png", "application/openmetrics-text;version=2.0.0", "application/openmetrics-text;q=0",
		"application/openmetrics-text;q=0.5,text/plain", "application/openmetrics-text;q=2",
		"application/openmetrics-text;q=x", "application/openmetrics-text;q", ",,;;=,\"", ";", "=",
		"application/openmetrics-text;q=0.1234,text/plain;q=0.2"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(negotiate_format(others[i]), FORMAT_TEXT);
}

static void the_more_exact_range_decides(void **state)
{
	(void)state;
	assert_int_equal(negotiate_format("*/*, text/plain;q=0.1, application/openmetrics-text;q=0.2"),
		FORMAT_OPENMETRICS);
	assert_int_equal(negotiate_format("application/*, text/*;q=0.5"), FORMAT_OPENMETRICS);
	assert_int_equal(negotiate_format("application/*, application/openmetrics-text;q=0"), FORMAT_TEXT);
	assert_int_equal(negotiate_format("application/openmetrics-text;q=0.9, "
					  "application/openmetrics-text;q=0.1, text/plain;q=0.5"),
		FORMAT_OPENMETRICS);
}

static void gzip_is_only_for_those_who_ask(void **state)
{
	(void)state;
	assert_true(negotiate_gzip("gzip"));
	assert_true(negotiate_gzip("deflate, GZIP;q=0.5"));
	assert_true(negotiate_gzip("x-gzip"));
	assert_true(negotiate_gzip("*"));
	assert_false(negotiate_gzip(NULL));
	assert_false(negotiate_gzip(""));
	assert_false(negotiate_gzip("identity"));
	assert_false(negotiate_gzip("gzip;q=0"));
	assert_false(negotiate_gzip("gzip;q=0.000, *"));
	assert_false(negotiate_gzip("gzipped"));
}

static void types_are_told_with_their_version(void **state)
{
	(void)state;
	assert_string_equal(format_content_type(FORMAT_TEXT), "text/plain; version=0.0.4; charset=utf-8");
	assert_string_equal(format_content_type(FORMAT_OPENMETRICS),
		"application/openmetrics-text; version=1.0.0; charset=utf-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_prometheus_asks_for_is_openmetrics),
		cmocka_unit_test(all_others_get_text),
		cmocka_unit_test(the_more_exact_range_decides),
		cmocka_unit_test(gzip_is_only_for_those_who_ask),
		cmocka_unit_test(types_are_told_with_their_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
