/* SPDX-License-Identifier: Apache-2.0 */
/* Answers are sorted into their kinds. */
#include "packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SOA "example. 900 IN SOA ns.example. host.example. 2024 3600 600 86400 300"

static void read_kind(const struct message *message, enum answer_kind kind)
{
	struct answer answer;

	message_read(&answer, message);
	assert_int_equal(answer.kind, kind);
	answer_done(&answer);
}

static void records_are_taken_from_the_end_of_the_aliases(void **state)
{
	struct answer answer;

	(void)state;
	message_read(&answer,
		&(struct message){.name = "WWW.example.",
			.type = LDNS_RR_TYPE_A,
			.answer = "www.example. 600 IN CNAME a.example.\na.example. 60 IN CNAME b.example.\n"
				  "b.example. 300 IN A 192.0.2.1\nb.example. 300 IN A 192.0.2.2\n"
				  "stray.example. 1 IN A 192.0.2.3"});
	assert_int_equal(answer.kind, ANSWER_RECORDS);
	assert_int_equal(ldns_rr_list_rr_count(answer.records), 2);
	assert_int_equal(answer.aliases, 2);
	assert_int_equal(answer.ttl, 60);
	answer_done(&answer);
}

static void an_alias_is_a_record_where_it_was_asked_for(void **state)
{
	(void)state;
	read_kind(&(struct message){"a.example.", LDNS_RR_TYPE_CNAME,
			  .answer = "a.example. 60 IN CNAME b.example."},
		ANSWER_RECORDS);
}

static void aliases_in_a_circle_are_a_kind_of_their_own(void **state)
{
	(void)state;
	read_kind(&(struct message){"a.example.", LDNS_RR_TYPE_A,
			  .answer = "a.example. 60 IN CNAME b.example.\nb.example. 60 IN CNAME a.example."},
		ANSWER_CIRCLE);
}

static void an_alias_that_leads_out_is_no_absence(void **state)
{
	(void)state;
	read_kind(&(struct message){"a.example.", LDNS_RR_TYPE_A, .authoritative = true,
			  .answer = "a.example. 60 IN CNAME b.other."},
		ANSWER_ALIAS);
}

static void absence_is_kept_for_the_shorter_of_two_times(void **state)
{
	struct answer answer;

	(void)state;
	message_read(&answer,
		&(struct message){"x.example.", LDNS_RR_TYPE_A, LDNS_RCODE_NXDOMAIN, true, .authority = SOA});
	assert_int_equal(answer.kind, ANSWER_NXDOMAIN);
	assert_int_equal(answer.ttl, 300);
	assert_int_equal(answer_soa_serial(answer.soa), 2024);
	assert_int_equal(answer_soa_expire(answer.soa), 86400);
	answer_done(&answer);
	read_kind(&(struct message){"x.example.", LDNS_RR_TYPE_A, .authoritative = true, .authority = SOA},
		ANSWER_NODATA);
}

static void a_referral_is_no_absence(void **state)
{
	(void)state;
	read_kind(
		&(struct message){"x.example.", LDNS_RR_TYPE_A, .authority = "example. 60 IN NS ns.example."},
		ANSWER_REFERRAL);
}

static void errors_keep_their_code(void **state)
{
	char buffer[16];

	(void)state;
	read_kind(
		&(struct message){"x.example.", LDNS_RR_TYPE_A, LDNS_RCODE_SERVFAIL, false, NULL, NULL, NULL},
		ANSWER_ERROR);
	assert_string_equal(answer_rcode_name(2, buffer), "SERVFAIL");
	assert_string_equal(answer_rcode_name(5, buffer), "REFUSED");
	assert_string_equal(answer_rcode_name(99, buffer), "RCODE99");
}

static void what_is_no_message_is_garbage(void **state)
{
	struct message message = {"x.example.", LDNS_RR_TYPE_A, .answer = "x.example. 60 IN A 192.0.2.1"};
	ldns_rdf *name = name_of("x.example.");
	size_t size;
	uint8_t *bytes = message_make(&message, &size);

	(void)state;
	for (size_t i = 0; i < size; i++) {
		struct answer answer;

		assert_int_equal(answer_read(&answer, bytes, i, name, LDNS_RR_TYPE_A), 0);
		assert_int_equal(answer.kind, ANSWER_GARBAGE);
		answer_done(&answer);
	}
	free(bytes);
	ldns_rdf_deep_free(name);
}

static void a_malformed_soa_has_no_numbers(void **state)
{
	(void)state;
	assert_int_equal(answer_soa_serial(NULL), 0);
}

static void extended_errors_are_told_in_printable_text(void **state)
{
	/* NODATA with OPT: code 7 (signature expired) and a text with an escape. */
	static const uint8_t bytes[] = {0, 1, 0x80, 2, 0, 1, 0, 0, 0, 0, 0, 1, 1, 'x', 0, 0, 1, 0, 1, 0, 0,
		41, 4, 208, 0, 0, 0, 0, 0, 10, 0, 15, 0, 6, 0, 7, 'a', 27, '[', 'b'};
	ldns_rdf *name = name_of("x.");
	struct answer answer;

	(void)state;
	assert_int_equal(answer_read(&answer, bytes, sizeof(bytes), name, LDNS_RR_TYPE_A), 0);
	assert_int_equal(answer.kind, ANSWER_ERROR);
	assert_string_equal(answer.explanation, "signature expired: a?[b");
	answer_done(&answer);
	ldns_rdf_deep_free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_taken_from_the_end_of_the_aliases),
		cmocka_unit_test(an_alias_is_a_record_where_it_was_asked_for),
		cmocka_unit_test(aliases_in_a_circle_are_a_kind_of_their_own),
		cmocka_unit_test(an_alias_that_leads_out_is_no_absence),
		cmocka_unit_test(absence_is_kept_for_the_shorter_of_two_times),
		cmocka_unit_test(a_referral_is_no_absence),
		cmocka_unit_test(errors_keep_their_code),
		cmocka_unit_test(what_is_no_message_is_garbage),
		cmocka_unit_test(a_malformed_soa_has_no_numbers),
		cmocka_unit_test(extended_errors_are_told_in_printable_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
