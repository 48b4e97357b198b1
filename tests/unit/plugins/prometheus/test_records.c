/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/records.h"

#include "scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MINUTE_MS INT64_C(60000)

static void the_newest_sample_of_a_series_is_shown(void **state)
{
	static const char *const labels[] = {"mode", "idle", "cpu", "0", "empty", "", NULL};
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	assert_int_equal(scene_check(&scene, 1, "host/main", 15), 0);
	assert_int_equal(scene_series(&scene, 1, 1, "node_cpu_seconds_total", GAVEA__V1__SAMPLE_TYPE__COUNTER,
				 "seconds", "Time", labels),
		0);
	assert_int_equal(scene_samples(&scene, 1, 1, 1), 0);
	assert_true(scene_says(&scene, "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 1"));
	scene.at_ms = 1000;
	assert_int_equal(scene_samples(&scene, 1, 1, 1), 0);
	assert_true(scene_says(&scene, "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 1"));
	scene_end(&scene);
}

static void a_series_that_a_run_has_no_more_is_gone_at_once(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_gauge(&scene, 1, 1, "a");
	scene_gauge(&scene, 1, 2, "b");
	scene_samples(&scene, 1, 1, 2);
	assert_true(scene_says(&scene, "a 1") && scene_says(&scene, "b 2"));
	scene.at_ms = 15000;
	scene_samples(&scene, 1, 1, 1);
	assert_true(scene_says(&scene, "a 1") && !scene_says(&scene, "b 2"));
	scene.at_ms = 30000;
	scene_samples(&scene, 1, 1, 2);
	assert_true(scene_says(&scene, "b 2"));
	scene_end(&scene);
}

static void samples_are_shown_for_three_intervals_and_five_minutes_at_least(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_check(&scene, 2, "cert/www", 3600);
	scene_gauge(&scene, 1, 1, "often");
	scene_gauge(&scene, 2, 2, "seldom");
	scene_samples(&scene, 1, 1, 1);
	scene_samples(&scene, 2, 2, 1);
	scene.at_ms = 5 * MINUTE_MS;
	assert_true(scene_says(&scene, "often 1"));
	scene.at_ms++;
	assert_false(scene_says(&scene, "often 1"));
	scene.at_ms = 180 * MINUTE_MS;
	assert_true(scene_says(&scene, "seldom 1"));
	scene.at_ms++;
	assert_false(scene_says(&scene, "seldom 1"));
	scene_end(&scene);
}

static void a_staleness_of_ones_own_counts_for_all(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 30 * NSEC_PER_SEC);
	scene_check(&scene, 1, "cert/www", 3600);
	scene_gauge(&scene, 1, 1, "a");
	scene_samples(&scene, 1, 1, 1);
	scene.at_ms = 30001;
	assert_false(scene_says(&scene, "a 1"));
	scene_end(&scene);
}

static void samples_that_came_late_are_as_old_as_they_are(void **state)
{
	struct scene scene;
	Gavea__V1__Record record;
	Gavea__V1__Samples samples = GAVEA__V1__SAMPLES__INIT;
	int32_t delta = 1;
	double value = 7;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_gauge(&scene, 1, 1, "a");
	record = scene_record(&scene, GAVEA__V1__RECORD__BODY_SAMPLES);
	samples.check = 1;
	samples.series = &delta;
	samples.values = &value;
	samples.n_series = samples.n_values = 1;
	record.samples = &samples;
	record.time_ms -= 6 * MINUTE_MS;
	assert_int_equal(scene_take(&scene, &record), 0);
	assert_false(scene_says(&scene, "a 7"));
	/* From the future it is of now; a clock that was set back makes no sample younger or older. */
	record.time_ms += 24 * 60 * MINUTE_MS;
	assert_int_equal(scene_take(&scene, &record), 0);
	assert_true(scene_says(&scene, "a 7"));
	record.time_ms = INT64_MIN + 1;
	assert_int_equal(scene_take(&scene, &record), 0);
	assert_false(scene_says(&scene, "a 7"));
	scene_end(&scene);
}

