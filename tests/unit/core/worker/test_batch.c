/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/batch.h"
#include "tests/unit/core/worker/scratch.h"
#include "wire/segment.h"

/* Payloads of the kinds, without content: a key, and a length of 0. */
static const uint8_t series[] = {3 << 3 | 2, 0}, check[] = {4 << 3 | 2, 0}, result[] = {6 << 3 | 2, 0};

struct segment {
	struct buf bytes;
	size_t ends[16]; /* where each record ends */
	size_t count;
};

static void add(struct segment *segment, uint64_t seq, const uint8_t payload[static 2])
{
	uint8_t header[SEGMENT_RECORD_HEADER_SIZE];

	segment_encode_record(seq, payload, 2, header);
	buf_add(&segment->bytes, header, sizeof header);
	buf_add(&segment->bytes, payload, 2);
	segment->ends[segment->count++] = segment->bytes.size;
}

/* Two declarations (1, 2), a result (3), a declaration (4), and a batch: series (5), result (7), result (9).
 */
static void make_segment(struct segment *segment)
{
	struct segment_header header = {.stream = 77};
	uint8_t bytes[SEGMENT_HEADER_SIZE];

	*segment = (struct segment){.bytes = BUF_INIT};
	segment_encode_header(&header, bytes);
	buf_add(&segment->bytes, bytes, sizeof bytes);
	add(segment, 1, series);
	add(segment, 2, check);
	add(segment, 3, result);
	add(segment, 4, series);
	add(segment, 5, series);
	add(segment, 7, result);
	add(segment, 9, result);
}

static Gavea__Worker__V1__Deliver deliver_all(const struct segment *segment)
{
	Gavea__Worker__V1__Deliver deliver = GAVEA__WORKER__V1__DELIVER__INIT;

	deliver.stream = 77;
	deliver.offset = segment->ends[3];
	deliver.length = segment->bytes.size - segment->ends[3];
	deliver.first_seq = 5;
	return deliver;
}

static int open_batch(const struct scratch *s, const struct segment *segment,
	const Gavea__Worker__V1__Deliver *deliver, struct gavea_batch **ret_batch, struct error *error)
{
	scratch_write(s, segment->bytes.data, segment->bytes.size);
	return batch_open(deliver, open(s->file, O_RDONLY | O_CLOEXEC), ret_batch, error);
}

static void expect_next(struct gavea_batch *batch, uint64_t seq, int kind)
{
	const void *bytes;
	uint64_t got;
	size_t size;
	int got_kind;

	assert_int_equal(batch_next(batch, &got, &got_kind, &bytes, &size), 1);
	assert_int_equal(got, seq);
	assert_int_equal(got_kind, kind);
	assert_int_equal(size, 2);
}

static int next(struct gavea_batch *batch)
{
	const void *bytes;
	uint64_t seq;
	size_t size;
	int kind;

	return batch_next(batch, &seq, &kind, &bytes, &size);
}

static void records_come_in_order(void **state)
{
	struct segment segment;
	Gavea__Worker__V1__Deliver deliver;
	struct gavea_batch *batch;

	make_segment(&segment);
	deliver = deliver_all(&segment);
	assert_int_equal(open_batch(*state, &segment, &deliver, &batch, NULL), 0);
	assert_int_equal(batch_stream(batch), 77);
	expect_next(batch, 5, GAVEA_RECORD_SERIES);
	expect_next(batch, 7, GAVEA_RECORD_RESULT);
	expect_next(batch, 9, GAVEA_RECORD_RESULT);
	assert_int_equal(next(batch), 0);
	assert_int_equal(next(batch), 0);
	batch_free(batch);
	buf_done(&segment.bytes);
}

static void declarations_come_first_when_asked_for(void **state)
{
	struct segment segment;
	Gavea__Worker__V1__Deliver deliver;
	struct gavea_batch *batch;

	make_segment(&segment);
	deliver = deliver_all(&segment);
	assert_int_equal(open_batch(*state, &segment, &deliver, &batch, NULL), 0);
	expect_next(batch, 5, GAVEA_RECORD_SERIES);
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(batch_declarations(batch), 0);
		expect_next(batch, 1, GAVEA_RECORD_SERIES);
		expect_next(batch, 2, GAVEA_RECORD_CHECK);
		expect_next(batch, 4, GAVEA_RECORD_SERIES);
		assert_int_equal(next(batch), 0);
		expect_next(batch, 5, GAVEA_RECORD_SERIES);
	}
	batch_free(batch);
	buf_done(&segment.bytes);
}

