/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/internal.h"
#include "fleet/snapshot.h"
#include "fleet/update.h"
#include "tests/unit/fleet/report_fixture.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* after those */
#include <cmocka.h>

#define START_MS INT64_C(1700000000000)

/* Server and agent share a clock that only the test moves. */
static struct model_time at(int64_t ms)
{
	return (struct model_time){.unix_ms = START_MS + ms, .mono_ms = 1000 + ms};
}

static struct host *apply(struct model *model, struct fixture *f, int64_t ms)
{
	f->report.sent_at_ms = START_MS + ms;
	return update_apply(model, &f->report, "192.0.2.1", START_MS + ms, at(ms));
}

static enum update_verdict judge(
	struct model *model, const struct fixture *f, int64_t ms, struct update_plan *plan)
{
	struct update_scratch *scratch = update_scratch_new();

	assert_non_null(scratch);
	update_judge(model, &f->report, START_MS + ms, scratch, plan);
	update_scratch_free(scratch);
	return plan->verdict;
}

static int setup(void **state)
{
	return model_new(NULL, 0, (struct model **)state);
}

static int teardown(void **state)
{
	model_free(*state);
	return 0;
}

static void declare(struct fixture *f)
{
	fixture_check(f, 1, "host/cpu");
	fixture_series(f, 1, "node_load1", GAVEA__V1__SAMPLE_TYPE__GAUGE, 1);
	fixture_series(f, 2, "requests_total", GAVEA__V1__SAMPLE_TYPE__COUNTER, 1);
}

static void a_host_is_lost_when_its_deadline_has_passed_and_not_before(void **state)
{
	struct model *model = *state;
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	host = apply(model, &f, 0);
	assert_int_equal(host->public.liveness, MODEL_LIVE);
	/* 10 s, and half of it again */
	assert_int_equal(model_host_deadline_ms(&host->public, at(0)), START_MS + 15000);
	assert_false(update_lose(model, host, at(15000)));
	assert_true(update_lose(model, host, at(15001)));
	assert_false(update_lose(model, host, at(15002)));
	assert_int_equal(host->public.liveness, MODEL_LOST);
	assert_int_equal(host->public.liveness_since_ms, START_MS + 15001);
	fixture_begin(&f, 1);
	apply(model, &f, 20000);
	assert_int_equal(host->public.liveness, MODEL_LIVE);
	assert_int_equal(host->public.liveness_since_ms, START_MS + 20000);
}

static void grace_is_two_seconds_at_least(void **state)
{
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	f.report.next_within_ms = 1000;
	host = apply(*state, &f, 0);
	assert_int_equal(host->public.deadline_mono_ms, 1000 + 3000);
}

static void the_servers_downtime_extends_deadlines(void **state)
{
	struct model *model = *state;
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	host = apply(model, &f, 0);
	update_extend(model, at(3600000));
	assert_false(update_lose(model, host, at(3615000)));
	assert_true(update_lose(model, host, at(3615001)));
}

static void a_report_that_could_not_be_stored_is_a_sign_of_life(void **state)
{
	struct model *model = *state;
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	host = apply(model, &f, 0);
	update_lose(model, host, at(20000));
	update_alive(model, host, at(30000));
	assert_int_equal(host->public.liveness, MODEL_LIVE);
	assert_false(update_lose(model, host, at(45000)));
}

static void a_check_is_overdue_after_twice_its_interval_and_its_timeout(void **state)
{
	struct model *model = *state;
	const struct model_check *check;
	struct fixture f;
	struct host *host;
	uint64_t generation;

	fixture_begin(&f, 1);
	declare(&f);
	fixture_result(&f, 1, GAVEA__V1__STATUS__OK, "fine");
	host = apply(model, &f, 0);
	check = model_check_find(&host->public, "host/cpu");
	/* 2 * 10 s + 5 s, and 10 s + 2 s for the way */
	assert_false(model_check_overdue(&host->public, check, at(37000)));
	assert_true(model_check_overdue(&host->public, check, at(37001)));
	assert_int_equal(model_check_shown(&host->public, check, at(37000)), GAVEA_OK);
	assert_int_equal(model_check_shown(&host->public, check, at(37001)), GAVEA_UNKNOWN);
	generation = model_generation(model);
	update_tick(model, at(36000), at(37000));
	assert_int_equal(model_generation(model), generation);
	update_tick(model, at(37000), at(37001));
	assert_int_equal(model_generation(model), generation + 1);
	update_lose(model, host, at(40000));
	assert_false(model_check_overdue(&host->public, check, at(40000))); /* lost says it all */
}