static void a_check_that_is_gone_takes_its_series_with_it(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_gauge(&scene, 1, 1, "a");
	scene_samples(&scene, 1, 1, 1);
	scene_result(&scene, 1, GAVEA__V1__STATUS__OK);
	assert_non_null(strstr(scene_scrape(&scene), "host/main"));
	assert_int_equal(scene_gone(&scene, 1), 0);
	assert_int_equal(records_take_change(scene.records), CHANGE_MORE);
	assert_null(strstr(scene_scrape(&scene), "host/main"));
	assert_int_equal(scene_samples(&scene, 1, 1, 1), 0);
	assert_false(scene_says(&scene, "a 1"));
	records_sweep(scene.records, scene_now(&scene));
	assert_int_equal(scene.picture.check_count, 0);
	assert_int_equal(scene.picture.series_count, 0);
	assert_int_equal(scene.picture.family_count, 0);
	assert_int_equal(scene_samples(&scene, 1, 1, 1), -ENOENT);
	/* It may come back. */
	scene_check(&scene, 1, "host/main", 15);
	scene_gauge(&scene, 1, 1, "a");
	assert_int_equal(scene_samples(&scene, 1, 1, 1), 0);
	assert_true(scene_says(&scene, "a 1"));
	scene_end(&scene);
}

static void what_was_not_seen_for_long_is_forgotten(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_gauge(&scene, 1, 1, "a");
	scene_gauge(&scene, 1, 2, "b");
	scene_samples(&scene, 1, 1, 2);
	scene.at_ms = 6 * MINUTE_MS;
	scene_samples(&scene, 1, 1, 1);
	records_sweep(scene.records, scene_now(&scene));
	assert_int_equal(scene.picture.series_count, 1);
	assert_true(scene_says(&scene, "a 1"));
	/* Its number means nothing any more, until it is declared again. */
	assert_int_equal(scene_samples(&scene, 1, 1, 2), -ENOENT);
	scene_gauge(&scene, 1, 2, "b");
	assert_int_equal(scene_samples(&scene, 1, 1, 2), 0);
	assert_true(scene_says(&scene, "b 2"));
	scene_end(&scene);
}

static void numbers_mean_nothing_in_another_stream(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_gauge(&scene, 1, 1, "a");
	scene_samples(&scene, 1, 1, 1);
	records_set_stream(scene.records, 2);
	assert_true(scene_says(&scene, "a 1"));
	assert_int_equal(scene_samples(&scene, 1, 1, 1), -ENOENT);
	assert_int_equal(scene_result(&scene, 1, GAVEA__V1__STATUS__OK), -ENOENT);
	scene_check(&scene, 5, "host/main", 15);
	assert_int_equal(scene_gauge(&scene, 5, 9, "a"), 0);
	scene.at_ms = 1000;
	assert_int_equal(scene_samples(&scene, 5, 9, 1), 0);
	assert_true(scene_says(&scene, "a 1"));
	assert_int_equal(scene.picture.series_count, 1);
	scene_end(&scene);
}

static void what_was_never_declared_is_looked_for_once(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	assert_int_equal(scene_samples(&scene, 1, 1, 1), -ENOENT);
	scene.complete = true;
	assert_int_equal(scene_samples(&scene, 1, 1, 1), 0);
	scene.complete = false;
	assert_int_equal(scene_samples(&scene, 1, 1, 1), 0);
	scene_check(&scene, 2, "host/main", 15);
	scene.complete = true;
	assert_int_equal(scene_samples(&scene, 2, 7, 1), 0);
	scene.complete = false;
	assert_int_equal(scene_samples(&scene, 2, 7, 1), 0);
	assert_int_equal(scene.picture.series_count, 0);
	scene_end(&scene);
}

