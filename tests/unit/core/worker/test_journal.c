/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/journal.h"
#include "tests/unit/core/worker/scratch.h"

static struct journal *reopen(const struct scratch *s)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct journal *journal;
	int r = journal_open(s->file, &journal, &error);

	if (r < 0)
		fail_msg("%s", error_text(&error, r));
	return journal;
}

static struct gavea_operation *begin(struct journal *journal, const char *name)
{
	struct gavea_operation *operation;

	assert_int_equal(journal_begin(journal, name, &operation), 0);
	return operation;
}

/* "name", "name:step", "name:step=detail" and a "!" behind a step that is done, of all operations. */
static void expect(struct journal *journal, const char *expected)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (struct gavea_operation *o = journal_next(journal, NULL); o; o = journal_next(journal, o)) {
		const void *detail = NULL;
		size_t size = 0;
		bool done = false;
		const char *step = journal_last(o, &done, &detail, &size);

		buf_printf(&text, "%s%s%s%s%s%.*s%s", text.size ? " " : "", journal_name(o), step ? ":" : "",
			step ? step : "", size ? "=" : "", (int)size, size ? (const char *)detail : "",
			done ? "!" : "");
	}
	assert_string_equal(buf_str(&text), expected);
}

static void what_has_not_ended_is_found_again(void **state)
{
	struct scratch *s = *state;
	struct journal *journal = reopen(s);
	struct gavea_operation *one, *two, *three;

	expect(journal, "");
	one = begin(journal, "one");
	two = begin(journal, "two");
	three = begin(journal, "three");
	assert_int_equal(journal_step(one, "drain", "green", 5), 0);
	assert_int_equal(journal_step(two, "start", NULL, 0), 0);
	assert_int_equal(journal_done(two, "start"), 0);
	assert_int_equal(journal_end(three), 0);
	expect(journal, "one:drain=green two:start!");
	journal_free(journal);
	journal = reopen(s);
	expect(journal, "one:drain=green two:start!");
	journal_free(journal);
}

static void when_all_have_ended_the_file_is_small_again(void **state)
{
	struct scratch *s = *state;
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct journal *journal = reopen(s);

	for (int i = 0; i < 3; i++) {
		struct gavea_operation *operation = begin(journal, "swap");

		assert_int_equal(journal_step(operation, "a", "detail", 6), 0);
		assert_int_equal(journal_end(operation), 0);
	}
	journal_free(journal);
	scratch_read(s, &bytes);
	assert_int_equal(bytes.size, 20);
	journal = reopen(s);
	expect(journal, "");
	journal_free(journal);
}

/* What each call has added is there wholly or not at all, wherever a crash cuts the file off. */
static void a_crash_at_any_byte_loses_at_most_the_last_record(void **state)
{
	static const char *const stages[] = {
		"", "swap", "swap:drain=green", "swap:drain=green!", "swap:start", "swap:start other"};
	struct scratch *s = *state;
	_cleanup_buf_ struct buf whole = BUF_INIT;
	size_t sizes[ARRAY_SIZE(stages)];
	struct journal *journal = reopen(s);
	struct gavea_operation *operation;

	sizes[0] = 0;
	operation = begin(journal, "swap");
	scratch_read(s, &whole);
	sizes[1] = whole.size;
	journal_step(operation, "drain", "green", 5);
	scratch_read(s, &whole);
	sizes[2] = whole.size;
	journal_done(operation, "drain");
	scratch_read(s, &whole);
	sizes[3] = whole.size;
	journal_step(operation, "start", NULL, 0);
	scratch_read(s, &whole);
	sizes[4] = whole.size;
	begin(journal, "other");
	journal_free(journal);
	scratch_read(s, &whole);
	sizes[5] = whole.size;
	for (size_t size = 0; size <= whole.size; size++) {
		size_t stage = ARRAY_SIZE(stages) - 1;

		while (size < sizes[stage])
			stage--;
		scratch_write(s, whole.data, size);
		journal = reopen(s);
		expect(journal, stages[stage]);
		/* And it goes on from there. */
		begin(journal, "next");
		journal_free(journal);
		journal = reopen(s);
		assert_non_null(journal_next(journal, NULL));
		journal_free(journal);
	}
}

static void a_tail_of_zeros_is_cut_off(void **state)
{
	static const char zeros[100];
	struct scratch *s = *state;
	_cleanup_buf_ struct buf whole = BUF_INIT;
	struct journal *journal = reopen(s);

	begin(journal, "swap");
	journal_free(journal);
	scratch_read(s, &whole);
	buf_add(&whole, zeros, sizeof zeros);
	scratch_write(s, whole.data, whole.size);
	journal = reopen(s);
	expect(journal, "swap");
	journal_free(journal);
	scratch_read(s, &whole);
	assert_true(whole.size < 100);
}

