/* SPDX-License-Identifier: Apache-2.0 */
/* What goes at the bounds of the spool, and how it is told. */
#include "spool_fixture.h"

static int64_t now_ms, now_ns;

static int64_t test_unix_ms(void)
{
	return now_ms;
}

static int64_t test_boot_ns(void)
{
	return now_ns;
}

static struct spool *open_with(uint64_t max_bytes, int64_t max_age, const char *machine_id)
{
	struct spool_settings settings = {
		.folder = folder,
		.max_bytes = max_bytes,
		.segment_bytes = 32 << 10,
		.max_age = max_age,
		.machine_id = machine_id,
		.unix_ms = test_unix_ms,
		.boot_ns = test_boot_ns,
	};
	struct spool *spool;

	now_ms = INT64_C(1700000000000);
	now_ns = INT64_C(1000000) * 1000000000;
	assert_int_equal(spool_open(&settings, &spool), 0);
	return spool;
}

struct tally {
	uint64_t kinds[16];
	uint64_t told[3]; /* by Loss records */
	uint64_t losses;
	uint64_t last_seq;
};

static int tally_record(uint64_t seq, const uint8_t *payload, size_t length, void *userdata)
{
	struct tally *tally = userdata;
	Gavea__V1__Record *record = gavea__v1__record__unpack(NULL, length, payload);

	assert_non_null(record);
	assert_true(seq > tally->last_seq);
	tally->last_seq = seq;
	tally->kinds[record->body_case]++;
	if (record->body_case == GAVEA__V1__RECORD__BODY_LOSS) {
		assert_true(record->loss->first_seq <= record->loss->last_seq);
		tally->told[0] += record->loss->samples;
		tally->told[1] += record->loss->results;
		tally->told[2] += record->loss->events;
		tally->losses++;
	}
	gavea__v1__record__free_unpacked(record, NULL);
	return 0;
}

static struct tally tally_of(struct spool *spool)
{
	struct tally tally = {0};

	assert_int_equal(spool_visit(spool, tally_record, &tally), 0);
	return tally;
}

/* One round is what a check's run leaves: a large batch of samples, a result that says the same as ever, and now
 * and then an event. */
static void rounds(struct spool *spool, int from, int to, size_t samples)
{
	uint64_t declared_in = 0;

	for (int i = from; i < to; i++) {
		spool_begin(spool);
		if (declared_in != spool_stream(spool))
			append_check(spool, 1, "cert/www");
		declared_in = spool_stream(spool);
		append(spool, GAVEA_RECORD_SAMPLES, now_ms + i, samples);
		append_result(spool, 1, i % 500 == 499 ? 3 : 1, now_ms + i);
		if (i % 100 == 0)
			append(spool, GAVEA_RECORD_EVENT, now_ms + i, 40);
		if (i % 50 == 49)
			spool_flush(spool);
	}
}

static void samples_go_first_then_repeating_results_then_the_rest(void **state)
{
	struct spool *spool = open_with(1 << 20, 0, NULL);
	struct spool_cursor *cursor;
	struct spool_status status;
	struct tally tally;

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	/* 3 MB of samples: they alone make room enough. */
	rounds(spool, 0, 3000, 1000);
	spool_get_status(spool, &status);
	assert_true(status.bytes <= (1 << 20) + (64 << 10));
	assert_true(dropped(&status, DROP_SAMPLES) > 1000);
	assert_int_equal(dropped(&status, DROP_RESULTS), 0);
	assert_int_equal(dropped(&status, DROP_EVENTS), 0);
	tally = tally_of(spool);
	assert_int_equal(tally.kinds[GAVEA_RECORD_EVENT], 30);
	assert_int_equal(tally.kinds[GAVEA_RECORD_RESULT], 3000);
	assert_int_equal(tally.kinds[GAVEA_RECORD_SAMPLES] + dropped(&status, DROP_SAMPLES), 3000);
	assert_int_equal(tally.told[0], dropped(&status, DROP_SAMPLES));
	assert_int_equal(cursor->lost, dropped(&status, DROP_SAMPLES));

	/* More results than there is room for, too: those that repeat go, the events and the changes stay. */
	rounds(spool, 3000, 60000, 16);
	spool_get_status(spool, &status);
	assert_true(status.bytes <= (1 << 20) + (64 << 10));
	assert_true(dropped(&status, DROP_RESULTS) > 1000);
	assert_int_equal(dropped(&status, DROP_EVENTS), 0);
	tally = tally_of(spool);
	assert_int_equal(tally.kinds[GAVEA_RECORD_EVENT], 600);
	assert_int_equal(tally.kinds[GAVEA_RECORD_RESULT] + dropped(&status, DROP_RESULTS), 60000);
	assert_int_equal(tally.told[0], dropped(&status, DROP_SAMPLES));
	assert_int_equal(tally.told[1], dropped(&status, DROP_RESULTS));
	spool_close(spool);
}

