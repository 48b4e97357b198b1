/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of record data: canonical, compared, printed; and the words for values that are none. */
#include "plugins/dns/rdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void add(struct rdata_set *set, ldns_rr_type type, const char *value)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	assert_int_equal(rdata_set_add_text(set, type, value, &error), 0);
}

static void refuse(ldns_rr_type type, const char *value, const char *message)
{
	_cleanup_rdata_set_ struct rdata_set set = RDATA_SET_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;

	assert_int_equal(rdata_set_add_text(&set, type, value, &error), -EINVAL);
	assert_string_equal(error.message, message);
	assert_int_equal(set.count, 0);
}

static void assert_same(ldns_rr_type type, const char *one, const char *other)
{
	_cleanup_rdata_set_ struct rdata_set a = RDATA_SET_INIT, b = RDATA_SET_INIT;

	add(&a, type, one);
	add(&b, type, other);
	assert_true(rdata_set_equal(&a, &b));
}

static void names_are_compared_without_case_and_final_dot(void **state)
{
	(void)state;
	assert_same(LDNS_RR_TYPE_MX, "10 Mail.Example.", "10 mail.example");
	assert_same(LDNS_RR_TYPE_SRV, "1 2 3 HOST.example", "1 2 3 host.example.");
	assert_same(LDNS_RR_TYPE_HTTPS, "1 Svc.Example alpn=h2", "1 svc.example. alpn=h2");
	assert_same(LDNS_RR_TYPE_CAA, "0 ISSUE \"ca\"", "0 issue \"ca\"");
	assert_same(LDNS_RR_TYPE_AAAA, "2001:db8:0:0::1", "2001:DB8::1");
}

static void a_text_is_the_same_however_it_is_cut(void **state)
{
	(void)state;
	assert_same(LDNS_RR_TYPE_TXT, "v=spf1 -all", "\"v=spf1\" \" -all\"");
	assert_same(LDNS_RR_TYPE_TXT, "a", "\"\\097\"");
}

static void values_of_text_keep_their_case(void **state)
{
	_cleanup_rdata_set_ struct rdata_set a = RDATA_SET_INIT, b = RDATA_SET_INIT;

	(void)state;
	add(&a, LDNS_RR_TYPE_TXT, "Abc");
	add(&b, LDNS_RR_TYPE_TXT, "abc");
	assert_false(rdata_set_equal(&a, &b));
}

static void a_set_has_each_value_once_whatever_the_order(void **state)
{
	_cleanup_rdata_set_ struct rdata_set a = RDATA_SET_INIT, b = RDATA_SET_INIT;

	(void)state;
	add(&a, LDNS_RR_TYPE_A, "192.0.2.2");
	add(&a, LDNS_RR_TYPE_A, "192.0.2.1");
	add(&a, LDNS_RR_TYPE_A, "192.0.2.2");
	add(&b, LDNS_RR_TYPE_A, "192.0.2.1");
	add(&b, LDNS_RR_TYPE_A, "192.0.2.2");
	assert_int_equal(a.count, 2);
	assert_true(rdata_set_equal(&a, &b));
}

static void nothing_matches_no_mode_by_omission(void **state)
{
	_cleanup_rdata_set_ struct rdata_set none = RDATA_SET_INIT, one = RDATA_SET_INIT;

	(void)state;
	add(&one, LDNS_RR_TYPE_A, "192.0.2.1");
	for (int match = RDATA_EXACT; match <= RDATA_ANY; match++)
		assert_false(rdata_set_matches(&none, &one, (enum rdata_match)match));
}

static void long_sets_are_printed_in_part(void **state)
{
	_cleanup_rdata_set_ struct rdata_set set = RDATA_SET_INIT, known = RDATA_SET_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	char value[32];

	(void)state;
	for (int i = 1; i <= 11; i++) {
		snprintf(value, sizeof(value), "192.0.2.%d", i);
		add(&set, LDNS_RR_TYPE_A, value);
	}
	add(&known, LDNS_RR_TYPE_A, "192.0.2.1");
	assert_int_equal(rdata_set_print(&set, &known, &out), 10);
	assert_string_equal(buf_str(&out),
		"192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6, 192.0.2.7, 192.0.2.8, 192.0.2.9 and "
		"2 more");
}

static void what_is_shown_is_printable_and_cut(void **state)
{
	_cleanup_rdata_set_ struct rdata_set set = RDATA_SET_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;

	(void)state;
	add(&set, LDNS_RR_TYPE_TXT, "\"\\027[31m\\255\"");
	rdata_set_print(&set, NULL, &out);
	assert_string_equal(buf_str(&out), "\"?[31m?\"");
}

static void values_that_are_none_are_refused_with_their_type(void **state)
{
	char longest[8300];

	(void)state;
	refuse(LDNS_RR_TYPE_A, "", "a value is empty");
	refuse(LDNS_RR_TYPE_A, "example.com",
		"\"example.com\" is not the data of a record of type A: Syntax error, could not parse the "
		"RR's rdata");
	refuse(LDNS_RR_TYPE_MX, "10",
		"\"10\" is not the data of a record of type MX: Syntax error, value expected");
	refuse(LDNS_RR_TYPE_CNAME, "a\nb", "a value has characters other than printable ASCII; write \\DDD");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	refuse(LDNS_RR_TYPE_TXT, longest, "a value is longer than 8192 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_compared_without_case_and_final_dot),
		cmocka_unit_test(a_text_is_the_same_however_it_is_cut),
		cmocka_unit_test(values_of_text_keep_their_case),
		cmocka_unit_test(a_set_has_each_value_once_whatever_the_order),
		cmocka_unit_test(nothing_matches_no_mode_by_omission),
		cmocka_unit_test(long_sets_are_printed_in_part),
		cmocka_unit_test(what_is_shown_is_printable_and_cut),
		cmocka_unit_test(values_that_are_none_are_refused_with_their_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
