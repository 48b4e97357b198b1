/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <zstd.h>
/* after those */
#include <cmocka.h>

struct fixture {
	struct decoders *decoders;
	struct arena arena;
	Gavea__V1__Report *report;
	struct error error;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	if (!f)
		return -1;
	f->decoders = decoders_new();
	arena_init(&f->arena, REPORT_MEMORY_MAX);
	*state = f;
	return f->decoders ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	decoders_free(f->decoders);
	arena_done(&f->arena);
	error_done(&f->error);
	free(f);
	return 0;
}

static int decode(struct fixture *f, enum report_encoding encoding, const void *bytes, size_t size)
{
	return report_decode(f->decoders, encoding, bytes, size, &f->arena, &f->report, &f->error);
}

/* protocol 1, agent_id of 32 digits, spool_id of 32 digits, agent {name "a"} */
#define HEAD \
	"\x08\x01" \
	"\x12\x20" \
	"00000000000000000000000000000001" \
	"\x1a\x20" \
	"000000000000000000000000000000ff" \
	"\x2a\x03\x0a\x01" \
	"a"

#define BYTES(text) text, sizeof(text) - 1

static void expect_refusal(struct fixture *f, const char *bytes, size_t size, const char *message)
{
	assert_int_equal(decode(f, REPORT_IDENTITY, bytes, size), 0);
	assert_int_equal(report_judge(f->report, &f->error), -EBADMSG);
	assert_string_equal(f->error.message, message);
}

static void a_report_of_bytes_is_sound(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode(f, REPORT_IDENTITY, BYTES(HEAD)), 0);
	assert_int_equal(report_judge(f->report, &f->error), 0);
	assert_string_equal(f->report->agent->name, "a");
}

static void unknown_fields_and_bodies_are_passed_over(void **state)
{
	struct fixture *f = *state;

	/* field 99, and a record with seq 1 and a body 55 */
	assert_int_equal(
		decode(f, REPORT_IDENTITY, BYTES(HEAD "\x98\x06\x07\x4a\x06\x08\x01\xba\x03\x01x")), 0);
	assert_int_equal(report_judge(f->report, &f->error), 0);
	assert_int_equal(f->report->n_records, 1);
}

static void bytes_that_are_no_message_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decode(f, REPORT_IDENTITY, BYTES("\xff\xff\xff")), -EBADMSG);
	assert_string_equal(f->error.message, "not a gavea.v1.Report");
	/* every beginning of a good one either is one, or is refused */
	for (size_t size = 0; size < sizeof(HEAD) - 1; size++)
		if (decode(f, REPORT_IDENTITY, HEAD, size) == 0)
			assert_int_equal(report_judge(f->report, NULL), -EBADMSG);
}

static void an_empty_body_is_refused(void **state)
{
	expect_refusal(*state, "", 0, "protocol 0 is not spoken here, only 1");
}

static void seq_must_rise_from_one(void **state)
{
	expect_refusal(*state, BYTES(HEAD "\x4a\x00"), "seq does not rise: 0 after 0");
	expect_refusal(
		*state, BYTES(HEAD "\x4a\x02\x08\x02\x4a\x02\x08\x02"), "seq does not rise: 2 after 2");
}

static void samples_need_as_many_values_as_numbers(void **state)
{
	/* record {seq 1, samples {series [1]}} */
	expect_refusal(*state, BYTES(HEAD "\x4a\x07\x08\x01\x2a\x03\x12\x01\x02"),
		"samples: 1 numbers of series but 0 values");
}

static void names_are_judged(void **state)
{
	/* record {seq 1, check {number 1, name "a\x01"}} */
	expect_refusal(*state,
		BYTES(HEAD "\x4a\x0a\x08\x01\x22\x06\x08\x01\x12\x02"
			   "a\x01"),
		"check 1 has a bad name");
	/* record {seq 1, series {number 1, name "1x"}} */
	expect_refusal(*state,
		BYTES(HEAD "\x4a\x0a\x08\x01\x1a\x06\x08\x01\x12\x02"
			   "1x"),
		"series 1: its name is not one of a metric");
}