static int count_states(uint64_t seq, const uint8_t *payload, size_t length, void *userdata)
{
	Gavea__V1__Record *record = gavea__v1__record__unpack(NULL, length, payload);
	int *bad = userdata;

	(void)seq;
	*bad += record->body_case == GAVEA__V1__RECORD__BODY_RESULT && record->result->state == 3;
	gavea__v1__record__free_unpacked(record, NULL);
	return 0;
}

static void every_change_of_a_result_stays_while_there_is_room(void **state)
{
	struct spool *spool = open_with(1 << 20, 0, NULL);
	struct spool_cursor *cursor;
	int bad = 0;

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	rounds(spool, 0, 60000, 16);
	assert_int_equal(spool_visit(spool, count_states, &bad), 0);
	assert_int_equal(bad, 120);
	spool_close(spool);
}

static void at_last_the_oldest_events_go_and_few_loss_records_tell_of_all(void **state)
{
	struct spool *spool = open_with(1 << 20, 0, NULL);
	struct spool_cursor *cursor;
	struct spool_status status;
	struct tally tally;

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	for (int i = 0; i < 10000; i++) {
		spool_begin(spool);
		append(spool, GAVEA_RECORD_EVENT, now_ms + i, 1000);
		if (i % 10 == 9)
			spool_flush(spool);
	}
	spool_get_status(spool, &status);
	assert_true(status.bytes <= (1 << 20) + (64 << 10));
	tally = tally_of(spool);
	assert_int_equal(tally.kinds[GAVEA_RECORD_EVENT] + dropped(&status, DROP_EVENTS), 10000);
	assert_int_equal(tally.told[2], dropped(&status, DROP_EVENTS));
	assert_in_range(tally.losses, 1, 3);
	assert_int_equal(cursor->lost, dropped(&status, DROP_EVENTS));
	spool_close(spool);
}

static void counts_and_loss_records_are_there_after_a_restart(void **state)
{
	struct spool *spool = open_with(1 << 20, 0, NULL);
	struct spool_status before, after;
	struct spool_cursor *cursor;
	struct tally tally;

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	rounds(spool, 0, 3000, 1000);
	spool_get_status(spool, &before);
	spool_close(spool);
	spool = open_with(1 << 20, 0, NULL);
	spool_get_status(spool, &after);
	assert_memory_equal(before.dropped, after.dropped, sizeof before.dropped);
	assert_int_equal(before.dropped_since_ms, after.dropped_since_ms);
	tally = tally_of(spool);
	assert_int_equal(tally.told[0], dropped(&after, DROP_SAMPLES));
	assert_int_equal(spool_findings(spool), 0);
	spool_close(spool);
}

/* Reads everything through a cursor, as an output does. */
static struct tally deliver(struct spool *spool, struct spool_cursor *cursor, uint64_t up_to)
{
	struct tally tally = {.last_seq = cursor->seq};

	for (;;) {
		_cleanup_free_ uint8_t *bytes = NULL;
		struct spool_batch batch;

		assert_int_equal(spool_read(spool, cursor, 16384, &batch), 0);
		if (batch.length == 0 || batch.first_seq > up_to) {
			fd_close(batch.fd);
			return tally;
		}
		bytes = malloc(batch.length);
		assert_int_equal(fd_pread_full(batch.fd, bytes, batch.length, (off_t)batch.offset),
			(ssize_t)batch.length);
		for (size_t at = 0; at < batch.length;) {
			const uint8_t *payload;
			size_t length, size;
			uint64_t seq;

			assert_int_equal(segment_decode_record(bytes + at, batch.length - at, &seq, &payload,
						 &length, &size),
				1);
			tally_record(seq, payload, length, &tally);
			at += size;
		}
		spool_acknowledge(spool, cursor, &batch, batch.last_seq);
		fd_close(batch.fd);
	}
}

