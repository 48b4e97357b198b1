/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "base/log.h"
#include "core/manager/recorder.h"
#include "core/manager/segments.h"
#include "core/manager/spool_internal.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test-recorder-XXXXXX";

static void empty_folder(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

static int setup(void **state)
{
	(void)state;
	log_set_level(getenv("DEBUG") ? 7 : -1);
	/* A write beyond the limit is an error then, as on a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	empty_folder();
	return rmdir(folder);
}

/* No file may grow beyond that, nor one in memory; 0: no limit. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

struct fixture {
	struct recorder *recorder;
	struct subject first, second;
	unsigned urgent;
};

static void on_urgent(void *userdata)
{
	struct fixture *fixture = userdata;

	fixture->urgent++;
}

static void open_recorder(struct fixture *fixture)
{
	struct spool_settings settings = {.folder = folder, .max_bytes = 1 << 20, .segment_bytes = 4096};
	struct spool *spool;

	assert_int_equal(spool_open(&settings, &spool), 0);
	assert_int_equal(recorder_new(spool, on_urgent, fixture, &fixture->recorder), 0);
	fixture->first = (struct subject){.number = 1, .name = "host/cpu"};
	fixture->second = (struct subject){.number = 2, .name = "cert/www"};
}

static int setup_each(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	struct spool_cursor *cursor;

	*state = fixture;
	empty_folder();
	open_recorder(fixture);
	/* One that never moves: nothing counts as delivered, all stays. */
	return spool_cursor_open(recorder_spool(fixture->recorder), "slow", &cursor);
}

static int teardown_each(void **state)
{
	struct fixture *fixture = *state;

	limit_files(0);
	recorder_free(fixture->recorder);
	free(fixture);
	return 0;
}

/* ---- Making records ---- */

static uint32_t declare(struct fixture *fixture, uint32_t check, const char *name)
{
	Gavea__V1__Series *series = malloc(sizeof *series);
	uint32_t number;

	gavea__v1__series__init(series);
	series->name = strdup(name);
	assert_int_equal(catalog_declare(recorder_catalog(fixture->recorder), check, &series, &number), 0);
	if (series)
		gavea__v1__series__free_unpacked(series, NULL);
	return number;
}

static void samples(struct fixture *fixture, struct subject *subject, uint32_t a, uint32_t b)
{
	Gavea__V1__Samples message = GAVEA__V1__SAMPLES__INIT;
	Gavea__V1__Histogram histogram = GAVEA__V1__HISTOGRAM__INIT, *list[] = {&histogram};
	int32_t differences[] = {(int32_t)a};
	double values[] = {42};

	message.series = differences;
	message.values = values;
	message.n_series = message.n_values = 1;
	histogram.series = b;
	message.histograms = list;
	message.n_histograms = b ? 1 : 0;
	recorder_samples(fixture->recorder, subject, &message, 1000);
}

static void result(struct fixture *fixture, struct subject *subject, const char *summary)
{
	Gavea__V1__Result message = GAVEA__V1__RESULT__INIT;

	message.summary = (char *)summary;
	recorder_result(fixture->recorder, subject, &message, false);
}

static void one_of_each(struct fixture *fixture, struct subject *subject, uint32_t a, uint32_t b)
{
	Gavea__V1__Span span = GAVEA__V1__SPAN__INIT;

	samples(fixture, subject, a, b);
	result(fixture, subject, "all is well");
	recorder_note(fixture->recorder, subject, "state", GAVEA_OK, NULL, 0, "it changed");
	recorder_span(fixture->recorder, subject, &span);
}

/* ---- Walking all segments ---- */

struct walk {
	bool checks[64]; /* declared in this segment */
	bool series[64];
	unsigned check_declarations;
	unsigned series_declarations;
	unsigned records;
	unsigned segments;
	unsigned in_memory;
};

static void uses_check(const struct walk *walk, uint32_t number)
{
	assert_true(number < 64);
	/* 0 is the agent itself. */
	assert_true(number == 0 || walk->checks[number]);
}

static void uses_series(const struct walk *walk, int64_t number)
{
	assert_true(number > 0 && number < 64);
	assert_true(walk->series[number]);
}

static void judge_samples(const struct walk *walk, const Gavea__V1__Samples *message)
{
	int64_t number = 0;

	uses_check(walk, message->check);
	for (size_t i = 0; i < message->n_series; i++) {
		number += message->series[i];
		uses_series(walk, number);
	}
	for (size_t i = 0; i < message->n_histograms; i++)
		uses_series(walk, message->histograms[i]->series);
}

static int judge(uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata)
{
	struct walk *walk = userdata;
	Gavea__V1__Record *record = gavea__v1__record__unpack(NULL, length, payload);

	(void)seq;
	(void)next;
	assert_non_null(record);
	walk->records++;
	switch (record->body_case) {
	case GAVEA__V1__RECORD__BODY_CHECK:
		walk->checks[record->check->number] = true;
		walk->check_declarations++;
		break;
	case GAVEA__V1__RECORD__BODY_SERIES:
		uses_check(walk, record->series->check);
		walk->series[record->series->number] = true;
		walk->series_declarations++;
		break;
	case GAVEA__V1__RECORD__BODY_SAMPLES:
		judge_samples(walk, record->samples);
		break;
	case GAVEA__V1__RECORD__BODY_RESULT:
		uses_check(walk, record->result->check);
		break;
	case GAVEA__V1__RECORD__BODY_EVENT:
		uses_check(walk, record->event->check);
		break;
	case GAVEA__V1__RECORD__BODY_SPAN:
		uses_check(walk, record->span->check);
		break;
	case GAVEA__V1__RECORD__BODY_CHECK_GONE:
		uses_check(walk, record->check_gone->check);
		break;
	default:
		break;
	}
	gavea__v1__record__free_unpacked(record, NULL);
	return 0;
}

/* Flushes, and fails on any number that is used before it is declared in the same segment. */
static struct walk walk_segments(struct fixture *fixture)
{
	struct spool *spool = recorder_spool(fixture->recorder);
	struct walk walk = {.segments = 0};
	struct segment_visit visit = {judge, &walk};

	spool_flush(spool);
	for (size_t i = 0; i < spool->count; i++) {
		const struct segment *segment = &spool->segments[i];
		_cleanup_fd_ int fd = segment_open(spool->folder, segment);

		assert_true(fd >= 0);
		memset(walk.checks, 0, sizeof walk.checks);
		memset(walk.series, 0, sizeof walk.series);
		walk.segments++;
		walk.in_memory += segment->in_memory;
		assert_int_equal(segment_walk(fd, SEGMENT_HEADER_SIZE, segment->size, &visit), 0);
	}
	return walk;
}

/* ---- Tests ---- */

static void numbers_are_declared_once_a_stream(void **state)
{
	struct fixture *fixture = *state;
	uint32_t a = declare(fixture, 1, "a"), b = declare(fixture, 1, "b");
	struct walk walk;

	for (int i = 0; i < 5; i++)
		one_of_each(fixture, &fixture->first, a, b);
	walk = walk_segments(fixture);
	assert_int_equal(walk.segments, 1);
	assert_int_equal(walk.check_declarations, 1);
	assert_int_equal(walk.series_declarations, 2);
	assert_int_equal(walk.records, 5 * 4 + 3);
}

static void every_segment_is_complete_in_itself(void **state)
{
	struct fixture *fixture = *state;
	uint32_t a = declare(fixture, 1, "a"), b = declare(fixture, 1, "b"), c = declare(fixture, 2, "c");
	struct walk walk;

	for (int i = 0; i < 300; i++) {
		one_of_each(fixture, &fixture->first, a, i % 3 ? b : 0);
		if (i % 7 == 0)
			one_of_each(fixture, &fixture->second, c, 0);
		if (i % 5 == 0)
			spool_flush(recorder_spool(fixture->recorder));
	}
	walk = walk_segments(fixture);
	assert_true(walk.segments > 5);
	assert_int_equal(walk.in_memory, 0);
	assert_true(walk.check_declarations <= 2 * walk.segments);
}

static void segments_end_and_memory_is_left_without_any_samples(void **state)
{
	struct fixture *fixture = *state;
	struct spool *spool = recorder_spool(fixture->recorder);

	for (int i = 0; i < 200; i++) {
		result(fixture, &fixture->first, "nothing to measure");
		spool_flush(spool);
	}
	assert_true(spool->count > 1);
	limit_files(spool->segments[spool->count - 1].size + 10);
	result(fixture, &fixture->first, "in memory");
	spool_flush(spool);
	assert_true(spool->segments[spool->count - 1].in_memory);
	limit_files(0);
	spool->retry_disk_at = 0;
	recorder_note(fixture->recorder, NULL, "reloaded", GAVEA_OK, NULL, 0, "configuration reloaded");
	assert_false(spool->segments[spool->count - 1].in_memory);
	walk_segments(fixture);
}

static void segments_in_memory_are_complete_too_and_so_are_those_after_it(void **state)
{
	struct fixture *fixture = *state;
	struct spool *spool = recorder_spool(fixture->recorder);
	uint32_t a = declare(fixture, 1, "a"), b = declare(fixture, 1, "b"), c = declare(fixture, 2, "c");
	struct walk walk;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 40; i++)
			one_of_each(fixture, &fixture->first, a, b);
		spool_flush(spool);
		/* Declared, but not on disk yet when the disk is full. */
		one_of_each(fixture, &fixture->second, c, 0);
		limit_files(spool->segments[spool->count - 1].size + 10);
		one_of_each(fixture, &fixture->first, a, b);
		spool_flush(spool);
		assert_true(spool->segments[spool->count - 1].in_memory);
		assert_non_null(strstr(spool->disk_error, "writing: File too large"));
		for (int i = 0; i < 60; i++)
			one_of_each(fixture, i % 2 ? &fixture->first : &fixture->second, i % 2 ? a : c, 0);
		spool_flush(spool);
		limit_files(0);
		spool->retry_disk_at = 0;
		samples(fixture, &fixture->first, a, b);
		spool_flush(spool);
		assert_false(spool->segments[spool->count - 1].in_memory);
		assert_string_equal(spool->disk_error, "");
	}
	walk = walk_segments(fixture);
	assert_true(walk.in_memory > 3);
	assert_true(walk.segments - walk.in_memory > 3);
}

