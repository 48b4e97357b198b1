/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/fleet/report.h"

#include "tests/support/fake_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct fake_output *fake_new(const char *const *facts)
{
	struct fake_output *fake = malloc(sizeof(*fake));

	assert_non_null(fake);
	fake_init(fake);
	for (size_t i = 0; facts && facts[i]; i++)
		fake->facts[i] = facts[i];
	return fake;
}

static Gavea__V1__Report *build(
	struct fake_output *fake, const struct records *declarations, const struct records *records)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	Gavea__V1__Report *report;

	assert_int_equal(report_add_head(&bytes, &fake->check, &fake->batch, 1700000000123), 0);
	for (size_t i = 0; declarations && i < declarations->count; i++)
		report_add_record(&bytes, REPORT_DECLARATIONS, &declarations->items[i]);
	for (size_t i = 0; records && i < records->count; i++) {
		size_t before = bytes.size;

		report_add_record(&bytes, REPORT_RECORDS, &records->items[i]);
		assert_int_equal(bytes.size - before, report_record_size(&records->items[i]));
	}
	assert_int_equal(buf_error(&bytes), 0);
	report = gavea__v1__report__unpack(NULL, bytes.size, (uint8_t *)bytes.data);
	assert_non_null(report);
	return report;
}

static void the_head_tells_who_reports(void **state)
{
	static const char *const facts[] = {"agent_id", "0123456789abcdef0123456789abcdef", "spool_id",
		"fedcba9876543210fedcba9876543210", "name", "app-01", "version", "1.0", "machine_id", "m",
		"boot_id", "b", "interval_ms", "15000", "label_keys", "role,site", "label.role", "app",
		"label.site", "gru-1", NULL};
	struct fake_output *fake = fake_new(facts);
	Gavea__V1__Report *report;

	(void)state;
	fake->stream = 1ULL << 63;
	report = build(fake, NULL, NULL);
	assert_int_equal(report->protocol, 1);
	assert_string_equal(report->agent_id, facts[1]);
	assert_string_equal(report->spool_id, facts[3]);
	assert_true(report->stream == 1ULL << 63);
	assert_int_equal(report->sent_at_ms, 1700000000123);
	assert_int_equal(report->next_within_ms, 30000);
	assert_string_equal(report->agent->name, "app-01");
	assert_string_equal(report->agent->version, "1.0");
	assert_string_equal(report->agent->machine_id, "m");
	assert_string_equal(report->agent->boot_id, "b");
	assert_int_equal(report->agent->n_labels, 2);
	assert_string_equal(report->agent->labels[0]->key, "role");
	assert_string_equal(report->agent->labels[0]->value, "app");
	assert_string_equal(report->agent->labels[1]->key, "site");
	assert_string_equal(report->agent->labels[1]->value, "gru-1");
	gavea__v1__report__free_unpacked(report, NULL);
	fake_done(fake);
	free(fake);
}

static void what_is_not_known_is_left_out(void **state)
{
	struct fake_output *fake = fake_new(NULL);
	Gavea__V1__Report *report = build(fake, NULL, NULL);

	(void)state;
	assert_string_equal(report->agent->name, "");
	assert_int_equal(report->agent->n_labels, 0);
	assert_int_equal(report->next_within_ms, 0);
	gavea__v1__report__free_unpacked(report, NULL);
	fake_done(fake);
	free(fake);
}

static void silence_is_announced_within_bounds(void **state)
{
	static const struct {
		const char *interval;
		uint32_t expected;
	} cases[] = {{"1000", 10000}, {"60000", 120000}, {"18446744073709551615", UINT32_MAX - 1}, {"x", 0},
		{"0", 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const facts[] = {"interval_ms", cases[i].interval, NULL};
		struct fake_output *fake = fake_new(facts);
		Gavea__V1__Report *report = build(fake, NULL, NULL);

		assert_int_equal(report->next_within_ms, cases[i].expected);
		gavea__v1__report__free_unpacked(report, NULL);
		fake_done(fake);
		free(fake);
	}
}

static void records_are_framed_with_their_seq(void **state)
{
	static const uint64_t seqs[] = {1, 127, 128, 16383, 16384, 1ULL << 35, UINT64_MAX};
	static const char *const facts[] = {"name", "app", NULL};
	struct fake_output *fake = fake_new(facts);
	struct records records = RECORDS_INIT, declarations = RECORDS_INIT;
	char text[40000];
	Gavea__V1__Report *report;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(seqs); i++)
		fake_add_event(fake, seqs[i], "test",
			text +
				(i == 0                 ? 0
						: i < 3 ? sizeof(text) - 80
							: sizeof(text) - 1));
	fake_add_declaration(fake, 5, 3, "host/main");
	assert_int_equal(records_collect(&records, &fake->check, &fake->batch), 0);
	assert_int_equal(gavea_batch_declarations(&fake->check, &fake->batch), 0);
	assert_int_equal(records_collect(&declarations, &fake->check, &fake->batch), 0);
	report = build(fake, &declarations, &records);
	assert_int_equal(report->n_records, ARRAY_SIZE(seqs));
	for (size_t i = 0; i < ARRAY_SIZE(seqs); i++) {
		assert_true(report->records[i]->seq == seqs[i]);
		assert_true(report->records[i]->time_ms == 1000 + (int64_t)seqs[i]);
		assert_int_equal(report->records[i]->body_case, GAVEA__V1__RECORD__BODY_EVENT);
	}
	assert_string_equal(report->records[0]->event->summary, text);
	assert_int_equal(report->n_declarations, 1);
	assert_int_equal(report->declarations[0]->seq, 5);
	assert_string_equal(report->declarations[0]->check->name, "host/main");
	gavea__v1__report__free_unpacked(report, NULL);
	records_done(&records);
	records_done(&declarations);
	fake_done(fake);
	free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_tells_who_reports),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(silence_is_announced_within_bounds),
		cmocka_unit_test(records_are_framed_with_their_seq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