static void an_output_is_told_of_what_it_lost_itself(void **state)
{
	struct spool *spool = open_with(1 << 20, 0, NULL);
	struct spool_cursor *near, *far;
	struct tally half, rest, all;

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "near", &near), 0);
	assert_int_equal(spool_cursor_open(spool, "far", &far), 0);
	rounds(spool, 0, 500, 1000);
	half = deliver(spool, near, 300);
	assert_int_equal(half.losses, 0);
	assert_true(near->seq >= 300);
	rounds(spool, 500, 3000, 1000);
	rest = deliver(spool, near, UINT64_MAX);
	all = deliver(spool, far, UINT64_MAX);
	assert_int_equal(
		half.kinds[GAVEA_RECORD_SAMPLES] + rest.kinds[GAVEA_RECORD_SAMPLES] + rest.told[0], 3000);
	assert_int_equal(near->lost, rest.told[0]);
	assert_int_equal(all.kinds[GAVEA_RECORD_SAMPLES] + all.told[0], 3000);
	assert_int_equal(far->lost, all.told[0]);
	assert_true(all.told[0] > rest.told[0]);
	spool_close(spool);
}

static void a_batch_that_was_out_while_its_segment_was_thinned_is_acknowledged_all_the_same(void **state)
{
	struct spool *spool = open_with(1 << 20, 0, NULL);
	struct spool_cursor *cursor;
	struct spool_batch batch;
	struct tally rest;

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	rounds(spool, 0, 100, 1000);
	assert_int_equal(spool_read(spool, cursor, 8192, &batch), 0);
	rounds(spool, 100, 3000, 1000);
	/* Its descriptor still has what it had. */
	assert_true(count_batch(&batch) > 10);
	spool_acknowledge(spool, cursor, &batch, batch.last_seq);
	fd_close(batch.fd);
	assert_int_equal(cursor->seq, batch.last_seq);
	rest = deliver(spool, cursor, UINT64_MAX);
	assert_int_equal(rest.kinds[GAVEA_RECORD_EVENT], 29);
	spool_close(spool);
}

static void what_is_too_old_goes_and_a_step_of_the_clock_makes_nothing_old(void **state)
{
	const int64_t day = INT64_C(86400) * 1000000000;
	struct spool *spool = open_with(64 << 20, 7 * day, NULL);
	struct spool_cursor *cursor;
	struct spool_status status;
	struct tally tally;

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	rounds(spool, 0, 200, 1000);
	now_ms += INT64_C(3) * 365 * 86400 * 1000; /* somebody sets the wall clock */
	rounds(spool, 200, 400, 1000);
	spool_get_status(spool, &status);
	assert_int_equal(dropped(&status, DROP_SAMPLES), 0);
	now_ns += 8 * day;
	do
		spool_flush(spool);
	while (spool_unsettled(spool));
	spool_get_status(spool, &status);
	assert_true(status.dropped[DROP_SAMPLES][DROP_AGE] > 300);
	assert_true(status.dropped[DROP_EVENTS][DROP_AGE] >= 3);
	assert_int_equal(status.dropped[DROP_SAMPLES][DROP_BOUND], 0);
	tally = tally_of(spool);
	assert_int_equal(tally.told[0], status.dropped[DROP_SAMPLES][DROP_AGE]);
	spool_close(spool);
}

static void a_record_that_is_too_large_is_counted_and_told(void **state)
{
	struct spool *spool = open_with(1 << 20, 0, NULL);
	uint8_t *large = calloc(1, SEGMENT_RECORD_MAX + 1);
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Event event = GAVEA__V1__EVENT__INIT;
	struct spool_status status;
	struct tally tally;

	(void)state;
	record.body_case = GAVEA__V1__RECORD__BODY_EVENT;
	record.event = &event;
	gavea__v1__record__pack(&record, large);
	assert_int_equal(spool_append(spool, large, SEGMENT_RECORD_MAX + 1), -E2BIG);
	free(large);
	spool_flush(spool);
	spool_get_status(spool, &status);
	assert_int_equal(status.dropped[DROP_EVENTS][DROP_SIZE], 1);
	tally = tally_of(spool);
	assert_int_equal(tally.told[2], 1);
	spool_close(spool);
}

/* Copies the folder's files to another one and back: a snapshot. */
static void copy_files(const char *from, const char *to)
{
	_cleanup_free_ char *command = NULL;

	assert_true(asprintf(&command, "rm -rf '%s'/* && cp -a '%s'/. '%s'/", to, from, to) > 0);
	assert_int_equal(system(command), 0);
}