static void a_check_that_has_not_run_is_unknown(void **state)
{
	struct fixture f;
	const struct host *host;

	fixture_begin(&f, 1);
	fixture_check(&f, 1, "host/cpu");
	host = apply(*state, &f, 0);
	assert_int_equal(model_host_status(&host->public, at(0)), GAVEA_UNKNOWN);
}

static void a_status_that_is_missing_is_unknown(void **state)
{
	struct fixture f;
	const struct host *host;

	fixture_begin(&f, 1);
	fixture_check(&f, 1, "host/cpu");
	fixture_result(&f, 1, GAVEA__V1__STATUS__STATUS_UNSPECIFIED, "");
	host = apply(*state, &f, 0);
	assert_int_equal(host->public.checks[0]->state, GAVEA_UNKNOWN);
}

static void records_that_are_known_are_passed_over(void **state)
{
	struct model *model = *state;
	struct update_plan plan;
	struct fixture f;
	const struct host *host;

	fixture_begin(&f, 1);
	declare(&f);
	fixture_result(&f, 1, GAVEA__V1__STATUS__CRITICAL, "broken");
	assert_int_equal(judge(model, &f, 0, &plan), UPDATE_NEW);
	assert_int_equal(plan.acked_seq, 4);
	host = apply(model, &f, 0);
	fixture_begin(&f, 4);
	fixture_result(&f, 1, GAVEA__V1__STATUS__OK, "another with the same seq");
	assert_int_equal(judge(model, &f, 1, &plan), UPDATE_KNOWN);
	assert_int_equal(plan.acked_seq, 4);
	apply(model, &f, 1);
	assert_int_equal(host->public.checks[0]->state, GAVEA_CRITICAL);
	fixture_begin(&f, 5);
	fixture_result(&f, 1, GAVEA__V1__STATUS__OK, "fine");
	assert_int_equal(judge(model, &f, 2, &plan), UPDATE_NEW);
	apply(model, &f, 2);
	assert_int_equal(host->public.checks[0]->state, GAVEA_OK);
	assert_string_equal(host->public.checks[0]->summary, "fine");
}

static void numbers_must_be_declared_in_their_stream(void **state)
{
	struct model *model = *state;
	struct update_plan plan;
	struct fixture f;

	fixture_begin(&f, 1);
	declare(&f);
	apply(model, &f, 0);
	fixture_begin(&f, 4);
	fixture_sample(&f, 3, 1, START_MS);
	assert_int_equal(judge(model, &f, 0, &plan), UPDATE_NEED_DECLARATIONS);
	fixture_begin(&f, 4);
	fixture_result(&f, 2, GAVEA__V1__STATUS__OK, "");
	assert_int_equal(judge(model, &f, 0, &plan), UPDATE_NEED_DECLARATIONS);
	fixture_begin(&f, 4);
	fixture_sample(&f, 2, 1, START_MS);
	assert_int_equal(judge(model, &f, 0, &plan), UPDATE_NEW);
	f.report.stream = 2;
	assert_int_equal(judge(model, &f, 0, &plan), UPDATE_NEED_DECLARATIONS);
	f.report.spool_id = (char *)SPOOL_B;
	f.report.stream = 1;
	assert_int_equal(judge(model, &f, 0, &plan), UPDATE_NEED_DECLARATIONS);
}

