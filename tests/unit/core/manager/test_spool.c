/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_fixture.h"

static void what_was_flushed_is_there_after_a_restart(void **state)
{
	struct spool *spool = open_spool();
	struct seen seen;

	(void)state;
	assert_int_equal(append(spool, GAVEA_RECORD_EVENT, 11, 10), 1);
	assert_int_equal(append(spool, GAVEA_RECORD_SAMPLES, 12, 0), 2);
	assert_true(spool_pending(spool));
	assert_int_equal(look(spool).count, 0);
	assert_int_equal(spool_flush(spool), 0);
	assert_false(spool_pending(spool));
	spool_close(spool);

	spool = open_spool();
	seen = look(spool);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.times[0], 11);
	assert_int_equal(seen.seqs[1], 2);
	assert_int_equal(append(spool, GAVEA_RECORD_EVENT, 13, 0), 3);
	spool_close(spool);
}

static char *newest_segment(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char *newest = NULL, *path;

	while ((entry = readdir(dir)))
		if (startswith(entry->d_name, "segment-") && strlen(entry->d_name) == 24 &&
			(!newest || strcmp(entry->d_name, newest) > 0)) {
			free(newest);
			newest = strdup(entry->d_name);
		}
	closedir(dir);
	assert_non_null(newest);
	assert_true(asprintf(&path, "%s/%s", folder, newest) > 0);
	free(newest);
	return path;
}

static void a_record_torn_at_any_byte_is_cut_and_the_others_stay(void **state)
{
	_cleanup_buf_ struct buf whole = BUF_INIT;
	_cleanup_free_ char *path = NULL;
	struct spool *spool = open_spool();
	off_t two;
	struct stat st;

	(void)state;
	append(spool, GAVEA_RECORD_EVENT, 1, 20);
	append(spool, GAVEA_RECORD_EVENT, 2, 20);
	spool_flush(spool);
	path = newest_segment();
	assert_int_equal(stat(path, &st), 0);
	two = st.st_size;
	append(spool, GAVEA_RECORD_EVENT, 3, 20);
	spool_close(spool);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &whole), 0);

	for (size_t size = (size_t)two; size < whole.size; size++) {
		struct seen seen;

		empty_folder();
		assert_int_equal(file_write_atomic(AT_FDCWD, path, whole.data, size, 0600), 0);
		spool = open_spool();
		seen = look(spool);
		assert_int_equal(seen.count, 2);
		assert_int_equal(append(spool, GAVEA_RECORD_EVENT, 4, 0), 3);
		spool_close(spool);
		spool = open_spool();
		seen = look(spool);
		assert_int_equal(seen.count, 3);
		assert_int_equal(seen.times[2], 4);
		spool_close(spool);
	}
}

static void zeros_at_the_end_are_a_torn_tail(void **state)
{
	_cleanup_free_ char *path = NULL;
	struct spool *spool = open_spool();
	struct stat st;

	(void)state;
	append(spool, GAVEA_RECORD_EVENT, 1, 20);
	spool_close(spool);
	path = newest_segment();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size + 4096), 0);
	spool = open_spool();
	assert_int_equal(look(spool).count, 1);
	spool_close(spool);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 4096);
}

static void an_empty_spool_counts_on_under_the_same_id(void **state)
{
	struct spool *spool = open_sized(1 << 20, 4096);
	struct spool_cursor *cursor;
	struct spool_batch batch;
	char before[33];

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	for (int i = 0; i < 5; i++)
		append(spool, GAVEA_RECORD_EVENT, i, 1000);
	spool_flush(spool);
	assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
	memcpy(before, batch.spool_id, 33);
	spool_acknowledge(spool, cursor, &batch, 5);
	fd_close(batch.fd);
	spool_begin(spool);
	spool_flush(spool);
	assert_int_equal(look(spool).count, 0);
	spool_close(spool);

	spool = open_sized(1 << 20, 4096);
	assert_int_equal(append(spool, GAVEA_RECORD_EVENT, 9, 0), 6);
	spool_flush(spool);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
	assert_string_equal(batch.spool_id, before);
	assert_int_equal(batch.first_seq, 6);
	fd_close(batch.fd);
	spool_close(spool);
}

