/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/intake.h"

#include "base/clock.h"
#include "plugins/prometheus/exposition.h"
#include "tests/support/fake_output.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct bench {
	struct fake_output fake;
	struct picture picture;
	struct records *records;
	uint64_t seq; /* that intake_batch() told */
};

static struct bench *bench_new(void)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	fake_init(&bench->fake);
	bench->fake.stream = 7;
	picture_init(&bench->picture, 0);
	assert_int_equal(records_new(&bench->picture, &bench->records), 0);
	return bench;
}

static void bench_free(struct bench *bench)
{
	records_free(bench->records);
	picture_done(&bench->picture);
	fake_done(&bench->fake);
	free(bench);
}

static int take(struct bench *bench)
{
	bench->fake.next = 0;
	return intake_batch(&bench->fake.check, &bench->fake.batch, bench->records, &bench->seq);
}

static void add_result(struct bench *bench, uint64_t seq, uint32_t check)
{
	Gavea__V1__Result result = GAVEA__V1__RESULT__INIT;
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;

	result.check = check;
	result.state = GAVEA__V1__STATUS__OK;
	record.time_ms = clock_unix_ms();
	record.body_case = GAVEA__V1__RECORD__BODY_RESULT;
	record.result = &result;
	bench->fake.records[bench->fake.record_count++] = fake_pack(seq, GAVEA_RECORD_RESULT, &record);
}

static void declarations_are_fetched_when_one_is_missing(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	fake_add_declaration(&bench->fake, 1, 3, "host/main");
	fake_add_event(&bench->fake, 10, "reload", "x");
	add_result(bench, 11, 3);
	fake_add_event(&bench->fake, 12, "reload", "x");
	assert_int_equal(take(bench), 0);
	assert_int_equal(bench->seq, 12);
	assert_int_equal(bench->picture.check_count, 1);
	assert_true(bench->picture.checks[0]->judged);
	/* What came before the missing one is not counted twice. */
	assert_int_equal(bench->picture.kinds[0].count, 2);
	bench_free(bench);
}

static void what_is_declared_nowhere_is_passed_over(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	add_result(bench, 11, 3);
	fake_add_event(&bench->fake, 12, "reload", "x");
	assert_int_equal(take(bench), 0);
	assert_int_equal(bench->seq, 12);
	assert_int_equal(bench->picture.check_count, 0);
	bench_free(bench);
}

static void an_empty_batch_is_no_news(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	assert_int_equal(take(bench), 0);
	assert_int_equal(bench->seq, 0);
	bench_free(bench);
}

static void a_damaged_record_ends_the_batch_before_it(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	bench->fake.damaged = true;
	assert_int_equal(take(bench), -EBADMSG);
	assert_string_equal(bench->fake.failure, "the next record in the spool is damaged");
	fake_add_event(&bench->fake, 12, "reload", "x");
	assert_int_equal(take(bench), 0);
	assert_int_equal(bench->seq, 12);
	bench_free(bench);
}

static void a_cancelled_batch_is_kept_as_far_as_it_went(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	for (uint64_t seq = 1; seq <= 1000; seq++)
		fake_add_event(&bench->fake, seq, "reload", "x");
	bench->fake.cancelled = true;
	assert_int_equal(take(bench), 0);
	assert_in_range(bench->seq, 1, 999);
	bench_free(bench);
}

static void the_agent_is_known_by_its_facts(void **state)
{
	static const char *const facts[] = {"name", "app-01", "version", "1.2", "label_keys",
		"data-center,role,name", "label.data-center", "gru \"1\"", "label.role", "app", "label.name",
		"x", NULL};
	struct bench *bench = bench_new();
	uint64_t generation;

	(void)state;
	memcpy(bench->fake.facts, facts, sizeof(facts));
	assert_int_equal(intake_facts(&bench->fake.check, &bench->fake.batch, &bench->picture), 0);
	assert_string_equal(bench->picture.agent_name, "app-01");
	assert_string_equal(bench->picture.version, "1.2");
	assert_string_equal(bench->picture.agent_labels, "data_center=\"gru \\\"1\\\"\",role=\"app\"");
	generation = bench->picture.generation;
	assert_int_equal(intake_facts(&bench->fake.check, &bench->fake.batch, &bench->picture), 0);
	assert_int_equal(bench->picture.generation, generation);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(declarations_are_fetched_when_one_is_missing),
		cmocka_unit_test(what_is_declared_nowhere_is_passed_over),
		cmocka_unit_test(an_empty_batch_is_no_news),
		cmocka_unit_test(a_damaged_record_ends_the_batch_before_it),
		cmocka_unit_test(a_cancelled_batch_is_kept_as_far_as_it_went),
		cmocka_unit_test(the_agent_is_known_by_its_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