static void a_thinning_that_a_crash_left_half_done_is_mended_at_the_start(void **state)
{
	struct spool *spool = open_with(1 << 20, 0, NULL);
	char stub[] = "/dev/shm/test-spool-stub-XXXXXX";
	_cleanup_free_ char *path = NULL, *extra = NULL;
	struct spool_cursor *cursor;
	struct tally tally;
	uint64_t told;

	(void)state;
	assert_non_null(mkdtemp(stub));
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	for (int i = 0; i < 1200; i++) {
		spool_begin(spool);
		append(spool, GAVEA_RECORD_EVENT, now_ms + i, 1000);
		if (i % 10 == 9)
			spool_flush(spool);
	}
	copy_files(folder, stub);
	for (int i = 0; i < 200; i++) {
		spool_begin(spool);
		append(spool, GAVEA_RECORD_EVENT, now_ms + i, 1000);
		if (i % 10 == 9)
			spool_flush(spool);
	}
	tally = tally_of(spool);
	told = tally.told[2];
	/* The crash came before the one that was taken up could be removed: its file is still there. */
	assert_true(asprintf(&extra,
			    "cd '%s' && f=$(ls segment-* | head -1) && cp -a $f '%s'/ && "
			    "touch '%s'/segment-00000000000000ff.new",
			    stub, folder, folder) > 0);
	spool_close(spool);
	assert_int_equal(system(extra), 0);
	spool = open_with(1 << 20, 0, NULL);
	assert_int_equal(spool_findings(spool), 0);
	tally = tally_of(spool);
	assert_int_equal(tally.told[2], told);
	assert_true(asprintf(&path, "%s/segment-00000000000000ff.new", folder) > 0);
	assert_int_equal(access(path, F_OK), -1);
	spool_close(spool);
	free(extra);
	assert_true(asprintf(&extra, "rm -rf '%s'", stub) > 0);
	assert_int_equal(system(extra), 0);
}

static void what_another_machine_wrote_goes_on_under_a_new_id(void **state)
{
	struct spool *spool = open_with(1 << 20, 0, "aaaa");
	struct spool_cursor *cursor;
	struct spool_batch batch;
	char first[33];

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	append(spool, GAVEA_RECORD_EVENT, 1, 10);
	spool_flush(spool);
	assert_int_equal(spool_read(spool, cursor, 16384, &batch), 0);
	memcpy(first, batch.spool_id, sizeof first);
	fd_close(batch.fd);
	spool_close(spool);

	spool = open_with(1 << 20, 0, "aaaa");
	assert_int_equal(spool_findings(spool), 0);
	spool_close(spool);

	spool = open_with(1 << 20, 0, "bbbb");
	assert_int_equal(spool_findings(spool), SPOOL_CLONED);
	append(spool, GAVEA_RECORD_EVENT, 2, 10);
	spool_flush(spool);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	/* What was there is the other one's, and bears its name: a receiver knows it. */
	assert_int_equal(spool_read(spool, cursor, 16384, &batch), 0);
	assert_string_equal(batch.spool_id, first);
	spool_acknowledge(spool, cursor, &batch, batch.last_seq);
	fd_close(batch.fd);
	assert_int_equal(spool_read(spool, cursor, 16384, &batch), 0);
	assert_string_not_equal(batch.spool_id, first);
	fd_close(batch.fd);
	spool_close(spool);
	spool = open_with(1 << 20, 0, "bbbb");
	assert_int_equal(spool_findings(spool), 0);
	spool_close(spool);
}

static void what_was_handed_out_keeps_its_number_when_the_disk_lost_it(void **state)
{
	struct spool *spool = open_with(1 << 20, 0, NULL);
	struct spool_cursor *cursor;
	struct spool_batch batch;
	char first[33], path[128];

	(void)state;
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	append(spool, GAVEA_RECORD_EVENT, 1, 10);
	spool_flush(spool);
	spool_close(spool);
	spool = open_with(1 << 20, 0, NULL);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	for (int i = 0; i < 5; i++)
		append(spool, GAVEA_RECORD_EVENT, i, 10);
	spool_flush(spool);
	assert_int_equal(spool_read(spool, cursor, 16384, &batch), 0);
	memcpy(first, batch.spool_id, sizeof first);
	fd_close(batch.fd);
	deliver(spool, cursor, UINT64_MAX);
	assert_int_equal(cursor->sent, 6);
	spool_close(spool);
	/* The second segment is there, but nothing of 2 to 6 ever reached the disk. */
	snprintf(path, sizeof path, "%s/segment-0000000000000002", folder);
	assert_int_equal(truncate(path, SEGMENT_HEADER_SIZE), 0);
	spool = open_with(1 << 20, 0, NULL);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	assert_int_equal(append(spool, GAVEA_RECORD_EVENT, 7, 10), 7);
	spool_flush(spool);
	deliver(spool, cursor, 6);
	assert_int_equal(spool_read(spool, cursor, 16384, &batch), 0);
	assert_string_equal(batch.spool_id, first);
	assert_int_equal(batch.first_seq, 7);
	fd_close(batch.fd);
	spool_close(spool);
}

