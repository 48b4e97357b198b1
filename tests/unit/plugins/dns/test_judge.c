/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts over made answers: above all that nothing turns green by being left out. */
#include "packets.h"

#include "plugins/dns/judge_cutover.h"
#include "plugins/dns/judge_dnssec.h"
#include "plugins/dns/judge_server.h"
#include "plugins/dns/judge_zone.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ZONE_SOA "example. 900 IN SOA ns. host. 7 3600 600 86400 300"
#define ZONE_A "www.example. 60 IN A 192.0.2.1"

struct test {
	struct endpoint endpoints[2];
	struct settings settings;
	struct probes probes;
	struct findings findings;
	ldns_rdf *zone;
};

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	for (int i = 0; i < 2; i++) {
		test->endpoints[i].group = GROUP_AUTHORITY;
		test->endpoints[i].label = (char *)(i ? "b" : "a");
		assert_true(
			endpoint_address(i ? "192.0.2.54" : "192.0.2.53", 53, &test->endpoints[i].address));
	}
	test->settings.name = name_of("www.example.");
	test->settings.type = LDNS_RR_TYPE_A;
	test->settings.type_name = "A";
	snprintf(test->settings.name_text, sizeof(test->settings.name_text), "www.example");
	test->settings.query_timeout = 2000000000;
	test->settings.agree = true;
	test->zone = name_of("example.");
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	findings_done(&test->findings);
	probes_done(&test->probes);
	settings_done(&test->settings);
	ldns_rdf_deep_free(test->zone);
	free(test);
	return 0;
}

/* A question with its answer; message NULL: none came. */
static struct probe *ask(struct test *test, int server, enum aspect aspect, const struct message *message)
{
	ldns_rr_type type = aspect == ASPECT_SOA ? LDNS_RR_TYPE_SOA
		: aspect == ASPECT_DNSKEY        ? LDNS_RR_TYPE_DNSKEY
						 : LDNS_RR_TYPE_A;
	struct probe *probe = probes_add(&test->probes, aspect, &test->endpoints[server],
		type == LDNS_RR_TYPE_A ? test->settings.name : test->zone, type);

	probe->query.outcome = message ? EXCHANGE_ANSWERED : EXCHANGE_TIMEOUT;
	probe->query.tries = 3;
	if (message)
		message_read(&probe->answer, message);
	return probe;
}

static const struct message good = {"www.example.", LDNS_RR_TYPE_A, .authoritative = true, .answer = ZONE_A};
static const struct message hearsay = {"www.example.", LDNS_RR_TYPE_A, .answer = ZONE_A};
static const struct message soa = {"example.", LDNS_RR_TYPE_SOA, .authoritative = true, .answer = ZONE_SOA};

static void assert_finding(const struct test *test, size_t i, enum gavea_status status, const char *text)
{
	assert_true(i < test->findings.count);
	assert_string_equal(buf_str(&test->findings.list[i]->text), text);
	assert_int_equal(test->findings.list[i]->status, status);
}

static void silence_is_told_with_how_often_it_was_asked(void **state)
{
	struct test *test = *state;

	ask(test, 0, ASPECT_RECORD, NULL);
	judge_server(&test->settings, &test->probes, &test->endpoints[0], &test->findings);
	assert_finding(test, 0, GAVEA_CRITICAL,
		"timeout: no answer in 3 tries of 2s; is the server up, and UDP port 53 open on the way?");
}

static void causes_of_silence_are_told_apart(void **state)
{
	static const struct {
		enum exchange_outcome outcome;
		int error;
		enum gavea_status status;
		const char *text;
	} cases[] = {
		{EXCHANGE_UNASKED, 0, GAVEA_UNKNOWN,
			"not asked to the end, time ran out: raise timeout, or ask fewer servers"},
		{EXCHANGE_FAILED, ECONNREFUSED, GAVEA_CRITICAL,
			"connection refused: no name server listens there; start it, or correct its address"},
		{EXCHANGE_FAILED, ENETUNREACH, GAVEA_UNKNOWN, "this host has no route there"},
		{EXCHANGE_FAILED, EPERM, GAVEA_UNKNOWN,
			"could not be asked from here: Operation not permitted"},
		{EXCHANGE_FAILED, EHOSTUNREACH, GAVEA_CRITICAL, "not reachable: No route to host"},
		{EXCHANGE_TRUNCATED, ECONNREFUSED, GAVEA_CRITICAL,
			"truncated: the answer does not fit into UDP, and over TCP: Connection refused; let "
			"TCP port 53 "
			"through"},
	};
	struct test *test = *state;
	struct probe *probe = ask(test, 0, ASPECT_RECORD, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		probe->query.outcome = cases[i].outcome;
		probe->query.error = cases[i].error;
		judge_server(&test->settings, &test->probes, &test->endpoints[0], &test->findings);
		assert_finding(test, i, cases[i].status, cases[i].text);
	}
}

