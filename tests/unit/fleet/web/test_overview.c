/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/overview.h"

#include "fleet/web/find.h"
#include "tests/unit/fleet/web/fixture.h"

#define OK GAVEA__V1__STATUS__OK
#define WARNING GAVEA__V1__STATUS__WARNING
#define CRITICAL GAVEA__V1__STATUS__CRITICAL
#define UNKNOWN GAVEA__V1__STATUS__UNKNOWN

static const struct overview_query everything = {.text = "", .status = -1};

static int setup(void **state)
{
	return model_new(NULL, 0, (struct model **)state);
}

static int teardown(void **state)
{
	model_free(*state);
	return 0;
}

static void show(
	struct model *model, const struct overview_query *query, struct model_time when, struct buf *out)
{
	struct page page = page_at(out, when);

	overview_page(&page, model, query);
	assert_int_equal(buf_error(out), 0);
}

static void an_empty_fleet_says_what_to_do(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	show(*state, &everything, now, &out);
	assert_on(&out, "No host has reported yet");
	assert_not_on(&out, "<table");
}

static void problems_come_worst_first_and_the_newest_of_equals(void **state)
{
	const struct told first[] = {
		{"a/old", CRITICAL, "old trouble", 60000, NULL}, {"a/ok", OK, "fine", 0, NULL}};
	const struct told second[] = {
		{"b/warn", WARNING, "a warning", 1, NULL},
		{"b/unknown", UNKNOWN, "not known", 1, NULL},
		{"b/new", CRITICAL, "new trouble", 1000, NULL},
		{"b/idle", 0, NULL, 0, NULL},
	};
	_cleanup_buf_ struct buf out = BUF_INIT;

	tell(*state, 1, "one", first, ARRAY_SIZE(first));
	tell(*state, 2, "two", second, ARRAY_SIZE(second));
	show(*state, &everything, now, &out);
	assert_on(&out, "<title>(5) Fleet");
	assert_before(&out, "new trouble", "old trouble");
	assert_before(&out, "old trouble", "not known");
	assert_before(&out, "not known", "a warning");
	assert_before(&out, "a warning", "Has not run yet");
	assert_before(&out, "Has not run yet", "id=\"hosts\"");
	assert_not_on(&out, "fine");
}

static void a_lost_host_is_on_top_and_its_checks_at_the_end(void **state)
{
	const struct told bad[] = {{"a/b", CRITICAL, "last words", 0, NULL}};
	const struct told other[] = {{"a/b", WARNING, "a warning", 0, NULL}};
	const struct model_time later = {NOW_MS + 600000, now.mono_ms + 600000};
	_cleanup_buf_ struct buf out = BUF_INIT;

	tell(*state, 1, "gone", bad, 1);
	tell(*state, 2, "here", other, 1);
	lose(*state, 1, later);
	show(*state, &everything, later, &out);
	assert_before(&out, "Silent: the last report came", "a warning");
	assert_before(&out, "a warning", "last known: critical");
	assert_before(&out, "last known: critical", "last words");
}

static void a_check_whose_result_is_overdue_is_not_shown_as_ok(void **state)
{
	const struct told fine[] = {{"a/b", OK, "was fine", 0, NULL}};
	const struct model_time later = {NOW_MS + 600000, now.mono_ms + 600000};
	_cleanup_buf_ struct buf out = BUF_INIT;

	tell(*state, 1, "one", fine, 1);
	show(*state, &everything, later, &out);
	assert_on(&out, "Its result is overdue.");
	assert_on(&out, "last known: ok");
	assert_on(&out, "m-unknown");
}

static void a_filter_takes_names_labels_checks_and_statuses(void **state)
{
	const struct told first[] = {{"cert/www", CRITICAL, "expired", 0, NULL}};
	const struct told second[] = {{"host/cpu", WARNING, "busy", 0, NULL}};
	struct overview_query query = everything;
	_cleanup_buf_ struct buf by_name = BUF_INIT, by_check = BUF_INIT, by_status = BUF_INIT;

	tell(*state, 1, "Alpha", first, 1);
	tell(*state, 2, "beta", second, 1);
	query.text = "alph";
	show(*state, &query, now, &by_name);
	assert_on(&by_name, "expired");
	assert_not_on(&by_name, "busy");
	query.text = "HOST/";
	show(*state, &query, now, &by_check);
	assert_on(&by_check, "busy");
	assert_not_on(&by_check, "expired");
	assert_on(&by_check, "No host matches the filter");
	query.text = "";
	query.status = overview_status("critical");
	show(*state, &query, now, &by_status);
	assert_on(&by_status, "expired");
	assert_not_on(&by_status, "busy");
	assert_int_equal(overview_status("live"), -1);
	assert_int_equal(overview_status(""), -1);
	assert_int_equal(overview_status("lost"), MARK_LOST);
}

static void many_hosts_are_shown_page_by_page(void **state)
{
	const struct told fine[] = {{"a/b", OK, "fine", 0, NULL}};
	struct overview_query query = everything;
	_cleanup_buf_ struct buf first = BUF_INIT, last = BUF_INIT;
	char name[16];

	for (unsigned i = 1; i <= 2 * OVERVIEW_HOSTS + 1; i++) {
		snprintf(name, sizeof name, "host-%03u", i);
		tell(*state, i, name, fine, 1);
	}
	show(*state, &query, now, &first);
	assert_on(&first, "host-100");
	assert_not_on(&first, "host-101");
	assert_on(&first, "Page 1 of 3");
	query.number = SIZE_MAX;
	show(*state, &query, now, &last);
	assert_on(&last, "host-201");
	assert_on(&last, "Page 3 of 3");
	assert_not_on(&last, "host-200");
}

static void many_problems_are_shortened_until_all_are_asked_for(void **state)
{
	struct told bad[OVERVIEW_PROBLEMS + 1];
	char names[ARRAY_SIZE(bad)][16];
	struct overview_query query = everything;
	_cleanup_buf_ struct buf some = BUF_INIT, all = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(names[i], sizeof names[i], "c/%03zu", i);
		bad[i] = (struct told){names[i], WARNING, names[i], 0, NULL};
	}
	tell(*state, 1, "one", bad, ARRAY_SIZE(bad));
	show(*state, &query, now, &some);
	assert_on(&some, "1 more.");
	assert_not_on(&some, "c/100");
	query.all = true;
	show(*state, &query, now, &all);
	assert_on(&all, "c/100");
}

static void what_agents_say_is_escaped_everywhere(void **state)
{
	const struct told evil[] = {{"c/<i>'\"", CRITICAL, "\"><script>x</script>", 0, NULL}};
	struct overview_query query = everything;
	_cleanup_buf_ struct buf out = BUF_INIT;

	tell(*state, 1, "\"><script>y</script>", evil, 1);
	query.text = "\"><script>";
	show(*state, &query, now, &out);
	assert_not_on(&out, "<script>");
	assert_not_on(&out, "<i>");
	assert_on(&out, "value=\"&quot;&gt;&lt;script&gt;\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_fleet_says_what_to_do, setup, teardown),
		cmocka_unit_test_setup_teardown(
			problems_come_worst_first_and_the_newest_of_equals, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_lost_host_is_on_top_and_its_checks_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_check_whose_result_is_overdue_is_not_shown_as_ok, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_filter_takes_names_labels_checks_and_statuses, setup, teardown),
		cmocka_unit_test_setup_teardown(many_hosts_are_shown_page_by_page, setup, teardown),
		cmocka_unit_test_setup_teardown(
			many_problems_are_shortened_until_all_are_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(what_agents_say_is_escaped_everywhere, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