static void a_return_to_an_older_spool_is_a_conflict(void **state)
{
	struct model *model = *state;
	struct update_plan plan;
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	host = apply(model, &f, 0);
	f.report.spool_id = (char *)SPOOL_B;
	f.agent.machine_id = (char *)"other";
	judge(model, &f, 1000, &plan);
	assert_false(plan.conflict_begins);
	apply(model, &f, 1000);
	assert_false(host->public.conflict);
	f.report.spool_id = (char *)SPOOL_A;
	judge(model, &f, 2000, &plan);
	assert_true(plan.conflict_begins);
	assert_string_equal(plan.other_machine_id, "other");
	apply(model, &f, 2000);
	assert_true(host->public.conflict);
	update_tick(model, at(2000), at(602000));
	assert_true(host->public.conflict);
	update_tick(model, at(602000), at(602001));
	assert_false(host->public.conflict);
	/* When the other one has been silent for long, it was a restored backup. */
	judge(model, &f, 700000, &plan);
	assert_false(plan.conflict_begins);
}

static void a_spool_in_memory_meanwhile_is_no_conflict(void **state)
{
	struct model *model = *state;
	struct update_plan plan;
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	f.agent.boot_id = (char *)"boot";
	apply(model, &f, 0);
	f.report.spool_id = (char *)SPOOL_B; /* the disk is full */
	apply(model, &f, 1000);
	f.report.spool_id = (char *)SPOOL_A; /* it is not, any more */
	judge(model, &f, 2000, &plan);
	assert_false(plan.conflict_begins);
	host = apply(model, &f, 2000);
	assert_false(host->public.conflict);
}

static void a_clock_that_was_ahead_does_not_hold_values_back(void **state)
{
	const struct model_series *series;
	struct model *model = *state;
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	declare(&f);
	fixture_sample(&f, 1, 7, START_MS + 86400000); /* a day ahead */
	f.report.sent_at_ms = START_MS + 86400000;
	host = update_apply(model, &f.report, "192.0.2.1", START_MS, at(0));
	series = model_series_find(&host->public, "node_load1", "");
	assert_true(series->value == 7.0);
	fixture_begin(&f, 10); /* and set right */
	fixture_sample(&f, 1, 8, START_MS + 10000);
	apply(model, &f, 10000);
	assert_true(series->value == 8.0);
	assert_int_equal(series->time_ms, START_MS + 10000);
}

static void labels_that_changed_are_written_though_there_is_no_record(void **state)
{
	Gavea__V1__Agent__LabelsEntry role = GAVEA__V1__AGENT__LABELS_ENTRY__INIT;
	Gavea__V1__Agent__LabelsEntry site = GAVEA__V1__AGENT__LABELS_ENTRY__INIT;
	Gavea__V1__Agent__LabelsEntry *labels[] = {&site, &role};
	struct update_plan plan;
	struct fixture f;

	role.key = (char *)"role";
	role.value = (char *)"app";
	site.key = (char *)"site";
	site.value = (char *)"gru-1";
	fixture_begin(&f, 1);
	f.agent.n_labels = 2;
	f.agent.labels = labels;
	apply(*state, &f, 0);
	labels[0] = &role; /* another order is no change */
	labels[1] = &site;
	assert_int_equal(judge(*state, &f, 0, &plan), UPDATE_KNOWN);
	role.value = (char *)"db";
	assert_int_equal(judge(*state, &f, 0, &plan), UPDATE_NEW);
}

static void a_counters_rate_survives_a_reset(void **state)
{
	struct model *model = *state;
	const struct model_series *series;
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	declare(&f);
	fixture_sample(&f, 2, 100, START_MS);
	host = apply(model, &f, 0);
	series = model_series_find(&host->public, "requests_total", "");
	assert_true(isnan(series->rate));
	fixture_begin(&f, 10);
	fixture_sample(&f, 2, 150, START_MS + 10000);
	apply(model, &f, 10000);
	assert_true(series->rate == 5.0);
	fixture_begin(&f, 20);
	fixture_sample(&f, 2, 20, START_MS + 20000);
	apply(model, &f, 20000);
	assert_true(series->rate == 2.0);
	fixture_begin(&f, 30);
	fixture_sample(&f, 2, 999, START_MS + 5000); /* late */
	fixture_sample(&f, 2, NAN, START_MS + 30000);
	apply(model, &f, 30000);
	assert_true(series->value == 20.0);
}