static void a_state_that_changes_is_counted(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	assert_int_equal(records_take_change(scene.records), CHANGE_NONE);
	scene_result(&scene, 1, GAVEA__V1__STATUS__OK);
	assert_int_equal(records_take_change(scene.records), CHANGE_STATE);
	scene_result(&scene, 1, GAVEA__V1__STATUS__OK);
	assert_int_equal(records_take_change(scene.records), CHANGE_NONE);
	scene_result(&scene, 1, GAVEA__V1__STATUS__CRITICAL);
	assert_int_equal(records_take_change(scene.records), CHANGE_STATE);
	assert_true(scene_says(&scene, "gavea_check_state_changes_total{check=\"host/main\"} 1"));
	assert_true(scene_says(&scene, "gavea_check_status{check=\"host/main\",status=\"critical\"} 1"));
	assert_true(scene_says(&scene, "gavea_check_status{check=\"host/main\",status=\"ok\"} 0"));
	assert_true(scene_says(&scene, "gavea_check_items{check=\"host/main\",status=\"ok\"} 2"));
	assert_true(scene_says(&scene, "gavea_check_items{check=\"host/main\",status=\"critical\"} 1"));
	assert_true(scene_says(&scene, "gavea_check_duration_seconds{check=\"host/main\"} 0.0025"));
	assert_true(scene_says(
		&scene, "gavea_check_state_since_timestamp_seconds{check=\"host/main\"} 1699999998.5"));
	scene_end(&scene);
}

static void samples_of_a_check_that_runs_seldom_are_news_to_keep(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_check(&scene, 2, "cert/www", 3600);
	scene_gauge(&scene, 1, 1, "often");
	scene_gauge(&scene, 2, 2, "seldom");
	scene_samples(&scene, 1, 1, 1);
	assert_int_equal(records_take_change(scene.records), CHANGE_NONE);
	scene_samples(&scene, 2, 2, 1);
	scene_result(&scene, 1, GAVEA__V1__STATUS__OK);
	assert_int_equal(records_take_change(scene.records), CHANGE_MORE);
	scene_end(&scene);
}

static void a_result_that_is_too_old_is_unknown_not_ok(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_result(&scene, 1, GAVEA__V1__STATUS__OK);
	scene.at_ms = 5 * MINUTE_MS + 1;
	assert_true(scene_says(&scene, "gavea_check_status{check=\"host/main\",status=\"ok\"} 0"));
	assert_true(scene_says(&scene, "gavea_check_status{check=\"host/main\",status=\"unknown\"} 1"));
	assert_true(
		scene_says(&scene, "gavea_check_last_run_timestamp_seconds{check=\"host/main\"} 1700000000"));
	scene_end(&scene);
}

static void a_status_of_a_later_version_is_unknown(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_result(&scene, 1, (Gavea__V1__Status)9);
	assert_true(scene_says(&scene, "gavea_check_status{check=\"host/main\",status=\"unknown\"} 1"));
	scene_result(&scene, 1, GAVEA__V1__STATUS__STATUS_UNSPECIFIED);
	assert_true(scene_says(&scene, "gavea_check_status{check=\"host/main\",status=\"unknown\"} 1"));
	scene_end(&scene);
}

static void events_and_losses_are_counted_by_kind(void **state)
{
	Gavea__V1__Loss loss = GAVEA__V1__LOSS__INIT;
	Gavea__V1__Record record;
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_event(&scene, "reload");
	scene_event(&scene, "reload");
	for (int i = 0; i < 100; i++) {
		char kind[16];

		snprintf(kind, sizeof(kind), "kind-%d", i);
		scene_event(&scene, kind);
	}
	record = scene_record(&scene, GAVEA__V1__RECORD__BODY_LOSS);
	loss.samples = 5;
	loss.results = 2;
	record.loss = &loss;
	assert_int_equal(scene_take(&scene, &record), 0);
	assert_true(scene_says(&scene, "gavea_events_total{kind=\"reload\"} 2"));
	assert_true(scene_says(&scene, "gavea_events_total{kind=\"kind-62\"} 1"));
	assert_true(scene_says(&scene, "gavea_events_total{kind=\"other\"} 37"));
	assert_true(scene_says(&scene, "gavea_spool_dropped_total{class=\"samples\"} 5"));
	assert_true(scene_says(&scene, "gavea_spool_dropped_total{class=\"results\"} 2"));
	assert_true(scene_says(&scene, "gavea_spool_dropped_total{class=\"events\"} 0"));
	scene_end(&scene);
}

