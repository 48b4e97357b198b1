/* SPDX-License-Identifier: Apache-2.0 */
/* What programs write, taken apart. */
#include "plugins/exec/codes.h"
#include "plugins/exec/output.h"
#include "plugins/exec/perfdata.h"

#include <gavea/plugin.h>

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char copy[4096];

/* The first item of a text, of which a copy is taken apart. */
static struct perfdata first(const char *text, int expected)
{
	struct perfdata perfdata;
	char *rest = strcpy(copy, text);

	assert_int_equal(perfdata_next(&rest, &perfdata), expected);
	return perfdata;
}

static void an_item_has_label_value_unit_and_four_more(void **state)
{
	struct perfdata p = first("time=0.25s;1;~:2;0;10", 1);

	(void)state;
	assert_string_equal(p.label, "time");
	assert_true(p.value == 0.25);
	assert_int_equal(p.unit, PERFDATA_SECONDS);
	assert_string_equal(p.warning, "1");
	assert_string_equal(p.critical, "~:2");
	assert_string_equal(p.minimum, "0");
	assert_string_equal(p.maximum, "10");
	p = first("x=1;;5", 1);
	assert_string_equal(p.warning, "");
	assert_string_equal(p.critical, "5");
	assert_string_equal(p.maximum, "");
}

static void quotes_hold_blanks_equal_signs_and_doubled_quotes(void **state)
{
	char text[] = "  'C: it''s = full'=5%;80 b=7  c=8";
	char *rest = text;
	struct perfdata p;

	(void)state;
	assert_int_equal(perfdata_next(&rest, &p), 1);
	assert_string_equal(p.label, "C: it's = full");
	assert_string_equal(p.warning, "80");
	assert_int_equal(perfdata_next(&rest, &p), 1);
	assert_string_equal(p.label, "b");
	assert_int_equal(perfdata_next(&rest, &p), 1);
	assert_true(p.value == 8);
	assert_int_equal(perfdata_next(&rest, &p), 0);
}

static void units_become_base_units(void **state)
{
	static const struct {
		const char *text;
		enum perfdata_unit unit;
		double value;
	} cases[] = {
		{"x=250ms", PERFDATA_SECONDS, 0.25},
		{"x=4us", PERFDATA_SECONDS, 4e-6},
		{"x=-50%", PERFDATA_PERCENT, -0.5},
		{"x=3KB", PERFDATA_BYTES, 3072},
		{"x=1MiB", PERFDATA_BYTES, 1048576},
		{"x=2TB", PERFDATA_BYTES, 2199023255552.0},
		{"x=7c", PERFDATA_COUNTER, 7},
		{"x=1.5e3", PERFDATA_PLAIN, 1500},
		{"x=21C", PERFDATA_PLAIN, 21},
		{"x=0,5s", PERFDATA_SECONDS, 0.5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct perfdata p = first(cases[i].text, 1);

		assert_int_equal(p.unit, cases[i].unit);
		assert_true(fabs(p.value * p.factor - cases[i].value) < 1e-12);
	}
	assert_string_equal(first("x=21C", 1).unit_text, "C");
}

static void an_undetermined_value_is_not_a_number(void **state)
{
	(void)state;
	assert_true(isnan(first("x=U;1;2", 1).value));
}

static void what_is_malformed_is_passed_over(void **state)
{
	static const char *const bad[] = {"x", "=5", "x=", "x=;1", "x=abc", "x=1,2,3", "'x=5", "'x'5", "''=5",
		"x=nan", "x=0x10", "x=1sixteen-letters-and-more", "x=--1"};
	char text[] = "bad good=1";
	char *rest = text;
	struct perfdata p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		(void)first(bad[i], -EINVAL);
	assert_int_equal(perfdata_next(&rest, &p), -EINVAL);
	assert_string_equal(p.label, "bad");
	assert_int_equal(perfdata_next(&rest, &p), 1);
	assert_string_equal(p.label, "good");
}

static void split(const char *bytes, size_t size, const char *summary, const char *text, const char *perfdata)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;
	_cleanup_(output_done) struct output output = {0};

	buf_add(&buf, bytes, size);
	assert_int_equal(output_split(&buf, &output), 0);
	assert_string_equal(output.summary, summary);
	assert_string_equal(output.text, text);
	assert_string_equal(buf_str(&output.perfdata), perfdata);
}

#define SPLIT(bytes, ...) split(bytes, sizeof(bytes) - 1, __VA_ARGS__)

static void output_has_summary_text_and_perfdata_in_two_places(void **state)
{
	(void)state;
	SPLIT("OK", "OK", "", "");
	SPLIT("", "", "", "");
	SPLIT("DISK OK | /=5;6\nfirst\nsecond | /boot=1\n/home=2\n", "DISK OK", "first\nsecond",
		" /=5;6  /boot=1 /home=2 ");
	SPLIT("\n \nOK |a=1\r\nmore\r\n", "OK", "more", "a=1 ");
	SPLIT("|a=1", "", "", "a=1");
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
	(void)state;
	SPLIT("a\0b\xff\xc3 caf\xc3\xa9", "a b?? caf\xc3\xa9", "", "");
}

static void assert_codes_refused(const char *text, const char *message)
{
	struct codes codes;
	_cleanup_error_ struct error error = ERROR_INIT;

	codes_init(&codes);
	assert_int_equal(codes_set(&codes, "1", GAVEA_WARNING, NULL), 0);
	assert_int_equal(codes_set(&codes, text, GAVEA_OK, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), message);
}

static void exit_statuses_get_a_meaning_once(void **state)
{
	struct codes codes;

	(void)state;
	codes_init(&codes);
	assert_int_equal(codes_set(&codes, "10-12", GAVEA_CRITICAL, NULL), 0);
	assert_int_equal(codes_set(&codes, "255", GAVEA_OK, NULL), 0);
	assert_int_equal(codes.status[9], CODE_UNMAPPED);
	assert_int_equal(codes.status[12], GAVEA_CRITICAL);
	assert_int_equal(codes.status[255], GAVEA_OK);
	assert_codes_refused("x", "\"x\" is no exit status, such as 3 or 10-19");
	assert_codes_refused("3-", "\"3-\" is no exit status, such as 3 or 10-19");
	assert_codes_refused("-3", "\"-3\" is no exit status, such as 3 or 10-19");
	assert_codes_refused("5-3", "\"5-3\": exit statuses go from 0 to 255");
	assert_codes_refused("256", "\"256\": exit statuses go from 0 to 255");
	assert_codes_refused("0-5", "exit status 1 already means warning");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_has_label_value_unit_and_four_more),
		cmocka_unit_test(quotes_hold_blanks_equal_signs_and_doubled_quotes),
		cmocka_unit_test(units_become_base_units),
		cmocka_unit_test(an_undetermined_value_is_not_a_number),
		cmocka_unit_test(what_is_malformed_is_passed_over),
		cmocka_unit_test(output_has_summary_text_and_perfdata_in_two_places),
		cmocka_unit_test(bytes_that_are_no_text_are_replaced),
		cmocka_unit_test(exit_statuses_get_a_meaning_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
