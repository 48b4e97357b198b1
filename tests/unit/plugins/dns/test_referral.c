/* SPDX-License-Identifier: Apache-2.0 */
/* Which answers lead down to a zone, and which are not believed. */
#include "packets.h"

#include "plugins/dns/referral.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SOA " 60 IN SOA ns. host. 1 2 3 4 5"

static void assert_referral(
	const char *current, const struct message *message, enum referral_kind kind, const char *zone)
{
	ldns_rdf *name = name_of(message->name), *here = name_of(current);
	const ldns_rdf *found = NULL;
	struct answer answer;

	message_read(&answer, message);
	assert_int_equal(referral_read(&answer, name, here, &found), kind);
	if (zone) {
		ldns_rdf *wanted = name_of(zone);

		assert_int_equal(ldns_dname_compare(found, wanted), 0);
		ldns_rdf_deep_free(wanted);
	}
	answer_done(&answer);
	ldns_rdf_deep_free(name);
	ldns_rdf_deep_free(here);
}

static void a_delegation_leads_down(void **state)
{
	(void)state;
	assert_referral("com.",
		&(struct message){"www.example.com.", LDNS_RR_TYPE_SOA,
			.authority = "example.com. 60 IN NS ns.example.com."},
		REFERRAL_DOWN, "example.com.");
}

static void only_what_is_closer_to_the_name_is_believed(void **state)
{
	static const char *const others[] = {"com. 60 IN NS a.", ". 60 IN NS a.", "example.net. 60 IN NS a.",
		"x.www.example.com. 60 IN NS a.", "other.com. 60 IN NS a."};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_referral("com.",
			&(struct message){"www.example.com.", LDNS_RR_TYPE_SOA, .authority = others[i]},
			REFERRAL_USELESS, NULL);
}

static void the_zone_itself_is_recognised_by_its_soa(void **state)
{
	(void)state;
	assert_referral("example.com.",
		&(struct message){"www.example.com.", LDNS_RR_TYPE_SOA, LDNS_RCODE_NXDOMAIN, true,
			.authority = "example.com." SOA},
		REFERRAL_APEX, "example.com.");
	assert_referral("com.",
		&(struct message){"example.com.", LDNS_RR_TYPE_SOA, 0, true, .answer = "example.com." SOA},
		REFERRAL_APEX, "example.com.");
	assert_referral("example.com.",
		&(struct message){"www.example.com.", LDNS_RR_TYPE_SOA, 0, true, .authority = "com." SOA},
		REFERRAL_USELESS, NULL);
}

static void an_alias_hides_the_zone(void **state)
{
	(void)state;
	assert_referral("example.com.",
		&(struct message){"www.example.com.", LDNS_RR_TYPE_SOA, 0, true,
			.answer = "www.example.com. 60 IN CNAME cdn.example.net."},
		REFERRAL_ALIAS, NULL);
}

static void errors_and_hearsay_are_of_no_use(void **state)
{
	(void)state;
	assert_referral("com.",
		&(struct message){
			"example.com.", LDNS_RR_TYPE_SOA, LDNS_RCODE_REFUSED, false, NULL, NULL, NULL},
		REFERRAL_USELESS, NULL);
	assert_referral("com.",
		&(struct message){"example.com.", LDNS_RR_TYPE_SOA, .answer = "example.com." SOA},
		REFERRAL_USELESS, NULL);
}

static void glue_is_that_of_the_name_alone(void **state)
{
	ldns_rdf *name = name_of("NS.example.com.");
	struct answer answer;
	ldns_rr_list *glue;

	(void)state;
	message_read(&answer,
		&(struct message){"example.com.", LDNS_RR_TYPE_SOA,
			.authority = "example.com. 60 IN NS ns.example.com.",
			.additional =
				"ns.example.com. 60 IN A 192.0.2.1\nns.example.com. 60 IN AAAA 2001:db8::1\n"
				"other.example.com. 60 IN A 192.0.2.2\nns.example.com. 60 IN TXT \"x\""});
	glue = referral_glue(&answer, name);
	assert_int_equal(ldns_rr_list_rr_count(glue), 2);
	ldns_rr_list_deep_free(glue);
	answer_done(&answer);
	ldns_rdf_deep_free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delegation_leads_down),
		cmocka_unit_test(only_what_is_closer_to_the_name_is_believed),
		cmocka_unit_test(the_zone_itself_is_recognised_by_its_soa),
		cmocka_unit_test(an_alias_hides_the_zone),
		cmocka_unit_test(errors_and_hearsay_are_of_no_use),
		cmocka_unit_test(glue_is_that_of_the_name_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