static void plots_are_placed_by_the_servers_clock(void **state)
{
	struct model *model = *state;
	double points[MODEL_POINTS];
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	declare(&f);
	/* The agent's clock is an hour ahead; the sample was taken a minute before it was sent. */
	fixture_sample(&f, 1, 2.5, START_MS + 3600000 - 60000);
	f.report.sent_at_ms = START_MS + 3600000;
	host = update_apply(model, &f.report, "192.0.2.1", START_MS, at(0));
	assert_int_equal(host->public.skew_ms, 3600000);
	assert_int_equal(model_host_points(model, &host->public, 0, at(0), points), 1);
	assert_true(points[MODEL_POINTS - 1 - 4] == 2.5);
	assert_int_equal(model_host_points(model, &host->public, 0, at(3600000), points), 0);
}

static void cpu_busy_is_what_is_not_idle(void **state)
{
	Gavea__V1__Series__LabelsEntry mode = GAVEA__V1__SERIES__LABELS_ENTRY__INIT, *labels[] = {&mode};
	struct model *model = *state;
	double points[MODEL_POINTS];
	struct fixture f;
	const struct host *host;

	mode.key = (char *)"mode";
	mode.value = (char *)"idle";
	fixture_begin(&f, 1);
	fixture_series(&f, 1, "node_cpu_seconds_total", GAVEA__V1__SAMPLE_TYPE__COUNTER, 0);
	f.series[0].n_labels = 1;
	f.series[0].labels = labels;
	fixture_sample(&f, 1, 100, START_MS);
	apply(model, &f, 0);
	fixture_begin(&f, 10);
	fixture_sample(&f, 1, 107.5, START_MS + 10000);
	host = apply(model, &f, 10000);
	model_host_points(model, &host->public, 1, at(10000), points);
	assert_true(points[MODEL_POINTS - 1] == 0.25);
}

static void hosts_are_in_the_order_of_their_names(void **state)
{
	struct model *model = *state;
	static const char *const names[] = {"delta", "alpha", "charlie", "bravo"};
	char ids[4][33];
	struct fixture f;
	const struct model_host *host;

	for (size_t i = 0; i < 4; i++) {
		fixture_begin(&f, 1);
		snprintf(ids[i], sizeof ids[i], "%032zx", i + 1);
		f.report.agent_id = ids[i];
		f.agent.name = (char *)names[i];
		apply(model, &f, 0);
	}
	f.agent.name = (char *)"echo"; /* bravo has a new name */
	apply(model, &f, 1);
	host = model_host_first(model);
	assert_string_equal(host->name, "alpha");
	host = model_host_next(model, host);
	assert_string_equal(host->name, "charlie");
	host = model_host_next(model, host);
	assert_string_equal(host->name, "delta");
	host = model_host_next(model, host);
	assert_string_equal(host->name, "echo");
	assert_null(model_host_next(model, host));
	assert_null(model_host_find(model, "bravo"));
	assert_ptr_equal(model_host_find(model, "echo"), host);
	assert_ptr_equal(model_host_find(model, ids[3]), host);
	assert_ptr_equal(model_host_after(model, "delta", "f"), host);
}

static void a_check_that_is_gone_takes_its_series_along(void **state)
{
	struct model *model = *state;
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	declare(&f);
	fixture_check(&f, 2, "cert/www");
	fixture_sample(&f, 1, 1, START_MS);
	apply(model, &f, 0);
	fixture_begin(&f, 10);
	fixture_gone(&f, 1);
	fixture_result(&f, 1, GAVEA__V1__STATUS__OK, "too late");
	fixture_sample(&f, 1, 1, START_MS);
	host = apply(model, &f, 0);
	assert_int_equal(host->public.check_count, 1);
	assert_int_equal(host->public.series_count, 0);
	assert_string_equal(host->public.checks[0]->name, "cert/www");
}