static void an_authority_that_answers_from_hearsay_is_lame(void **state)
{
	struct test *test = *state;

	ask(test, 0, ASPECT_RECORD, &hearsay);
	judge_server(&test->settings, &test->probes, &test->endpoints[0], &test->findings);
	assert_finding(test, 0, GAVEA_CRITICAL,
		"192.0.2.1; lame: answers without authority (from a cache?); load the zone there, or take "
		"the server out of "
		"the NS records");
}

static void a_stale_answer_is_a_warning(void **state)
{
	struct test *test = *state;

	ask(test, 0, ASPECT_RECORD, &good)->answer.stale = true;
	judge_server(&test->settings, &test->probes, &test->endpoints[0], &test->findings);
	assert_finding(test, 0, GAVEA_WARNING,
		"192.0.2.1; stale: the resolver gives what it kept, and can't reach the zone's servers");
}

static void over_tcp_it_must_answer_too(void **state)
{
	struct test *test = *state;

	ask(test, 0, ASPECT_RECORD, &good);
	ask(test, 0, ASPECT_TCP, NULL)->query.tcp = true;
	judge_server(&test->settings, &test->probes, &test->endpoints[0], &test->findings);
	assert_finding(test, 0, GAVEA_CRITICAL,
		"192.0.2.1; over TCP: timeout: no answer in 3 tries of 2s; is the server up, and TCP port 53 "
		"open on the "
		"way?");
}

static void a_server_that_hides_its_serial_is_not_passed_over(void **state)
{
	struct test *test = *state;
	struct serial_history history = {0};

	for (int i = 0; i < 2; i++)
		ask(test, i, ASPECT_RECORD, &good);
	ask(test, 0, ASPECT_SOA, &soa);
	ask(test, 1, ASPECT_SOA, NULL);
	judge_serials(&test->settings, &test->probes, &history, 1000, &test->findings);
	assert_finding(test, 0, GAVEA_UNKNOWN, "b did not tell its serial");
}

static void without_any_serial_nothing_agrees(void **state)
{
	struct test *test = *state;
	struct serial_history history = {0};

	ask(test, 0, ASPECT_SOA, NULL);
	judge_serials(&test->settings, &test->probes, &history, 1000, &test->findings);
	assert_finding(test, 0, GAVEA_UNKNOWN, "no server told its serial");
}

static void a_serial_that_went_back_is_told(void **state)
{
	struct test *test = *state;
	struct serial_history history = {true, 9, 0};

	ask(test, 0, ASPECT_SOA, &soa);
	judge_serials(&test->settings, &test->probes, &history, 1000, &test->findings);
	assert_finding(test, 0, GAVEA_WARNING,
		"the newest serial went back from 9 to 7: secondaries will not take the zone; raise the "
		"serial");
}

static void signatures_that_nobody_sent_are_not_good_ones(void **state)
{
	struct test *test = *state;
	int64_t left;

	judge_signatures(&test->settings, &test->probes, 0, false, &test->findings, &left);
	assert_finding(test, 0, GAVEA_UNKNOWN, "no server gave an answer with signatures to look at");
	assert_true(left == INT64_MAX);
	ask(test, 0, ASPECT_RECORD, &good);
	judge_signatures(&test->settings, &test->probes, 0, true, &test->findings, &left);
	assert_finding(test, 1, GAVEA_WARNING,
		"the zone is signed, yet no server sent a signature: they, or something on the way, drop "
		"them");
	ask(test, 0, ASPECT_DNSKEY, NULL);
	judge_signatures(&test->settings, &test->probes, 0, false, &test->findings, &left);
	assert_finding(test, 2, GAVEA_UNKNOWN, "a did not tell its DNSKEY, so its signatures are not known");
	test->settings.dnssec = DNSSEC_REQUIRE;
	judge_signatures(&test->settings, &test->probes, 0, false, &test->findings, &left);
	assert_int_equal(test->findings.list[3]->status, GAVEA_CRITICAL);
}

static void a_validation_of_another_answer_is_unknown(void **state)
{
	struct test *test = *state;
	struct validation validation = {
		.state = VALIDATION_INSECURE, .rcode = LDNS_RCODE_NXDOMAIN, .no_name = true};

	judge_validation(&test->settings, 0, NULL, &validation, &test->findings);
	assert_finding(test, 0, GAVEA_UNKNOWN,
		"insecure: the zone is not signed, or has no DS at its parent; but what was validated is "
		"that there is no "
		"such name: the way down from the parents leads elsewhere than to these servers; set "
		"parent_servers or "
		"validate_through");
}