static void after_a_rollback_what_is_new_comes_under_a_new_id_and_nothing_old_again(void **state)
{
	char snapshot[] = "/dev/shm/test-spool-snap-XXXXXX";
	_cleanup_free_ char *command = NULL;
	struct spool *spool = open_with(1 << 20, 0, NULL);
	struct spool_cursor *cursor;
	struct spool_batch batch;
	char first[33];

	(void)state;
	assert_non_null(mkdtemp(snapshot));
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	spool_probed(spool, cursor);
	for (int i = 0; i < 5; i++)
		append(spool, GAVEA_RECORD_EVENT, i, 10);
	spool_flush(spool);
	assert_int_equal(deliver(spool, cursor, UINT64_MAX).last_seq, 5);
	spool_close(spool);
	copy_files(folder, snapshot);

	spool = open_with(1 << 20, 0, NULL);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	for (int i = 0; i < 50; i++)
		append(spool, GAVEA_RECORD_EVENT, 100 + i, 10);
	spool_flush(spool);
	deliver(spool, cursor, UINT64_MAX);
	assert_int_equal(cursor->seq, 55);
	spool_close(spool);

	/* The receiver has 55 of them; here there are 5, and 3 new ones. */
	copy_files(snapshot, folder);
	spool = open_with(1 << 20, 0, NULL);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	for (int i = 0; i < 3; i++)
		append(spool, GAVEA_RECORD_EVENT, 200 + i, 10);
	spool_flush(spool);
	assert_true(cursor->unprobed);
	assert_int_equal(spool_probe(spool, cursor, &batch), 0);
	memcpy(first, batch.spool_id, sizeof first);
	assert_int_equal(batch.length, 0);
	assert_int_equal(batch.known_seq, 5);
	fd_close(batch.fd);
	assert_int_equal(spool_renew_id(spool, cursor), 0);
	assert_int_equal(spool_read(spool, cursor, 16384, &batch), 0);
	assert_string_not_equal(batch.spool_id, first);
	assert_int_equal(batch.first_seq, 6);
	assert_int_equal(count_batch(&batch), 3);
	fd_close(batch.fd);
	spool_close(spool);
	/* It stays so. */
	spool = open_with(1 << 20, 0, NULL);
	assert_int_equal(spool_findings(spool), 0);
	assert_int_equal(spool_cursor_open(spool, "out", &cursor), 0);
	assert_int_equal(spool_read(spool, cursor, 16384, &batch), 0);
	assert_string_not_equal(batch.spool_id, first);
	fd_close(batch.fd);
	spool_close(spool);
	assert_true(asprintf(&command, "rm -rf '%s'", snapshot) > 0);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(samples_go_first_then_repeating_results_then_the_rest),
		TEST(every_change_of_a_result_stays_while_there_is_room),
		TEST(at_last_the_oldest_events_go_and_few_loss_records_tell_of_all),
		TEST(counts_and_loss_records_are_there_after_a_restart),
		TEST(an_output_is_told_of_what_it_lost_itself),
		TEST(a_batch_that_was_out_while_its_segment_was_thinned_is_acknowledged_all_the_same),
		TEST(what_is_too_old_goes_and_a_step_of_the_clock_makes_nothing_old),
		TEST(a_record_that_is_too_large_is_counted_and_told),
		TEST(a_thinning_that_a_crash_left_half_done_is_mended_at_the_start),
		TEST(what_another_machine_wrote_goes_on_under_a_new_id),
		TEST(what_was_handed_out_keeps_its_number_when_the_disk_lost_it),
		TEST(after_a_rollback_what_is_new_comes_under_a_new_id_and_nothing_old_again),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