static void damage_before_the_end_is_for_a_person(void **state)
{
	struct scratch *s = *state;
	_cleanup_buf_ struct buf whole = BUF_INIT;
	_cleanup_free_ char *expected = NULL;
	struct journal *journal = reopen(s);
	size_t first;

	begin(journal, "first");
	scratch_read(s, &whole);
	first = whole.size;
	begin(journal, "second");
	journal_free(journal);
	scratch_read(s, &whole);
	assert_true(asprintf(&expected,
			    "the journal of operations is damaged and is kept as %s: find out what was being "
			    "changed on this host, put it right, and then remove that file",
			    s->aside) > 0);
	for (size_t i = 0; i < first; i++) {
		/* Bits that make a length larger than the file are like a torn tail; others are not. */
		bool in_length = i >= 20 && i < 24;

		if (in_length)
			continue;
		whole.data[i] ^= 1;
		scratch_write(s, whole.data, whole.size);
		whole.data[i] ^= 1;
		for (int again = 0; again < 2; again++) {
			_cleanup_error_ struct error error = ERROR_INIT;

			assert_int_equal(journal_open(s->file, &journal, &error), -EBADMSG);
			assert_string_equal(error.message, expected);
		}
		assert_int_equal(unlink(s->aside), 0);
		journal = reopen(s);
		expect(journal, "");
		journal_free(journal);
	}
}

static void misuse_is_refused(void **state)
{
	static char large[JOURNAL_DETAIL_MAX + 1];
	struct journal *journal;
	struct gavea_operation *operation;

	(void)state;
	assert_int_equal(journal_open(NULL, &journal, NULL), 0);
	assert_int_equal(journal_begin(journal, "", &operation), -EINVAL);
	assert_int_equal(journal_begin(journal, NULL, &operation), -EINVAL);
	operation = begin(journal, "swap");
	assert_int_equal(journal_done(operation, "never"), -EINVAL);
	assert_int_equal(journal_step(operation, "a", large, sizeof large), -E2BIG);
	assert_int_equal(journal_step(operation, "a", NULL, 5), -EINVAL);
	assert_int_equal(journal_step(NULL, "a", NULL, 0), -EINVAL);
	assert_int_equal(journal_step(operation, "a", large, JOURNAL_DETAIL_MAX), 0);
	assert_int_equal(journal_done(operation, "b"), -EINVAL);
	for (int i = 1; i < JOURNAL_OPERATIONS_MAX; i++)
		begin(journal, "more");
	assert_int_equal(journal_begin(journal, "one too many", &operation), -ENOSPC);
	journal_free(journal);
}

static void a_long_operation_does_not_grow_the_file_for_ever(void **state)
{
	static char detail[JOURNAL_DETAIL_MAX];
	struct scratch *s = *state;
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct journal *journal = reopen(s);
	struct gavea_operation *operation = begin(journal, "swap");

	memset(detail, 'x', sizeof detail);
	for (int i = 0; i < 200; i++)
		assert_int_equal(journal_step(operation, "again", detail, sizeof detail), 0);
	assert_int_equal(journal_step(operation, "last", NULL, 0), 0);
	scratch_read(s, &bytes);
	assert_true(bytes.size < 3 * JOURNAL_COMPACT_SIZE);
	journal_free(journal);
	journal = reopen(s);
	expect(journal, "swap:last");
	journal_free(journal);
}

static void note_span(const struct journal_span *span, void *userdata)
{
	struct buf *text = userdata;

	buf_printf(text, "%s%s%s%s%s", text->size ? " " : "", span->parent_id ? "-" : "", span->name,
		span->resumed ? "(resumed)" : "", span->error ? "!" : "");
	assert_true(span->start_us > 0 && span->duration_us >= 0);
}

static void operations_and_steps_are_told_as_spans_when_they_end(void **state)
{
	struct scratch *s = *state;
	_cleanup_buf_ struct buf told = BUF_INIT;
	struct journal *journal = reopen(s);
	struct gavea_operation *operation;

	journal_trace(journal, note_span, &told);
	operation = begin(journal, "swap");
	assert_int_equal(journal_step(operation, "drain", NULL, 0), 0);
	assert_int_equal(journal_done(operation, "drain"), 0);
	assert_int_equal(journal_step(operation, "start", NULL, 0), 0);
	assert_int_equal(journal_step(operation, "switch", NULL, 0), 0);
	assert_int_equal(journal_done(operation, "switch"), 0);
	assert_int_equal(journal_end(operation), 0);
	assert_string_equal(buf_str(&told), "-drain -start! -switch swap");
	journal_free(journal);
}

static void an_operation_that_ends_after_a_crash_is_told_as_resumed(void **state)
{
	struct scratch *s = *state;
	_cleanup_buf_ struct buf told = BUF_INIT;
	struct journal *journal = reopen(s);
	struct gavea_operation *operation = begin(journal, "swap");

	assert_int_equal(journal_step(operation, "drain", NULL, 0), 0);
	journal_free(journal);
	journal = reopen(s);
	journal_trace(journal, note_span, &told);
	assert_string_equal(buf_str(&told), "");
	operation = journal_next(journal, NULL);
	assert_int_equal(journal_step(operation, "undo", NULL, 0), 0);
	assert_int_equal(journal_end(operation), 0);
	assert_string_equal(buf_str(&told), "-drain(resumed)! -undo! swap(resumed)!");
	journal_free(journal);
}

#define journal_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		journal_test(what_has_not_ended_is_found_again),
		journal_test(when_all_have_ended_the_file_is_small_again),
		journal_test(a_crash_at_any_byte_loses_at_most_the_last_record),
		journal_test(a_tail_of_zeros_is_cut_off),
		journal_test(damage_before_the_end_is_for_a_person),
		journal_test(misuse_is_refused),
		journal_test(a_long_operation_does_not_grow_the_file_for_ever),
		journal_test(operations_and_steps_are_told_as_spans_when_they_end),
		journal_test(an_operation_that_ends_after_a_crash_is_told_as_resumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