static void flip_byte(const char *path, off_t at)
{
	_cleanup_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void spool_id_of(struct spool *spool, char id[static 33])
{
	struct spool_cursor *cursor;
	struct spool_batch batch;

	assert_int_equal(spool_cursor_open(spool, "probe", &cursor), 0);
	assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
	memcpy(id, batch.spool_id, 33);
	fd_close(batch.fd);
	spool_cursor_remove(spool, cursor);
}

static void damage_in_the_middle_keeps_what_comes_before_and_begins_a_new_id(void **state)
{
	_cleanup_free_ char *path = NULL;
	struct spool *spool = open_spool();
	char before[33], after[33];
	struct spool_status status;
	struct stat st;
	off_t one;

	(void)state;
	append(spool, GAVEA_RECORD_EVENT, 1, 20);
	spool_flush(spool);
	path = newest_segment();
	assert_int_equal(stat(path, &st), 0);
	one = st.st_size;
	for (int i = 2; i < 6; i++)
		append(spool, GAVEA_RECORD_EVENT, i, 20);
	spool_flush(spool);
	spool_id_of(spool, before);
	spool_close(spool);
	flip_byte(path, one + SEGMENT_RECORD_HEADER_SIZE + 3);
	spool = open_spool();
	assert_int_equal(look(spool).count, 1);
	assert_int_equal(spool_findings(spool), SPOOL_DAMAGED);
	append(spool, GAVEA_RECORD_EVENT, 9, 20);
	spool_flush(spool);
	/* Three can be made out behind the one that is damaged, and are told. */
	spool_get_status(spool, &status);
	assert_int_equal(status.dropped[DROP_EVENTS][DROP_DAMAGE], 3);
	{
		struct seen seen = look(spool);

		assert_int_equal(seen.kinds[seen.count - 1], GAVEA_RECORD_LOSS);
	}
	{
		struct spool_cursor *cursor;
		struct spool_batch batch;

		/* The old record is still told under the old id, the new one under the new. */
		assert_int_equal(spool_cursor_open(spool, "x", &cursor), 0);
		assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
		assert_string_equal(batch.spool_id, before);
		spool_acknowledge(spool, cursor, &batch, batch.last_seq);
		fd_close(batch.fd);
		assert_int_equal(spool_read(spool, cursor, 1 << 20, &batch), 0);
		memcpy(after, batch.spool_id, 33);
		assert_string_not_equal(before, after);
		assert_int_equal(count_batch(&batch), 2);
		fd_close(batch.fd);
	}
	spool_close(spool);
}

static void a_segment_without_a_good_header_is_set_aside(void **state)
{
	_cleanup_free_ char *path = NULL, *aside = NULL;
	struct spool *spool = open_spool();

	(void)state;
	append(spool, GAVEA_RECORD_EVENT, 1, 20);
	spool_close(spool);
	path = newest_segment();
	flip_byte(path, 20);
	spool = open_spool();
	assert_int_equal(look(spool).count, 0);
	append(spool, GAVEA_RECORD_EVENT, 2, 0);
	spool_close(spool);
	assert_true(asprintf(&aside, "%s.damaged", path) > 0);
	assert_int_equal(access(aside, F_OK), 0);
}

static void a_segment_that_was_never_finished_is_removed_and_the_id_stays(void **state)
{
	static const char zeros[SEGMENT_HEADER_SIZE];

	(void)state;
	for (size_t size = 0; size <= sizeof zeros; size += 13) {
		struct spool *spool = open_spool();
		char before[33], after[33];
		struct seen seen;
		_cleanup_fd_ int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		uint64_t stream;
		char name[32];

		append(spool, GAVEA_RECORD_EVENT, 1, 10);
		spool_id_of(spool, before);
		stream = spool_stream(spool) + 1;
		spool_close(spool);
		snprintf(name, sizeof name, "segment-%016" PRIx64, stream);
		assert_int_equal(file_write_atomic(dir, name, zeros, size, 0640), 0);
		spool = open_spool();
		spool_id_of(spool, after);
		assert_string_equal(before, after);
		assert_int_equal(faccessat(dir, name, F_OK, 0), -1);
		seen = look(spool);
		assert_true(seen.count >= 1);
		spool_close(spool);
	}
}

static void a_file_in_the_way_of_a_segment_is_passed_over(void **state)
{
	struct spool *spool = open_sized(1 << 20, 4096);
	_cleanup_fd_ int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t stream = spool_stream(spool);
	struct spool_status status;
	char name[32];

	(void)state;
	for (uint64_t i = 1; i <= 3; i++) {
		snprintf(name, sizeof name, "segment-%016" PRIx64, stream + i);
		assert_int_equal(file_write_atomic(dir, name, "x", 1, 0640), 0);
	}
	append(spool, GAVEA_RECORD_EVENT, 1, 5000);
	spool_begin(spool);
	append(spool, GAVEA_RECORD_EVENT, 2, 10);
	assert_int_equal(spool_flush(spool), 0);
	spool_get_status(spool, &status);
	assert_null(status.error);
	assert_int_equal(spool_stream(spool), stream + 4);
	spool_close(spool);
}

static void the_bound_can_be_changed(void **state)
{
	struct spool_settings settings = {.folder = folder, .max_bytes = 64 << 20};
	struct spool_status status;
	struct spool *spool;
	struct spool_cursor *cursor;

	(void)state;
	assert_int_equal(spool_open(&settings, &spool), 0);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	for (int i = 0; i < 60; i++) {
		spool_begin(spool);
		append(spool, GAVEA_RECORD_EVENT, i, 100000);
		spool_flush(spool);
	}
	spool_get_status(spool, &status);
	assert_in_range(status.bytes, 5 << 20, 7 << 20);
	spool_set_max_bytes(spool, 3 << 20);
	for (int i = 0; i < 10; i++) {
		spool_begin(spool);
		append(spool, GAVEA_RECORD_EVENT, i, 100000);
		spool_flush(spool);
	}
	spool_get_status(spool, &status);
	assert_in_range(status.bytes, 1, (3 << 20) + (256 << 10));
	assert_int_not_equal(cursor->lost, 0);
	spool_close(spool);
}

static void at_the_bound_the_oldest_goes_and_the_loss_is_counted_and_told(void **state)
{
	struct spool *spool = open_sized(1 << 20, 64 << 10);
	struct spool_cursor *cursor;
	struct spool_status status;
	uint64_t records, bytes, told = 0;
	struct seen *seen = malloc(sizeof *seen);

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	for (int i = 0; i < 2000; i++) {
		spool_begin(spool);
		append(spool, GAVEA_RECORD_EVENT, i, 1000);
		spool_flush(spool);
	}
	spool_get_status(spool, &status);
	assert_true(status.bytes <= (1 << 20) + (64 << 10));
	assert_true(dropped(&status, DROP_EVENTS) > 500);
	assert_int_equal(cursor->lost, dropped(&status, DROP_EVENTS));
	spool_behind(spool, cursor, &records, &bytes);
	*seen = look(spool);
	assert_int_equal(records, seen->count);
	assert_int_equal(records, 2000 - dropped(&status, DROP_EVENTS) + 1);
	for (size_t i = 0; i < seen->count; i++)
		told += seen->kinds[i] == GAVEA_RECORD_LOSS;
	assert_true(told > 0);
	free(seen);
	spool_close(spool);
}

static void a_record_that_is_too_large_is_refused(void **state)
{
	struct spool *spool = open_spool();
	uint8_t *large = calloc(1, SEGMENT_RECORD_MAX + 1);

	(void)state;
	assert_int_equal(spool_append(spool, large, SEGMENT_RECORD_MAX + 1), -E2BIG);
	assert_int_equal(spool_append(spool, large, 0), -E2BIG);
	free(large);
	spool_close(spool);
}

static void a_segment_is_ended_only_between_groups(void **state)
{
	struct spool *spool = open_sized(1 << 20, 4096);
	uint64_t stream = spool_stream(spool);

	(void)state;
	spool_begin(spool);
	for (int i = 0; i < 10; i++)
		append(spool, GAVEA_RECORD_EVENT, i, 1000);
	spool_flush(spool);
	assert_int_equal(spool_stream(spool), stream);
	spool_begin(spool);
	assert_int_not_equal(spool_stream(spool), stream);
	spool_close(spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_flushed_is_there_after_a_restart),
		TEST(a_record_torn_at_any_byte_is_cut_and_the_others_stay),
		TEST(zeros_at_the_end_are_a_torn_tail),
		TEST(an_empty_spool_counts_on_under_the_same_id),
		TEST(damage_in_the_middle_keeps_what_comes_before_and_begins_a_new_id),
		TEST(a_segment_without_a_good_header_is_set_aside),
		TEST(a_segment_that_was_never_finished_is_removed_and_the_id_stays),
		TEST(a_file_in_the_way_of_a_segment_is_passed_over),
		TEST(the_bound_can_be_changed),
		TEST(at_the_bound_the_oldest_goes_and_the_loss_is_counted_and_told),
		TEST(a_record_that_is_too_large_is_refused),
		TEST(a_segment_is_ended_only_between_groups),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
