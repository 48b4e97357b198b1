/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/fleet/deliver.h"

#include "base/clock.h"
#include "plugins/fleet/report.h"
#include "tests/support/fake_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LOG_MAX 400

/* A server of few words. */
struct server {
	struct fake_output fake;
	struct delivery_memory memory;
	uint64_t bad_declaration; /* a report with this check number declared is malformed */
	uint64_t needs_it; /* a report with this seq refers to it */
	uint64_t poison; /* a report with this seq is malformed */
	size_t max_records; /* a larger report is too large; 0: none is */
	bool knows; /* the declarations */
	bool always_asks; /* for them */
	bool refuses_all;
	uint64_t ack_less; /* acknowledges so much less than was sent */
	uint64_t ack_always; /* acknowledges this, whatever came */
	enum verdict_kind fail_kind;
	int fail_error; /* with it, for every request */
	size_t max_report;
	/* What came: records and declarations of each report. */
	size_t requests;
	size_t counts[LOG_MAX];
	size_t declared[LOG_MAX];
	uint64_t stored;
	uint64_t stored_count;
};

static void judge(struct server *server, const Gavea__V1__Report *report, struct verdict *verdict)
{
	uint64_t last = report->n_records ? report->records[report->n_records - 1]->seq : 0;

	if (server->fail_error) {
		verdict_set(verdict, server->fail_kind, server->fail_error, "the server says no");
		verdict->retry_after = 3 * NSEC_PER_SEC;
		return;
	}
	for (size_t i = 0; i < report->n_records; i++)
		if (server->refuses_all || (server->poison && report->records[i]->seq == server->poison)) {
			verdict_set(verdict, VERDICT_MALFORMED, -EBADMSG, "bad record");
			return;
		}
	for (size_t i = 0; i < report->n_declarations; i++)
		if (server->bad_declaration &&
			report->declarations[i]->check->number == server->bad_declaration) {
			verdict_set(verdict, VERDICT_MALFORMED, -EBADMSG, "bad declaration");
			return;
		}
	for (size_t i = 0; i < report->n_records; i++)
		if (server->needs_it && report->records[i]->seq == server->needs_it) {
			verdict_set(verdict, VERDICT_DECLARE, 0, "tell me more");
			return;
		}
	if (server->refuses_all)
		verdict_set(verdict, VERDICT_MALFORMED, -EBADMSG, "bad report");
	else if (server->max_records && report->n_records > server->max_records)
		verdict_set(verdict, VERDICT_TOO_LARGE, -EMSGSIZE, "too large");
	else if (server->always_asks || (!server->knows && !report->n_declarations && report->n_records))
		verdict_set(verdict, VERDICT_DECLARE, 0, "tell me more");
	else
		verdict->kind = VERDICT_STORED;
	if (verdict->kind != VERDICT_STORED)
		return;
	server->knows = true;
	verdict->acked_seq = server->ack_always ? server->ack_always : last - server->ack_less;
	server->stored_count += report->n_records;
	server->stored = MAX(server->stored, last);
}

static void post(void *userdata, const struct buf *bytes, bool last_try, struct verdict *ret_verdict)
{
	struct server *server = userdata;
	Gavea__V1__Report *report =
		gavea__v1__report__unpack(NULL, bytes->size, (const uint8_t *)bytes->data);

	assert_non_null(report);
	assert_true(last_try == (report->n_records <= 1));
	assert_true(server->requests < LOG_MAX);
	server->counts[server->requests] = report->n_records;
	server->declared[server->requests++] = report->n_declarations;
	judge(server, report, ret_verdict);
	gavea__v1__report__free_unpacked(report, NULL);
}

static struct server *server_new(size_t records)
{
	struct server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	fake_init(&server->fake);
	server->knows = true;
	server->max_report = 1 << 20;
	for (size_t i = 0; i < records; i++)
		fake_add_event(&server->fake, 101 + i, "test", "something happened");
	return server;
}

