/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "fleet/writer.h"
#include "tests/unit/fleet/report_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
/* after those */
#include <cmocka.h>

#define JOBS 4

struct bench {
	char folder[32];
	struct model *model;
	struct store *store;
	struct writer *writer;
	struct metrics metrics;
	struct fixture fixtures[JOBS];
	struct job jobs[JOBS];
	size_t answered;
	unsigned long long waiting[JOBS]; /* when each was answered */
	enum metrics_outcome outcomes[JOBS];
};

static int setup(void **state)
{
	const struct writer_settings settings = {.events_keep_ms = 1000000,
		.events_max = 100,
		.snapshot_every_ms = 60000,
		.queue_reports = JOBS,
		.queue_bytes = 1000000};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct bench *b = calloc(1, sizeof *b);

	*state = b;
	if (!b)
		return -1;
	snprintf(b->folder, sizeof b->folder, "/tmp/test_writer.XXXXXX");
	if (!mkdtemp(b->folder) || model_new(NULL, 0, &b->model) < 0 ||
		store_open(b->folder, &b->store, &error) < 0)
		return -1;
	b->writer = writer_new(b->model, b->store, &b->metrics, &settings);
	return b->writer ? writer_load(b->writer, NULL, &error) : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = {"fleet.db", "fleet.db-wal", "fleet.db-shm", "lock"};
	struct bench *b = *state;
	char path[64];

	writer_free(b->writer);
	store_close(b->store);
	model_free(b->model);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof path, "%s/%s", b->folder, names[i]);
		unlink(path);
	}
	rmdir(b->folder);
	free(b);
	return 0;
}

static void done(
	struct job *job, enum metrics_outcome outcome, uint64_t acked_seq _unused_, const char *text _unused_)
{
	struct bench *b = job->userdata;

	b->outcomes[b->answered] = outcome;
	b->waiting[b->answered++] = b->metrics.queue_reports;
}

static int submit(struct bench *b, size_t i)
{
	struct job *job = &b->jobs[i];

	fixture_begin(&b->fixtures[i], 1 + i);
	fixture_gone(&b->fixtures[i], 0);
	*job = (struct job){.report = &b->fixtures[i].report,
		.body = "x",
		.size = 1,
		.address = "192.0.2.1",
		.received_ms = 1,
		.done = done,
		.userdata = b};
	return writer_submit(b->writer, job);
}

static void what_is_put_off_still_counts_as_waiting(void **state)
{
	struct bench *b = *state;
	struct job extra = {.size = 1};

	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(submit(b, i), 0);
	assert_int_equal(writer_submit(b->writer, &extra), -EAGAIN);
	assert_int_equal(writer_start(b->writer), 0);
	writer_free(b->writer); /* answers all */
	b->writer = NULL;
	assert_int_equal(b->answered, JOBS);
	for (size_t i = 0; i < JOBS; i++) {
		assert_int_equal(b->outcomes[i], METRICS_ACCEPTED);
		assert_int_equal(b->waiting[i], JOBS - 1 - i); /* one of a host in each transaction */
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_off_still_counts_as_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
