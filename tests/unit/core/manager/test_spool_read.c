/* SPDX-License-Identifier: Apache-2.0 */
/* The spool as outputs see it, and without a disk. */
#include "spool_fixture.h"

static void a_folder_that_cannot_be_made_leaves_a_spool_in_memory(void **state)
{
	struct spool_settings settings = {.folder = "/proc/no-such-folder/spool", .max_bytes = 1 << 20};
	struct spool *spool;
	struct spool_cursor *cursor;
	struct spool_status status;
	struct spool_batch batch;

	(void)state;
	assert_int_equal(spool_open(&settings, &spool), 0);
	spool_get_status(spool, &status);
	assert_string_equal(status.error, "opening the folder: No such file or directory");
	append(spool, GAVEA_RECORD_EVENT, 7, 10);
	assert_int_equal(spool_flush(spool), 0);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
	assert_int_equal(count_batch(&batch), 1);
	assert_int_equal(write(batch.fd, "x", 1), -1);
	fd_close(batch.fd);
	spool_close(spool);
}

static void a_folder_that_comes_late_with_records_is_left_for_the_next_start(void **state)
{
	struct spool *spool = open_spool();
	struct spool_status status;
	char elsewhere[64];

	(void)state;
	append(spool, GAVEA_RECORD_EVENT, 1, 10);
	spool_close(spool);
	/* The disk is not mounted yet: a file is in the folder's place. */
	snprintf(elsewhere, sizeof elsewhere, "%s.later", folder);
	assert_int_equal(rename(folder, elsewhere), 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, folder, "", 0, 0600), 0);
	spool = open_spool();
	append(spool, GAVEA_RECORD_EVENT, 2, 10);
	spool_flush(spool);
	assert_int_equal(unlink(folder), 0);
	assert_int_equal(rename(elsewhere, folder), 0);
	spool->retry_disk_at = 0;
	spool_begin(spool);
	append(spool, GAVEA_RECORD_EVENT, 3, 10);
	spool_flush(spool);
	spool_get_status(spool, &status);
	assert_string_equal(status.error,
		"taking up the records of an earlier start (restart gavead for that): Directory not empty");
	assert_int_equal(look(spool).count, 2);
	spool_close(spool);

	spool = open_spool();
	assert_int_equal(look(spool).count, 1);
	assert_int_equal(look(spool).times[0], 1);
	spool_close(spool);
}

static void a_folder_in_use_by_another_manager_is_not_touched(void **state)
{
	struct spool *first = open_spool(), *second;
	struct spool_status status;

	(void)state;
	append(first, GAVEA_RECORD_EVENT, 1, 10);
	spool_flush(first);
	second = open_spool();
	spool_get_status(second, &status);
	assert_string_equal(status.error, "opening the folder: Device or resource busy");
	append(second, GAVEA_RECORD_EVENT, 2, 10);
	spool_close(second);
	assert_int_equal(look(first).count, 1);
	spool_close(first);
}