static int deliver(struct server *server)
{
	struct delivery_settings settings = {
		.max_report = server->max_report,
		.post = post,
		.userdata = server,
		.memory = &server->memory,
	};

	server->fake.next = 0;
	return deliver_batch(&settings, &server->fake.check, &server->fake.batch);
}

static void server_free(struct server *server)
{
	fake_done(&server->fake);
	free(server);
}

static void a_batch_is_one_report_and_acknowledged(void **state)
{
	struct server *server = server_new(20);

	(void)state;
	assert_int_equal(deliver(server), 0);
	assert_int_equal(server->requests, 1);
	assert_int_equal(server->counts[0], 20);
	assert_int_equal(server->declared[0], 0);
	assert_int_equal(server->fake.acknowledged, 120);
	server_free(server);
}

static void an_empty_batch_is_sent_as_a_sign_of_life(void **state)
{
	struct server *server = server_new(0);

	(void)state;
	assert_int_equal(deliver(server), 0);
	assert_int_equal(server->requests, 1);
	assert_int_equal(server->counts[0], 0);
	assert_int_equal(server->fake.acknowledged, 0);
	server_free(server);
}

static void a_refused_sign_of_life_is_a_failure(void **state)
{
	struct server *server = server_new(0);

	(void)state;
	server->refuses_all = true;
	assert_int_equal(deliver(server), -EBADMSG);
	assert_string_equal(server->fake.failure, "bad report");
	assert_int_equal(server->requests, 1);
	server_free(server);
}

static void a_large_batch_is_cut_into_reports(void **state)
{
	struct server *server = server_new(100);

	(void)state;
	server->max_report = 512;
	assert_int_equal(deliver(server), 0);
	assert_true(server->requests > 5);
	assert_int_equal(server->stored_count, 100);
	assert_int_equal(server->fake.acknowledged, 200);
	server_free(server);
}

static void no_more_is_acknowledged_than_was_sent(void **state)
{
	struct server *server = server_new(5);

	(void)state;
	server->ack_always = UINT64_MAX;
	assert_int_equal(deliver(server), 0);
	assert_int_equal(server->fake.acknowledged, 105);
	server_free(server);
}

static void set_known_seq(struct server *server, const char *text)
{
	server->fake.facts[0] = "spool_id";
	server->fake.facts[1] = "9a1b2c3d4e5f60718293a4b5c6d7e8f9";
	server->fake.facts[2] = "known_seq";
	server->fake.facts[3] = text;
}

static void a_server_that_has_more_than_was_ever_sent_is_told_apart(void **state)
{
	struct server *server = server_new(0);

	(void)state;
	set_known_seq(server, "105");
	server->ack_always = 105;
	assert_int_equal(deliver(server), 0);
	server->ack_always = 106;
	assert_int_equal(deliver(server), -ESTALE);
	assert_string_equal(server->fake.failure,
		"the server has records of this spool up to seq 106, but only 105 came from here: the state "
		"directory was rolled back, or another agent has a copy of it");
	server_free(server);
}

static void the_same_while_records_are_sent_and_none_of_them_counts_as_delivered(void **state)
{
	struct server *server = server_new(5);

	(void)state;
	set_known_seq(server, "105");
	server->ack_always = 200;
	assert_int_equal(deliver(server), -ESTALE);
	assert_int_equal(server->fake.acknowledged, 0);
	server_free(server);
}

static void what_was_not_acknowledged_is_sent_again(void **state)
{
	struct server *server = server_new(10);

	(void)state;
	server->ack_less = 3;
	assert_int_equal(deliver(server), -EPROTO);
	/* 101 to 107 are safe; then 3 records, of which none is. */
	assert_int_equal(server->fake.acknowledged, 107);
	assert_int_equal(server->requests, 2);
	assert_string_equal(
		server->fake.failure, "the server acknowledged seq 107, but 108 to 110 were sent");
	server_free(server);
}

static void an_acknowledgement_of_nothing_is_a_failure(void **state)
{
	struct server *server = server_new(3);

	(void)state;
	server->ack_always = 7;
	assert_int_equal(deliver(server), -EPROTO);
	assert_int_equal(server->fake.acknowledged, 0);
	server_free(server);
}