static void of_a_label_that_comes_twice_the_last_one_counts(void **state)
{
	Gavea__V1__Item__AttributesEntry a = GAVEA__V1__ITEM__ATTRIBUTES_ENTRY__INIT, b = a, c = a;
	Gavea__V1__Item__AttributesEntry *pairs[] = {&a, &b, &c};
	Gavea__V1__Result result = GAVEA__V1__RESULT__INIT;
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT, *records = &record;
	Gavea__V1__Item item = GAVEA__V1__ITEM__INIT, *items = &item;
	Gavea__V1__Agent agent = GAVEA__V1__AGENT__INIT;
	Gavea__V1__Report report = GAVEA__V1__REPORT__INIT;
	char first[] = "first", last[] = "last", other[] = "other", none[] = "";

	a.key = c.key = (char *)"role";
	b.key = (char *)"site";
	a.value = first;
	b.value = other;
	c.value = last;
	item.name = item.summary = result.summary = agent.version = none;
	item.n_attributes = 3;
	item.attributes = pairs;
	result.check = 1;
	result.n_items = 1;
	result.items = &items;
	record.seq = 1;
	record.body_case = GAVEA__V1__RECORD__BODY_RESULT;
	record.result = &result;
	agent.name = (char *)"app-01";
	report.protocol = 1;
	report.agent_id = report.spool_id = (char *)"0123456789abcdef0123456789abcdef";
	report.agent = &agent;
	report.n_records = 1;
	report.records = &records;
	assert_int_equal(report_judge(&report, &((struct fixture *)*state)->error), 0);
	assert_int_equal(item.n_attributes, 2);
	assert_string_equal(item.attributes[0]->value, "last");
	assert_string_equal(item.attributes[1]->value, "other");
}

static void text_that_is_not_utf8_is_mended(void **state)
{
	struct fixture *f = *state;

	/* record {seq 1, result {check 1, summary "a\xff"}} */
	assert_int_equal(decode(f, REPORT_IDENTITY,
				 BYTES(HEAD "\x4a\x0a\x08\x01\x32\x06\x08\x01\x32\x02"
					    "a\xff")),
		0);
	assert_int_equal(report_judge(f->report, &f->error), 0);
	assert_string_equal(f->report->records[0]->result->summary, "a?");
}

static void zstd_is_decompressed_with_and_without_a_size(void **state)
{
	struct fixture *f = *state;
	char packed[512];
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t size;

	for (int says_size = 0; says_size < 2; says_size++) {
		ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, says_size);
		size = ZSTD_compress2(context, packed, sizeof packed, BYTES(HEAD));
		assert_int_equal(decode(f, REPORT_ZSTD, packed, size), 0);
		assert_string_equal(f->report->agent->name, "a");
		for (size_t cut = 0; cut < size; cut++)
			assert_int_equal(decode(f, REPORT_ZSTD, packed, cut), -EBADMSG);
	}
	ZSTD_freeCCtx(context);
}

static void a_frame_that_lies_about_its_size_is_refused(void **state)
{
	struct fixture *f = *state;
	char packed[512];
	size_t size = ZSTD_compress(packed, sizeof packed, BYTES(HEAD), 1);

	packed[5]--; /* the size of the content: one byte, as it is small */
	assert_int_equal(decode(f, REPORT_ZSTD, packed, size), -EBADMSG);
}

static void an_arena_keeps_to_its_limit(void **state _unused_)
{
	struct arena arena;
	size_t taken = 0;

	arena_init(&arena, 100000);
	while (arena_alloc(&arena, 1000))
		taken += 1000;
	assert_in_range(taken, 80000, 100000);
	assert_true(arena.full);
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_array(&arena, SIZE_MAX / 2, 4));
	arena_done(&arena);
}

static void encodings_have_names(void **state _unused_)
{
	assert_int_equal(report_encoding_from_name(NULL), REPORT_IDENTITY);
	assert_int_equal(report_encoding_from_name("zstd"), REPORT_ZSTD);
	assert_int_equal(report_encoding_from_name("gzip"), -EINVAL);
	assert_string_equal(report_encoding_name(REPORT_ZSTD), "zstd");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_report_of_bytes_is_sound),
		TEST(unknown_fields_and_bodies_are_passed_over),
		TEST(bytes_that_are_no_message_are_refused),
		TEST(an_empty_body_is_refused),
		TEST(seq_must_rise_from_one),
		TEST(samples_need_as_many_values_as_numbers),
		TEST(names_are_judged),
		TEST(of_a_label_that_comes_twice_the_last_one_counts),
		TEST(text_that_is_not_utf8_is_mended),
		TEST(zstd_is_decompressed_with_and_without_a_size),
		TEST(a_frame_that_lies_about_its_size_is_refused),
		cmocka_unit_test(an_arena_keeps_to_its_limit),
		cmocka_unit_test(encodings_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