static void what_neither_disk_nor_memory_takes_is_bounded_and_counted(void **state)
{
	struct rlimit before, tiny;
	struct spool *spool = open_spool();
	struct spool_status status;
	static uint8_t payload[500000] = {[0] = GAVEA_RECORD_EVENT << 3 | 2};
	int64_t r = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tiny = (struct rlimit){.rlim_cur = 1000, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
	for (int i = 0; i < 100; i++)
		r = spool_append(spool, payload, sizeof payload);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(r, -ENOSPC);
	spool_get_status(spool, &status);
	assert_in_range(status.bytes, 1, 10 << 20);
	assert_in_range(dropped(&status, DROP_EVENTS), 80, 99);
	assert_true(append(spool, GAVEA_RECORD_EVENT, 1, 100) > 0);
	assert_int_equal(spool_flush(spool), 0);
	assert_false(spool_pending(spool));
	spool_close(spool);
}

static void a_cursor_lasts_over_a_restart(void **state)
{
	struct spool *spool = open_spool();
	struct spool_cursor *cursor;
	struct spool_batch batch;

	(void)state;
	for (int i = 0; i < 10; i++)
		append(spool, GAVEA_RECORD_EVENT, i, 10);
	spool_flush(spool);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
	assert_int_equal(count_batch(&batch), 10);
	assert_int_equal(batch.last_seq, 10);
	spool_acknowledge(spool, cursor, &batch, 4);
	fd_close(batch.fd);
	spool_close(spool);

	spool = open_spool();
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	assert_int_equal(cursor->seq, 4);
	assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
	assert_int_equal(batch.first_seq, 5);
	assert_int_equal(count_batch(&batch), 6);
	fd_close(batch.fd);
	spool_close(spool);
}

static void a_cursor_ahead_of_the_spool_begins_anew_for_good(void **state)
{
	struct spool *spool = open_spool();
	struct spool_cursor *cursor;
	struct spool_batch batch;

	(void)state;
	for (int i = 0; i < 10; i++)
		append(spool, GAVEA_RECORD_EVENT, i, 10);
	assert_int_equal(spool_flush(spool), 0);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
	spool_acknowledge(spool, cursor, &batch, batch.last_seq);
	fd_close(batch.fd);
	spool_close(spool);
	remove_files("segment-");
	remove_files("spool-state");
	/* Numbers begin again; before anything is delivered there are more than the cursor's file names. */
	spool = open_spool();
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	for (int i = 0; i < 20; i++)
		append(spool, GAVEA_RECORD_EVENT, i, 10);
	spool_close(spool);
	spool = open_spool();
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
	assert_int_equal(batch.first_seq, 1);
	assert_int_equal(count_batch(&batch), 20);
	fd_close(batch.fd);
	spool_close(spool);
}

static void an_acknowledgement_beyond_the_batch_moves_to_its_end_only(void **state)
{
	struct spool *spool = open_spool();
	struct spool_cursor *cursor;
	struct spool_batch batch;

	(void)state;
	append(spool, GAVEA_RECORD_EVENT, 1, 10);
	spool_flush(spool);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
	append(spool, GAVEA_RECORD_EVENT, 2, 10);
	spool_flush(spool);
	spool_acknowledge(spool, cursor, &batch, 99);
	fd_close(batch.fd);
	assert_int_equal(cursor->seq, 1);
	assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
	assert_int_equal(batch.first_seq, 2);
	fd_close(batch.fd);
	spool_close(spool);
}

static void batches_are_whole_records_within_the_bound(void **state)
{
	struct spool *spool = open_spool();
	struct spool_cursor *cursor;
	size_t total = 0;

	(void)state;
	for (int i = 0; i < 50; i++)
		append(spool, GAVEA_RECORD_EVENT, i, 1000);
	spool_flush(spool);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	while (total < 50) {
		struct spool_batch batch;

		assert_int_equal(spool_read(spool, cursor, 4096, &batch), 0);
		assert_in_range(batch.length, 1, 4096);
		total += count_batch(&batch);
		spool_acknowledge(spool, cursor, &batch, batch.last_seq);
		fd_close(batch.fd);
	}
	assert_int_equal(total, 50);
	spool_close(spool);
}

static void a_segment_that_went_is_passed_over_and_counted(void **state)
{
	struct spool *spool = open_sized(64 << 20, 64 << 10);
	struct spool_cursor *cursor;
	struct spool_batch batch;
	uint64_t gone;
	char path[128];

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	for (int i = 0; i < 12; i++) {
		spool_begin(spool);
		append(spool, GAVEA_RECORD_EVENT, i, 10000);
		spool_flush(spool);
	}
	/* Somewhere within the first segment. */
	assert_int_equal(spool_read(spool, cursor, 15000, &batch), 0);
	gone = batch.stream;
	spool_acknowledge(spool, cursor, &batch, batch.last_seq);
	fd_close(batch.fd);
	cursor->stream = 0;
	snprintf(path, sizeof path, "%s/segment-%016" PRIx64, folder, gone);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(spool_read(spool, cursor, 15000, &batch), 0);
	assert_int_not_equal(batch.length, 0);
	assert_int_not_equal(batch.stream, gone);
	assert_int_not_equal(cursor->lost, 0);
	fd_close(batch.fd);
	spool_close(spool);
}

static void what_every_output_has_is_dropped(void **state)
{
	struct spool *spool = open_sized(4 << 20, 4096);
	struct spool_cursor *a, *b;
	struct spool_batch batch;

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "a", &a), 0);
	assert_int_equal(spool_cursor_open(spool, "b", &b), 0);
	for (int i = 0; i < 20; i++) {
		spool_begin(spool);
		append(spool, GAVEA_RECORD_EVENT, i, 2000);
		spool_flush(spool);
	}
	assert_int_equal(look(spool).count, 20);
	while (a->seq < 20) {
		assert_int_equal(spool_read(spool, a, 1 << 20, &batch), 0);
		spool_acknowledge(spool, a, &batch, batch.last_seq);
		fd_close(batch.fd);
	}
	spool_flush(spool);
	assert_int_equal(look(spool).count, 20);
	while (b->seq < 15) {
		assert_int_equal(spool_read(spool, b, 1 << 20, &batch), 0);
		spool_acknowledge(spool, b, &batch, batch.last_seq);
		fd_close(batch.fd);
	}
	spool_flush(spool);
	assert_in_range(look(spool).count, 1, 7);
	spool_close(spool);
}

static void a_damaged_cursor_file_begins_at_the_oldest_record(void **state)
{
	struct spool *spool = open_spool();
	struct spool_cursor *cursor;
	char path[64];

	(void)state;
	append(spool, GAVEA_RECORD_EVENT, 1, 10);
	spool_flush(spool);
	snprintf(path, sizeof path, "%s/cursor-out", folder);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "no cursor at all, but long enough", 33, 0600), 0);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	assert_int_equal(cursor->seq, 0);
	spool_close(spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_folder_that_cannot_be_made_leaves_a_spool_in_memory),
		TEST(a_folder_that_comes_late_with_records_is_left_for_the_next_start),
		TEST(a_folder_in_use_by_another_manager_is_not_touched),
		TEST(what_neither_disk_nor_memory_takes_is_bounded_and_counted),
		TEST(a_cursor_lasts_over_a_restart),
		TEST(a_cursor_ahead_of_the_spool_begins_anew_for_good),
		TEST(an_acknowledgement_beyond_the_batch_moves_to_its_end_only),
		TEST(batches_are_whole_records_within_the_bound),
		TEST(a_segment_that_went_is_passed_over_and_counted),
		TEST(what_every_output_has_is_dropped),
		TEST(a_damaged_cursor_file_begins_at_the_oldest_record),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