static void declarations_are_sent_when_asked_for(void **state)
{
	struct server *server = server_new(10);

	(void)state;
	server->knows = false;
	fake_add_declaration(&server->fake, 7, 1, "host/main");
	fake_add_declaration(&server->fake, 9, 2, "cert/www");
	assert_int_equal(deliver(server), 0);
	assert_int_equal(server->requests, 2);
	assert_int_equal(server->declared[0], 0);
	assert_int_equal(server->declared[1], 2);
	assert_int_equal(server->counts[1], 10);
	assert_int_equal(server->fake.acknowledged, 110);
	server_free(server);
}

static void many_declarations_go_ahead(void **state)
{
	struct server *server = server_new(10);
	size_t declared = 0;

	(void)state;
	server->knows = false;
	server->max_report = 2048;
	for (uint32_t i = 1; i <= 300; i++)
		fake_add_declaration(&server->fake, i / 4, i, "host/with-a-long-name");
	assert_int_equal(deliver(server), 0);
	for (size_t i = 0; i < server->requests; i++)
		declared += server->declared[i];
	assert_int_equal(declared, 300);
	assert_true(server->requests > 10);
	assert_int_equal(server->fake.acknowledged, 110);
	server_free(server);
}

static void a_server_that_asks_for_ever_is_a_failure(void **state)
{
	struct server *server = server_new(10);

	(void)state;
	server->always_asks = true;
	assert_int_equal(deliver(server), -EPROTO);
	assert_int_equal(server->requests, 2);
	assert_string_equal(
		server->fake.failure, "the server asks again for declarations that it was just sent");
	fake_forget_records(&server->fake);
	assert_int_equal(deliver(server), -EPROTO);
	assert_int_equal(server->requests, 4);
	server_free(server);
}

static void a_bad_record_is_found_and_passed_over(void **state)
{
	(void)state;
	for (uint64_t poison = 101; poison <= 164; poison += 7) {
		struct server *server = server_new(64);
		char expected[128];

		server->poison = poison;
		assert_int_equal(deliver(server), 0);
		assert_int_equal(server->fake.acknowledged, 164);
		assert_int_equal(server->stored_count, 63);
		assert_int_equal(server->memory.refused, 1);
		snprintf(expected, sizeof(expected),
			"record-refused 1 the server refused record %u seq=%u kind=event reason=bad record "
			"refused=1\n",
			(unsigned)poison, (unsigned)poison);
		assert_string_equal(buf_str(&server->fake.events), expected);
		assert_true(server->requests < 30);
		server_free(server);
	}
}

static void nothing_is_given_up_when_everything_is_refused(void **state)
{
	struct server *server = server_new(64);

	(void)state;
	server->refuses_all = true;
	assert_int_equal(deliver(server), -EBADMSG);
	assert_int_equal(server->fake.acknowledged, 0);
	assert_int_equal(server->fake.event_count, 0);
	assert_int_equal(server->memory.refused, 0);
	assert_string_equal(
		server->fake.failure, "the server refuses even a report without records: bad report");
	server_free(server);
}

static void the_news_of_a_refusal_makes_no_more_news(void **state)
{
	struct server *server = server_new(0);

	(void)state;
	fake_add_event(&server->fake, 1, "record-refused", "the server refused record 0");
	server->poison = 1;
	assert_int_equal(deliver(server), 0);
	assert_int_equal(server->fake.acknowledged, 1);
	assert_int_equal(server->fake.event_count, 0);
	assert_int_equal(server->memory.refused, 1);
	assert_non_null(strstr(buf_str(&server->fake.logs), "record 1 (event) is given up: bad record"));
	server_free(server);
}

