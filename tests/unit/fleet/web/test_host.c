/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/host.h"

#include "fleet/web/events.h"
#include "tests/unit/fleet/web/fixture.h"

#include <ftw.h>
#include <unistd.h>

struct fixture {
	struct model *model;
	struct store *store;
	char folder[32];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	struct error error = ERROR_INIT;

	assert_non_null(fixture);
	snprintf(fixture->folder, sizeof fixture->folder, "/tmp/gavea-web-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	assert_int_equal(model_new(NULL, 0, &fixture->model), 0);
	assert_int_equal(store_open(fixture->folder, &fixture->store, &error), 0);
	*state = fixture;
	return 0;
}

static int remove_one(
	const char *path, const struct stat *stat _unused_, int type _unused_, struct FTW *at _unused_)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture->store);
	model_free(fixture->model);
	nftw(fixture->folder, remove_one, 4, FTW_DEPTH | FTW_PHYS);
	free(fixture);
	return 0;
}

static void add_event(struct fixture *fixture, const char *summary)
{
	const struct store_event event = {.agent_id = "00000000000000000000000000000001",
		.host = "one",
		.received_ms = NOW_MS - 5000,
		.time_ms = NOW_MS - 5000,
		.kind = "state",
		.check = "a/b",
		.status = GAVEA_CRITICAL,
		.summary = summary,
		.attributes = "{}"};
	struct error error = ERROR_INIT;

	assert_int_equal(store_begin(fixture->store, &error), 0);
	assert_int_equal(store_add_event(fixture->store, &event, &error), 0);
	assert_int_equal(store_commit(fixture->store, &error), 0);
}

static void a_host_is_found_by_id_and_by_name(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_buf_ struct buf by_name = BUF_INIT, by_id = BUF_INIT, none = BUF_INIT;
	struct page page = page_at(&by_name, now);

	tell(fixture->model, 1, "one", NULL, 0);
	assert_true(host_page(&page, fixture->model, fixture->store, "one"));
	page = page_at(&by_id, now);
	assert_true(host_page(&page, fixture->model, fixture->store, "00000000000000000000000000000001"));
	assert_string_equal(buf_str(&by_name), buf_str(&by_id));
	assert_on(&by_id, "It has declared none.");
	assert_on(&by_id, "No metrics came in the last hour.");
	page = page_at(&none, now);
	assert_false(host_page(&page, fixture->model, fixture->store, "two"));
	assert_int_equal(none.size, 0);
}

static void its_checks_come_worst_first_with_their_items(void **state)
{
	const struct told told[] = {
		{"a/ok", GAVEA__V1__STATUS__OK, "fine", 0, NULL},
		{"b/bad", GAVEA__V1__STATUS__CRITICAL, "broken", 65000, "the item"},
		{"c/idle", 0, NULL, 0, NULL},
	};
	struct fixture *fixture = *state;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct page page = page_at(&out, now);

	tell(fixture->model, 1, "one", told, ARRAY_SIZE(told));
	add_event(fixture, "it broke");
	assert_true(host_page(&page, fixture->model, fixture->store, "one"));
	assert_before(&out, "broken", "Has not run yet");
	assert_before(&out, "Has not run yet", "fine");
	assert_on(&out, "1 item, 1 not ok");
	assert_on(&out, "the item");
	assert_on(&out, "1 min ago");
	assert_on(&out, "it broke");
}

static void what_agents_say_is_escaped_everywhere(void **state)
{
	const struct told evil[] = {{"c/<b>", GAVEA__V1__STATUS__WARNING, "'><script>", 0, "<script>"}};
	struct fixture *fixture = *state;
	_cleanup_buf_ struct buf out = BUF_INIT, events = BUF_INIT;
	struct page page = page_at(&out, now);

	tell(fixture->model, 1, "<script>", evil, 1);
	add_event(fixture, "<script>");
	assert_true(host_page(&page, fixture->model, fixture->store, "<script>"));
	assert_not_on(&out, "<script>");
	assert_not_on(&out, "<b>");
	page = page_at(&events, now);
	events_page(&page, fixture->store, 0);
	assert_on(&events, "&lt;script&gt;");
	assert_not_on(&events, "<script>");
}

static void older_events_are_on_the_next_page(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_buf_ struct buf newest = BUF_INIT, older = BUF_INIT;
	struct page page = page_at(&newest, now);
	char summary[16];

	for (unsigned i = 1; i <= EVENTS_ON_PAGE + 1; i++) {
		snprintf(summary, sizeof summary, "event-%03u.", i);
		add_event(fixture, summary);
	}
	events_page(&page, fixture->store, 0);
	assert_before(&newest, "event-101.", "event-002.");
	assert_not_on(&newest, "event-001.");
	assert_on(&newest, "href=\"/events?before=2\"");
	page = page_at(&older, now);
	events_page(&page, fixture->store, 2);
	assert_on(&older, "event-001.");
	assert_not_on(&older, "event-002.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_host_is_found_by_id_and_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(
			its_checks_come_worst_first_with_their_items, setup, teardown),
		cmocka_unit_test_setup_teardown(what_agents_say_is_escaped_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(older_events_are_on_the_next_page, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