static void a_failed_write_leaves_nothing_behind_that_a_restart_would_find(void **state)
{
	struct fixture *fixture = *state;
	struct spool *spool = recorder_spool(fixture->recorder);
	char id[16];
	uint64_t last;

	result(fixture, &fixture->first, "on disk");
	spool_flush(spool);
	last = spool->segments[spool->count - 1].last_seq;
	memcpy(id, spool->id, sizeof id);
	limit_files(spool->segments[spool->count - 1].size + 40);
	for (int i = 0; i < 5; i++)
		result(fixture, &fixture->first, "in memory only");
	spool_flush(spool);
	assert_true(spool->segments[spool->count - 1].in_memory);
	assert_memory_not_equal(spool->segments[spool->count - 1].spool_id, id, sizeof id);
	recorder_free(fixture->recorder);
	limit_files(0);
	open_recorder(fixture);
	spool = recorder_spool(fixture->recorder);
	/* The numbers are given out again, but never under the id that memory had. */
	assert_memory_equal(spool->id, id, sizeof id);
	assert_int_equal(spool->next_seq, last + 1);
}

static void a_check_that_goes_and_comes_back_is_declared_anew(void **state)
{
	struct fixture *fixture = *state;
	uint32_t a = declare(fixture, 1, "a"), again;
	struct walk walk;

	samples(fixture, &fixture->first, a, 0);
	recorder_check_gone(fixture->recorder, &fixture->first);
	fixture->first = (struct subject){.number = 3, .name = "host/cpu"};
	again = declare(fixture, 3, "a");
	assert_int_not_equal(a, again);
	samples(fixture, &fixture->first, again, 0);
	walk = walk_segments(fixture);
	assert_int_equal(walk.check_declarations, 2);
	assert_int_equal(walk.series_declarations, 2);
}