static void results_of_an_older_spool_that_come_late_change_no_state(void **state)
{
	struct model *model = *state;
	struct host *host;
	struct fixture f;

	fixture_begin(&f, 1);
	declare(&f);
	fixture_result(&f, 1, GAVEA__V1__STATUS__OK, "fresh");
	f.results[f.report.n_records - 1].started_at_ms = START_MS + 60000;
	f.report.spool_id = (char *)SPOOL_B;
	host = apply(model, &f, 60000);
	/* The backlog of the hour before: the check was critical then, and was taken out and put in again. */
	fixture_begin(&f, 1);
	declare(&f);
	fixture_result(&f, 1, GAVEA__V1__STATUS__CRITICAL, "history");
	f.results[f.report.n_records - 1].started_at_ms = START_MS + 1000;
	fixture_gone(&f, 1);
	host = apply(model, &f, 61000);
	assert_int_equal(host->public.checks[0]->state, GAVEA_OK);
	assert_string_equal(host->public.checks[0]->summary, "fresh");
	/* What is newer counts, from whichever spool; and within one spool the order does, not the clock. */
	fixture_begin(&f, 50);
	fixture_result(&f, 1, GAVEA__V1__STATUS__WARNING, "newer");
	f.results[0].started_at_ms = START_MS + 62000;
	host = apply(model, &f, 63000);
	assert_string_equal(host->public.checks[0]->summary, "newer");
	fixture_begin(&f, 51);
	fixture_result(&f, 1, GAVEA__V1__STATUS__CRITICAL, "its clock was set back");
	f.results[0].started_at_ms = START_MS + 5000;
	host = apply(model, &f, 64000);
	assert_int_equal(host->public.checks[0]->state, GAVEA_CRITICAL);
}

static void a_snapshot_brings_everything_back(void **state)
{
	struct model *model = *state, *other;
	double points[MODEL_POINTS], others[MODEL_POINTS];
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct update_plan plan;
	const struct model_host *back;
	struct fixture f;
	struct host *host;

	fixture_begin(&f, 1);
	declare(&f);
	fixture_result(&f, 1, GAVEA__V1__STATUS__WARNING, "hm");
	fixture_sample(&f, 1, 2.5, START_MS);
	fixture_sample(&f, 2, 7, START_MS);
	host = apply(model, &f, 0);
	assert_int_equal(snapshot_encode(model, host, &bytes), 0);
	assert_int_equal(model_new(NULL, 0, &other), 0);
	assert_int_equal(snapshot_load(other, AGENT_ID, bytes.data, bytes.size, &error), 0);
	back = model_host_find(other, "app-01");
	assert_int_equal(back->last_seen_ms, START_MS);
	assert_int_equal(back->checks[0]->state, GAVEA_WARNING);
	assert_string_equal(back->checks[0]->summary, "hm");
	assert_string_equal(back->series[1]->check, "host/cpu");
	assert_int_equal(model_host_points(model, &host->public, 0, at(0), points), 1);
	assert_int_equal(model_host_points(other, back, 0, at(0), others), 1);
	assert_true(points[MODEL_POINTS - 1] == others[MODEL_POINTS - 1]);
	fixture_begin(&f, 7); /* seq and numbers are known */
	fixture_sample(&f, 2, 8, START_MS + 1000);
	assert_int_equal(judge(other, &f, 0, &plan), UPDATE_NEW);
	assert_int_equal(plan.last_seq, 6);
	model_free(other);
}

#define LARGE_ITEMS 1000

/* Items of 4 KiB each, pointed to by all. */
static struct host *make_large(struct model *model, struct fixture *f, unsigned checks)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	Gavea__V1__Item **items = calloc(LARGE_ITEMS, sizeof *items), item = GAVEA__V1__ITEM__INIT;
	struct host *host = NULL;
	char text[4096], name[32];

	assert_non_null(items);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = letters[i % 26];
	text[sizeof text - 1] = 0;
	item.name = item.summary = text;
	for (size_t i = 0; i < LARGE_ITEMS; i++)
		items[i] = &item;
	for (unsigned i = 0; i < checks; i++) {
		fixture_begin(f, 1 + 2 * (uint64_t)i);
		snprintf(name, sizeof name, "large/%03u", i);
		fixture_check(f, i + 1, name);
		fixture_result(f, i + 1, GAVEA__V1__STATUS__OK, "");
		f->results[1].n_items = LARGE_ITEMS;
		f->results[1].items = items;
		host = apply(model, f, i);
	}
	free(items);
	return host;
}