static void only_what_was_seen_is_acknowledged(void **state)
{
	struct segment segment;
	Gavea__Worker__V1__Deliver deliver;
	struct gavea_batch *batch;

	make_segment(&segment);
	deliver = deliver_all(&segment);
	assert_int_equal(open_batch(*state, &segment, &deliver, &batch, NULL), 0);
	batch_acknowledge(batch, UINT64_MAX);
	assert_int_equal(batch_acknowledged(batch), 0);
	expect_next(batch, 5, GAVEA_RECORD_SERIES);
	expect_next(batch, 7, GAVEA_RECORD_RESULT);
	batch_acknowledge(batch, 4);
	assert_int_equal(batch_acknowledged(batch), 0);
	batch_acknowledge(batch, 6);
	assert_int_equal(batch_acknowledged(batch), 6);
	batch_acknowledge(batch, 100);
	assert_int_equal(batch_acknowledged(batch), 7);
	batch_acknowledge(batch, 5);
	assert_int_equal(batch_acknowledged(batch), 7);
	batch_retry_after(batch, -5);
	assert_int_equal(batch_delay(batch), 0);
	batch_free(batch);
	buf_done(&segment.bytes);
}

static void damage_ends_the_batch(void **state)
{
	struct segment segment;
	Gavea__Worker__V1__Deliver deliver;
	struct gavea_batch *batch;

	make_segment(&segment);
	deliver = deliver_all(&segment);
	segment.bytes.data[segment.ends[5] - 1] ^= 1;
	assert_int_equal(open_batch(*state, &segment, &deliver, &batch, NULL), 0);
	expect_next(batch, 5, GAVEA_RECORD_SERIES);
	assert_int_equal(next(batch), -EBADMSG);
	assert_int_equal(next(batch), 0);
	batch_acknowledge(batch, 9);
	assert_int_equal(batch_acknowledged(batch), 5);
	batch_free(batch);
	buf_done(&segment.bytes);
}

static void a_batch_that_is_cut_off_ends_with_an_error(void **state)
{
	struct segment segment;
	Gavea__Worker__V1__Deliver deliver;
	struct gavea_batch *batch;

	make_segment(&segment);
	deliver = deliver_all(&segment);
	segment.bytes.size -= 1;
	assert_int_equal(open_batch(*state, &segment, &deliver, &batch, NULL), 0);
	expect_next(batch, 5, GAVEA_RECORD_SERIES);
	expect_next(batch, 7, GAVEA_RECORD_RESULT);
	assert_int_equal(next(batch), -EBADMSG);
	batch_free(batch);
	buf_done(&segment.bytes);
}

static void the_segment_has_to_be_the_one_that_is_meant(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct segment segment;
	Gavea__Worker__V1__Deliver deliver;
	struct gavea_batch *batch;

	make_segment(&segment);
	deliver = deliver_all(&segment);
	deliver.stream = 78;
	assert_int_equal(open_batch(*state, &segment, &deliver, &batch, &error), -EBADMSG);
	assert_string_equal(error.message, "the spool's segment is of another stream");
	deliver.stream = 77;
	deliver.offset = 3;
	assert_int_equal(open_batch(*state, &segment, &deliver, &batch, &error), -EBADMSG);
	assert_string_equal(error.message, "the batch begins outside the spool's segment");
	deliver = deliver_all(&segment);
	segment.bytes.data[3] ^= 1;
	assert_int_equal(open_batch(*state, &segment, &deliver, &batch, &error), -EBADMSG);
	assert_string_equal(error.message, "the spool's segment has no valid header");
	assert_int_equal(batch_open(&deliver, -EBADF, &batch, &error), -EBADMSG);
	assert_string_equal(error.message, "the batch came without its segment");
	buf_done(&segment.bytes);
}

static void an_empty_batch_needs_no_segment(void **state)
{
	Gavea__Worker__V1__Deliver deliver = GAVEA__WORKER__V1__DELIVER__INIT;
	Gavea__Worker__V1__Fact fact = GAVEA__WORKER__V1__FACT__INIT, *facts[] = {&fact};
	struct gavea_batch *batch;

	(void)state;
	fact.key = (char *)"name";
	fact.value = (char *)"app-01";
	deliver.facts = facts;
	deliver.n_facts = 1;
	assert_int_equal(batch_open(&deliver, -EBADF, &batch, NULL), 0);
	assert_int_equal(next(batch), 0);
	assert_int_equal(batch_declarations(batch), 0);
	assert_int_equal(next(batch), 0);
	assert_string_equal(batch_info(batch, "name"), "app-01");
	assert_null(batch_info(batch, "label.x"));
	assert_null(batch_info(batch, NULL));
	batch_free(batch);
}

#define batch_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		batch_test(records_come_in_order),
		batch_test(declarations_come_first_when_asked_for),
		batch_test(only_what_was_seen_is_acknowledged),
		batch_test(damage_ends_the_batch),
		batch_test(a_batch_that_is_cut_off_ends_with_an_error),
		batch_test(the_segment_has_to_be_the_one_that_is_meant),
		batch_test(an_empty_batch_needs_no_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