static void events_ask_for_a_flush_and_routine_does_not(void **state)
{
	struct fixture *fixture = *state;
	Gavea__V1__Result message = GAVEA__V1__RESULT__INIT;

	samples(fixture, &fixture->first, declare(fixture, 1, "a"), 0);
	result(fixture, &fixture->first, "as ever");
	assert_int_equal(fixture->urgent, 0);
	recorder_note(fixture->recorder, NULL, "reloaded", GAVEA_OK, NULL, 0, "configuration reloaded");
	assert_int_equal(fixture->urgent, 1);
	recorder_result(fixture->recorder, &fixture->first, &message, true);
	assert_int_equal(fixture->urgent, 2);
	assert_true(spool_pending(recorder_spool(fixture->recorder)));
}

static void the_last_value_of_a_series_is_kept(void **state)
{
	struct fixture *fixture = *state;
	uint32_t a = declare(fixture, 1, "a");

	assert_false(catalog_get(recorder_catalog(fixture->recorder), a)->has_value);
	samples(fixture, &fixture->first, a, 0);
	assert_true(catalog_get(recorder_catalog(fixture->recorder), a)->has_value);
	assert_float_equal(catalog_get(recorder_catalog(fixture->recorder), a)->value, 42, 0);
}

static void remember_kind(const struct recent_event *event, void *userdata)
{
	snprintf(userdata, 32, "%s", event->event->kind);
}

static void a_listener_hears_of_events_until_it_leaves(void **state)
{
	struct fixture *fixture = *state;
	const struct recent_event *events;
	char heard[32] = "";
	size_t count;

	recorder_listen(fixture->recorder, remember_kind, heard);
	recorder_note(fixture->recorder, &fixture->first, "state", GAVEA_OK, NULL, 0, "one");
	assert_string_equal(heard, "state");
	recorder_listen(fixture->recorder, NULL, NULL);
	recorder_note(fixture->recorder, NULL, "reloaded", GAVEA_OK, NULL, 0, "two");
	assert_string_equal(heard, "state");
	events = recorder_events(fixture->recorder, &count);
	assert_int_equal(count, 2);
	assert_string_equal(events[0].check, "host/cpu");
	assert_null(events[1].check);
	assert_true(events[0].seq > 0 && events[1].seq > events[0].seq);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_each, teardown_each)
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_declared_once_a_stream),
		TEST(every_segment_is_complete_in_itself),
		TEST(segments_end_and_memory_is_left_without_any_samples),
		TEST(segments_in_memory_are_complete_too_and_so_are_those_after_it),
		TEST(a_failed_write_leaves_nothing_behind_that_a_restart_would_find),
		TEST(a_check_that_goes_and_comes_back_is_declared_anew),
		TEST(events_ask_for_a_flush_and_routine_does_not),
		TEST(the_last_value_of_a_series_is_kept),
		TEST(a_listener_hears_of_events_until_it_leaves),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
