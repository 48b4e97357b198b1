/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "fleet/store/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
/* after those */
#include <cmocka.h>

struct fixture {
	char folder[64];
	struct store *store;
	struct error error;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	if (!f)
		return -1;
	snprintf(f->folder, sizeof f->folder, "/tmp/test_sqlite.XXXXXX");
	*state = f;
	return mkdtemp(f->folder) ? store_open(f->folder, &f->store, &f->error) : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = {"fleet.db", "fleet.db-wal", "fleet.db-shm", "lock"};
	struct fixture *f = *state;
	char path[128];

	store_close(f->store);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof path, "%s/%s", f->folder, names[i]);
		unlink(path);
	}
	rmdir(f->folder);
	error_done(&f->error);
	free(f);
	return 0;
}

static void reopen(struct fixture *f)
{
	store_close(f->store);
	assert_int_equal(store_open(f->folder, &f->store, &f->error), 0);
}

static void add_report(struct fixture *f, uint64_t id, const char *body)
{
	const struct store_report report = {.id = id,
		.received_ms = 1000 + (int64_t)id,
		.address = "192.0.2.1",
		.encoding = "zstd",
		.body = body,
		.size = strlen(body)};

	assert_int_equal(store_add_report(f->store, &report, &f->error), 0);
}

static void add_event(struct fixture *f, const char *agent, int64_t received, const char *summary)
{
	const struct store_event event = {.agent_id = agent,
		.host = "h",
		.received_ms = received,
		.time_ms = received,
		.kind = "state",
		.check = "",
		.status = GAVEA_WARNING,
		.summary = summary,
		.attributes = "{}"};

	assert_int_equal(store_add_event(f->store, &event, &f->error), 0);
}

/* Everything that was read, as one text. */
static int note_report(const struct store_report *report, void *userdata)
{
	buf_printf(userdata, "%d:%d:%s:%s:%.*s ", (int)report->id, (int)report->received_ms, report->address,
		report->encoding, (int)report->size, (const char *)report->body);
	return 0;
}

static int note_host(const char *id, uint64_t log_id, const void *snapshot, size_t size, void *userdata)
{
	buf_printf(userdata, "%s:%d:%.*s ", id, (int)log_id, (int)size, (const char *)snapshot);
	return 0;
}

static int note_event(const struct store_event *event, void *userdata)
{
	buf_printf(userdata, "%s ", event->summary);
	return 0;
}

static void expect_reports(struct fixture *f, const char *text)
{
	_cleanup_buf_ struct buf seen = BUF_INIT;

	assert_int_equal(store_load_reports(f->store, note_report, &seen, &f->error), 0);
	assert_string_equal(buf_str(&seen), text);
}

static void expect_events(struct fixture *f, struct store_event_query query, const char *text)
{
	_cleanup_buf_ struct buf seen = BUF_INIT;

	assert_int_equal(store_events(f->store, &query, note_event, &seen, &f->error), 0);
	assert_string_equal(buf_str(&seen), text);
}

static void what_is_committed_is_there_after_a_restart(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf hosts = BUF_INIT;

	assert_int_equal(store_begin(f->store, &f->error), 0);
	add_report(f, 1, "one");
	add_report(f, 2, "two");
	assert_int_equal(store_put_host(f->store, "a", 1, "old", 3, &f->error), 0);
	assert_int_equal(store_put_host(f->store, "a", 2, "new", 3, &f->error), 0);
	assert_int_equal(store_commit(f->store, &f->error), 0);
	reopen(f);
	expect_reports(f, "1:1001:192.0.2.1:zstd:one 2:1002:192.0.2.1:zstd:two ");
	assert_int_equal(store_load_hosts(f->store, note_host, &hosts, &f->error), 0);
	assert_string_equal(buf_str(&hosts), "a:2:new ");
}

static void what_is_rolled_back_never_was(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_begin(f->store, &f->error), 0);
	add_report(f, 1, "one");
	store_rollback(f->store);
	store_rollback(f->store); /* does no harm */
	assert_int_equal(store_begin(f->store, &f->error), 0);
	add_report(f, 2, "two");
	assert_int_equal(store_probe(f->store, &f->error), 0);
	assert_int_equal(store_commit(f->store, &f->error), 0);
	expect_reports(f, "2:1002:192.0.2.1:zstd:two ");
}

static void the_log_is_cut_before_an_id(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_begin(f->store, &f->error), 0);
	for (uint64_t id = 5; id < 9; id++)
		add_report(f, id, "x");
	assert_int_equal(store_trim_reports(f->store, 8, &f->error), 0);
	assert_int_equal(store_commit(f->store, &f->error), 0);
	expect_reports(f, "8:1008:192.0.2.1:zstd:x ");
}

static void events_are_found_by_host_and_place(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_begin(f->store, &f->error), 0);
	add_event(f, "a", 1, "1");
	add_event(f, "b", 2, "2");
	add_event(f, "a", 3, "3");
	add_event(f, "b", 4, "4");
	assert_int_equal(store_commit(f->store, &f->error), 0);
	expect_events(f, (struct store_event_query){.limit = 10}, "1 2 3 4 ");
	expect_events(f, (struct store_event_query){.limit = 3, .newest_first = true}, "4 3 2 ");
	expect_events(f, (struct store_event_query){.limit = 10, .agent_id = "b"}, "2 4 ");
	expect_events(f, (struct store_event_query){.limit = 10, .after = 1, .before = 4}, "2 3 ");
	expect_events(f, (struct store_event_query){.limit = 10, .agent_id = "none"}, "");
}

static void old_events_and_too_many_are_dropped(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_begin(f->store, &f->error), 0);
	for (int i = 1; i <= 6; i++)
		add_event(f, "a", i * 100, (const char[]){(char)('0' + i), 0});
	assert_int_equal(store_trim_events(f->store, 250, 100, &f->error), 0);
	assert_int_equal(store_commit(f->store, &f->error), 0);
	expect_events(f, (struct store_event_query){.limit = 10}, "3 4 5 6 ");
	assert_int_equal(store_begin(f->store, &f->error), 0);
	assert_int_equal(store_trim_events(f->store, 0, 2, &f->error), 0);
	assert_int_equal(store_commit(f->store, &f->error), 0);
	expect_events(f, (struct store_event_query){.limit = 10}, "5 6 ");
}

static void ids_of_events_are_never_given_out_twice(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_begin(f->store, &f->error), 0);
	add_event(f, "a", 1, "1");
	assert_int_equal(store_trim_events(f->store, 10, 100, &f->error), 0);
	assert_int_equal(store_commit(f->store, &f->error), 0);
	reopen(f);
	assert_int_equal(store_begin(f->store, &f->error), 0);
	add_event(f, "a", 2, "2");
	assert_int_equal(store_commit(f->store, &f->error), 0);
	expect_events(f, (struct store_event_query){.limit = 10, .after = 1}, "2 ");
}

static void only_one_process_has_it(void **state)
{
	struct fixture *f = *state;
	struct store *second;
	char message[160];

	assert_int_equal(store_open(f->folder, &second, &f->error), -EBUSY);
	snprintf(message, sizeof message, "the state directory %s is in use by another gavea-fleetd",
		f->folder);
	assert_string_equal(f->error.message, message);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_committed_is_there_after_a_restart),
		TEST(what_is_rolled_back_never_was),
		TEST(the_log_is_cut_before_an_id),
		TEST(events_are_found_by_host_and_place),
		TEST(old_events_and_too_many_are_dropped),
		TEST(ids_of_events_are_never_given_out_twice),
		TEST(only_one_process_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