static void what_can_not_be_shown_is_left_out_and_counted(void **state)
{
	static const char *const le[] = {"le", "1", NULL}, *const bad[] = {"a-b", "1", NULL};
	static const char *const twice[] = {"a", "1", "b", "1", "a", "2", NULL};
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_gauge(&scene, 1, 1, "not valid");
	scene_gauge(&scene, 1, 2, "gavea_check_status");
	scene_gauge(&scene, 1, 3, "gavea_build_info_total");
	scene_series(&scene, 1, 4, "a", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", bad);
	scene_series(&scene, 1, 5, "a", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", twice);
	scene_series(&scene, 1, 6, "h", GAVEA__V1__SAMPLE_TYPE__HISTOGRAM, "", "", le);
	scene_series(&scene, 1, 7, "a", 9, "", "", NULL);
	scene_gauge(&scene, 1, 8, "x_count");
	scene_series(&scene, 1, 9, "x", GAVEA__V1__SAMPLE_TYPE__HISTOGRAM, "", "", NULL);
	scene_series(&scene, 1, 10, "y", GAVEA__V1__SAMPLE_TYPE__HISTOGRAM, "", "", NULL);
	scene_gauge(&scene, 1, 11, "y_bucket");
	scene_series(&scene, 1, 12, "x_count", GAVEA__V1__SAMPLE_TYPE__COUNTER, "", "", NULL);
	assert_int_equal(scene_samples(&scene, 1, 1, 12), 0);
	assert_true(scene_says(&scene, "gavea_scrape_series_left_out{reason=\"name\"} 7"));
	assert_true(scene_says(&scene, "gavea_scrape_series_left_out{reason=\"clash\"} 3"));
	assert_true(scene_says(&scene, "x_count 8"));
	assert_false(scene_says(&scene, "y_bucket 11"));
	records_set_stream(scene.records, 2);
	assert_true(scene_says(&scene, "gavea_scrape_series_left_out{reason=\"clash\"} 0"));
	scene_end(&scene);
}

static void more_series_than_fit_are_left_out_and_counted(void **state)
{
	struct scene scene;
	char name[32];

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	for (unsigned i = 1; i <= PICTURE_SERIES_MAX + 3; i++) {
		const char *const labels[] = {"i", name, NULL};

		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(
			scene_series(&scene, 1, i, "a", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", labels), 0);
	}
	assert_int_equal(scene.picture.series_count, PICTURE_SERIES_MAX);
	assert_true(scene_says(&scene, "gavea_scrape_series_left_out{reason=\"limit\"} 3"));
	scene_end(&scene);
}

static void damaged_records_are_counted_and_passed_over(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	assert_int_equal(records_apply(scene.records, "\xff\xff\xff", 3, false, WALL_MS, BOOT_NS), -EBADMSG);
	assert_int_equal(scene_check(&scene, 0, "host/main", 15), -EBADMSG);
	assert_int_equal(scene_check(&scene, UINT32_MAX, "host/main", 15), -EBADMSG);
	assert_true(scene_says(&scene, "gavea_scrape_damaged_records_total 3"));
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_sample_of_a_series_is_shown),
		cmocka_unit_test(a_series_that_a_run_has_no_more_is_gone_at_once),
		cmocka_unit_test(samples_are_shown_for_three_intervals_and_five_minutes_at_least),
		cmocka_unit_test(a_staleness_of_ones_own_counts_for_all),
		cmocka_unit_test(samples_that_came_late_are_as_old_as_they_are),
		cmocka_unit_test(a_check_that_is_gone_takes_its_series_with_it),
		cmocka_unit_test(what_was_not_seen_for_long_is_forgotten),
		cmocka_unit_test(numbers_mean_nothing_in_another_stream),
		cmocka_unit_test(what_was_never_declared_is_looked_for_once),
		cmocka_unit_test(a_state_that_changes_is_counted),
		cmocka_unit_test(samples_of_a_check_that_runs_seldom_are_news_to_keep),
		cmocka_unit_test(a_result_that_is_too_old_is_unknown_not_ok),
		cmocka_unit_test(a_status_of_a_later_version_is_unknown),
		cmocka_unit_test(events_and_losses_are_counted_by_kind),
		cmocka_unit_test(what_can_not_be_shown_is_left_out_and_counted),
		cmocka_unit_test(more_series_than_fit_are_left_out_and_counted),
		cmocka_unit_test(damaged_records_are_counted_and_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