static void a_bad_declaration_costs_only_what_refers_to_it(void **state)
{
	struct server *server = server_new(40);

	(void)state;
	for (uint32_t i = 1; i <= 50; i++)
		fake_add_declaration(&server->fake, i, i, "host/main");
	server->knows = false;
	server->bad_declaration = 33;
	server->needs_it = 117;
	assert_int_equal(deliver(server), 0);
	assert_int_equal(server->fake.acknowledged, 140);
	assert_int_equal(server->stored_count, 39);
	assert_int_equal(server->memory.refused, 2);
	assert_string_equal(buf_str(&server->fake.events),
		"record-refused 1 the server refused record 33 seq=33 kind=check reason=bad declaration "
		"refused=1\n"
		"record-refused 1 the server refused record 117 seq=117 kind=event reason=tell me more "
		"refused=2\n");
	server_free(server);
}

static void a_report_too_large_is_halved(void **state)
{
	struct server *server = server_new(64);

	(void)state;
	server->max_records = 10;
	assert_int_equal(deliver(server), 0);
	assert_int_equal(server->fake.acknowledged, 164);
	assert_int_equal(server->stored_count, 64);
	assert_int_equal(server->requests, 3 + 8); /* 64, 32, 16 are too many; then 8 each */
	server_free(server);
}

static void failures_are_passed_on_with_their_reason(void **state)
{
	static const struct {
		enum verdict_kind kind;
		int error;
	} cases[] = {
		{VERDICT_FAILED, -ECONNREFUSED}, {VERDICT_DENIED, -EACCES}, {VERDICT_FAILED, -EREMOTEIO}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct server *server = server_new(4);

		server->fail_kind = cases[i].kind;
		server->fail_error = cases[i].error;
		assert_int_equal(deliver(server), cases[i].error);
		assert_string_equal(server->fake.failure, "the server says no");
		assert_int_equal(server->fake.retry_after, 3 * NSEC_PER_SEC);
		assert_int_equal(server->fake.acknowledged, 0);
		assert_int_equal(server->requests, 1);
		server_free(server);
	}
}

static void a_damaged_record_ends_the_batch(void **state)
{
	struct server *server = server_new(4);

	(void)state;
	server->fake.damaged = true;
	assert_int_equal(deliver(server), 0);
	assert_int_equal(server->fake.acknowledged, 104);
	fake_forget_records(&server->fake);
	assert_int_equal(deliver(server), -EBADMSG);
	assert_string_equal(server->fake.failure, "the next record in the spool is damaged");
	server_free(server);
}

static void a_cancelled_delivery_sends_nothing(void **state)
{
	struct server *server = server_new(4);

	(void)state;
	server->fake.cancelled = true;
	assert_int_equal(deliver(server), -ECANCELED);
	assert_int_equal(server->requests, 0);
	server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_one_report_and_acknowledged),
		cmocka_unit_test(an_empty_batch_is_sent_as_a_sign_of_life),
		cmocka_unit_test(a_refused_sign_of_life_is_a_failure),
		cmocka_unit_test(a_large_batch_is_cut_into_reports),
		cmocka_unit_test(no_more_is_acknowledged_than_was_sent),
		cmocka_unit_test(a_server_that_has_more_than_was_ever_sent_is_told_apart),
		cmocka_unit_test(the_same_while_records_are_sent_and_none_of_them_counts_as_delivered),
		cmocka_unit_test(what_was_not_acknowledged_is_sent_again),
		cmocka_unit_test(an_acknowledgement_of_nothing_is_a_failure),
		cmocka_unit_test(declarations_are_sent_when_asked_for),
		cmocka_unit_test(many_declarations_go_ahead),
		cmocka_unit_test(a_server_that_asks_for_ever_is_a_failure),
		cmocka_unit_test(a_bad_record_is_found_and_passed_over),
		cmocka_unit_test(nothing_is_given_up_when_everything_is_refused),
		cmocka_unit_test(the_news_of_a_refusal_makes_no_more_news),
		cmocka_unit_test(a_bad_declaration_costs_only_what_refers_to_it),
		cmocka_unit_test(a_report_too_large_is_halved),
		cmocka_unit_test(failures_are_passed_on_with_their_reason),
		cmocka_unit_test(a_damaged_record_ends_the_batch),
		cmocka_unit_test(a_cancelled_delivery_sends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