static void a_ds_that_could_not_be_compared_is_unknown(void **state)
{
	struct test *test = *state;

	ask(test, 0, ASPECT_DS, NULL);
	judge_ds(&test->probes, &test->findings);
	assert_finding(test, 0, GAVEA_UNKNOWN,
		"the parent's servers did not answer, so DS and DNSKEY could not be compared");
}

static void glue_that_could_not_be_compared_is_unknown(void **state)
{
	struct test *test = *state;
	struct walk_zone *zone = calloc(1, sizeof(*zone));
	ldns_rr *rr = NULL;

	assert_int_equal(
		ldns_rr_new_frm_str(&rr, "ns.example. 60 IN A 192.0.2.53", 0, NULL, NULL), LDNS_STATUS_OK);
	zone->zone = name_of("example.");
	zone->parent = name_of(".");
	zone->confirmed = true;
	zone->servers[0] = (struct walk_server){.name = name_of("ns.example."),
		.in_parent = true,
		.in_zone = true,
		.glue = ldns_rr_list_new()};
	ldns_rr_list_push_rr(zone->servers[0].glue, rr);
	zone->server_count = 1;
	judge_glue(zone, &test->probes, &test->findings);
	assert_finding(test, 0, GAVEA_UNKNOWN, "the zone's servers did not tell the addresses of ns.example");
	walk_zone_done(zone);
	free(zone);
}

static void more_name_servers_than_are_looked_at_are_told(void **state)
{
	struct test *test = *state;
	struct walk_zone *zone = calloc(1, sizeof(*zone));

	zone->zone = name_of("example.");
	zone->confirmed = true;
	zone->left_out = 2;
	judge_delegation(zone, &test->findings);
	assert_finding(test, 0, GAVEA_UNKNOWN,
		"example: the parent's servers serve it too, nobody needs its delegation; 2 name servers "
		"beyond the first 32 "
		"were not looked at");
	walk_zone_done(zone);
	free(zone);
}

static void both_answers_at_once_count_as_the_old_one(void **state)
{
	struct test *test = *state;
	struct probe *probe = ask(test, 0, ASPECT_RECORD,
		&(struct message){"www.example.", LDNS_RR_TYPE_A, .authoritative = true,
			.answer = ZONE_A "\nwww.example. 60 IN A 192.0.2.2"});

	test->settings.cutover = true;
	test->settings.match = RDATA_INCLUDES;
	assert_int_equal(
		rdata_set_add_text(&test->settings.expect_new, LDNS_RR_TYPE_A, "192.0.2.2", NULL), 0);
	assert_int_equal(
		rdata_set_add_text(&test->settings.expect_old, LDNS_RR_TYPE_A, "192.0.2.1", NULL), 0);
	assert_int_equal(judge_voice(&test->settings, probe).side, CUTOVER_OLD);
	assert_int_equal(
		judge_voice(&test->settings, ask(test, 1, ASPECT_RECORD, &hearsay)).side, CUTOVER_SILENT);
}

static void another_expectation_has_another_fingerprint(void **state)
{
	struct test *test = *state;
	uint32_t before = judge_cutover_fingerprint(&test->settings);

	assert_int_equal(
		rdata_set_add_text(&test->settings.expect_new, LDNS_RR_TYPE_A, "192.0.2.2", NULL), 0);
	assert_true(judge_cutover_fingerprint(&test->settings) != before);
}

#define test_of(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_of(silence_is_told_with_how_often_it_was_asked),
		test_of(causes_of_silence_are_told_apart),
		test_of(an_authority_that_answers_from_hearsay_is_lame),
		test_of(a_stale_answer_is_a_warning),
		test_of(over_tcp_it_must_answer_too),
		test_of(a_server_that_hides_its_serial_is_not_passed_over),
		test_of(without_any_serial_nothing_agrees),
		test_of(a_serial_that_went_back_is_told),
		test_of(signatures_that_nobody_sent_are_not_good_ones),
		test_of(a_validation_of_another_answer_is_unknown),
		test_of(a_ds_that_could_not_be_compared_is_unknown),
		test_of(glue_that_could_not_be_compared_is_unknown),
		test_of(more_name_servers_than_are_looked_at_are_told),
		test_of(both_answers_at_once_count_as_the_old_one),
		test_of(another_expectation_has_another_fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