static void items_beyond_the_bound_are_left_out_and_counted(void **state)
{
	struct fixture f;
	const struct host *host = make_large(*state, &f, 1);
	const struct model_check *check = host->public.checks[0];

	assert_in_range(check->item_count, 50, 64);
	assert_int_equal(check->item_count + check->items_left_out, LARGE_ITEMS);
}

static void a_host_that_is_too_large_is_saved_without_its_items(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct model *model = *state, *other;
	const struct model_host *back;
	struct update_plan plan;
	struct fixture f;
	const struct host *host = make_large(model, &f, 140);

	assert_int_equal(snapshot_encode(model, host, &bytes), 1);
	assert_int_equal(model_new(NULL, 0, &other), 0);
	assert_int_equal(snapshot_load(other, AGENT_ID, bytes.data, bytes.size, &error), 0);
	back = model_host_find(other, "app-01");
	assert_int_equal(back->check_count, 140);
	assert_int_equal(back->checks[7]->item_count, 0);
	assert_int_equal(back->checks[7]->items_left_out, LARGE_ITEMS);
	judge(other, &f, 0, &plan);
	assert_int_equal(plan.last_seq, 280);
	model_free(other);
}

static void a_damaged_snapshot_is_refused(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	assert_int_equal(snapshot_load(*state, AGENT_ID, "nonsense", 8, &error), -EBADMSG);
	assert_string_equal(error.message, "the snapshot of host " AGENT_ID " is damaged");
	assert_null(model_host_first(*state));
}

static void count_call(void *userdata)
{
	++*(int *)userdata;
}

static void subscribers_are_told_once_for_many_changes(void **state)
{
	struct model *model = *state;
	struct model_subscription *subscription;
	struct fixture f;
	int calls = 0;

	subscription = model_subscribe(model, count_call, &calls);
	fixture_begin(&f, 1);
	apply(model, &f, 0);
	apply(model, &f, 1);
	model_notify(model);
	model_notify(model);
	assert_int_equal(calls, 1);
	model_unsubscribe(model, subscription);
	apply(model, &f, 2);
	model_notify(model);
	assert_int_equal(calls, 1);
}

static void names_of_plots_are_judged(void **state _unused_)
{
	struct model *model;
	const struct model_plot *plots;
	size_t count;

	assert_int_equal(model_new((const char *const[]){"no name"}, 1, &model), -EINVAL);
	assert_int_equal(model_new((const char *const[]){"node_procs_running"}, 1, &model), 0);
	count = model_plots(model, &plots);
	assert_string_equal(plots[count - 1].name, "node_procs_running");
	model_free(model);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_is_lost_when_its_deadline_has_passed_and_not_before),
		TEST(grace_is_two_seconds_at_least),
		TEST(the_servers_downtime_extends_deadlines),
		TEST(a_report_that_could_not_be_stored_is_a_sign_of_life),
		TEST(a_check_is_overdue_after_twice_its_interval_and_its_timeout),
		TEST(a_check_that_has_not_run_is_unknown),
		TEST(a_status_that_is_missing_is_unknown),
		TEST(records_that_are_known_are_passed_over),
		TEST(numbers_must_be_declared_in_their_stream),
		TEST(a_return_to_an_older_spool_is_a_conflict),
		TEST(a_spool_in_memory_meanwhile_is_no_conflict),
		TEST(a_clock_that_was_ahead_does_not_hold_values_back),
		TEST(labels_that_changed_are_written_though_there_is_no_record),
		TEST(a_counters_rate_survives_a_reset),
		TEST(plots_are_placed_by_the_servers_clock),
		TEST(cpu_busy_is_what_is_not_idle),
		TEST(hosts_are_in_the_order_of_their_names),
		TEST(a_check_that_is_gone_takes_its_series_along),
		TEST(results_of_an_older_spool_that_come_late_change_no_state),
		TEST(a_snapshot_brings_everything_back),
		TEST(items_beyond_the_bound_are_left_out_and_counted),
		TEST(a_host_that_is_too_large_is_saved_without_its_items),
		TEST(a_damaged_snapshot_is_refused),
		TEST(subscribers_are_told_once_for_many_changes),
		cmocka_unit_test(names_of_plots_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
