/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/exposition.h"

#include "scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What stands before the output's own metrics. */
static const char *of_checks(struct scene *scene)
{
	char *own;

	scene_scrape(scene);
	own = strstr(scene->out.data, "# HELP gavea_build_info");
	assert_non_null(own);
	*own = '\0';
	return scene->out.data;
}

static void begin(struct scene *scene)
{
	static const char *const cpu0[] = {"cpu", "0", NULL}, *const cpu1[] = {"cpu", "1", NULL};

	scene_begin(scene, 0);
	scene_check(scene, 1, "host/main", 15);
	scene_series(scene, 1, 1, "node_cpu_seconds_total", GAVEA__V1__SAMPLE_TYPE__COUNTER, "seconds",
		"Time \"spent\"\nby CPU", cpu0);
	scene_gauge(scene, 1, 2, "node_load1");
	scene_series(scene, 1, 3, "node_cpu_seconds_total", GAVEA__V1__SAMPLE_TYPE__COUNTER, "seconds",
		"Time", cpu1);
	scene_series(scene, 1, 4, "node_netstat_Tcp_InSegs", GAVEA__V1__SAMPLE_TYPE__COUNTER, "", "Statistic",
		NULL);
	scene_series(scene, 1, 5, "node_memory_MemFree_bytes", GAVEA__V1__SAMPLE_TYPE__GAUGE, "bytes", "Free",
		NULL);
	scene_samples(scene, 1, 1, 5);
}

static void text_has_each_family_once_with_all_its_series(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	assert_string_equal(of_checks(&scene),
		"# HELP node_cpu_seconds_total Time \"spent\"\\nby CPU\n"
		"# TYPE node_cpu_seconds_total counter\n"
		"node_cpu_seconds_total{cpu=\"0\"} 1\n"
		"node_cpu_seconds_total{cpu=\"1\"} 3\n"
		"# TYPE node_load1 gauge\n"
		"node_load1 2\n"
		"# HELP node_memory_MemFree_bytes Free\n"
		"# TYPE node_memory_MemFree_bytes gauge\n"
		"node_memory_MemFree_bytes 5\n"
		"# HELP node_netstat_Tcp_InSegs Statistic\n"
		"# TYPE node_netstat_Tcp_InSegs untyped\n"
		"node_netstat_Tcp_InSegs 4\n");
	scene_end(&scene);
}

static void openmetrics_keeps_the_names_of_text(void **state)
{
	struct scene scene;
	const char *end;

	(void)state;
	begin(&scene);
	scene.format = FORMAT_OPENMETRICS;
	scene_scrape(&scene);
	end = scene.out.data + scene.out.size - strlen("\n# EOF\n");
	assert_string_equal(end, "\n# EOF\n");
	assert_null(strstr(of_checks(&scene), "# EOF"));
	assert_string_equal(of_checks(&scene),
		"# HELP node_cpu_seconds Time \\\"spent\\\"\\nby CPU\n"
		"# TYPE node_cpu_seconds counter\n"
		"# UNIT node_cpu_seconds seconds\n"
		"node_cpu_seconds_total{cpu=\"0\"} 1\n"
		"node_cpu_seconds_total{cpu=\"1\"} 3\n"
		"# TYPE node_load1 gauge\n"
		"node_load1 2\n"
		"# HELP node_memory_MemFree_bytes Free\n"
		"# TYPE node_memory_MemFree_bytes gauge\n"
		"# UNIT node_memory_MemFree_bytes bytes\n"
		"node_memory_MemFree_bytes 5\n"
		"# HELP node_netstat_Tcp_InSegs Statistic\n"
		"# TYPE node_netstat_Tcp_InSegs unknown\n"
		"node_netstat_Tcp_InSegs 4\n");
	scene_end(&scene);
}

static void a_counter_whose_family_meets_a_gauge_has_no_type_in_openmetrics(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_series(&scene, 1, 1, "a_total", GAVEA__V1__SAMPLE_TYPE__COUNTER, "", "", NULL);
	scene_gauge(&scene, 1, 2, "a");
	scene_samples(&scene, 1, 1, 2);
	assert_true(scene_says(&scene, "# TYPE a_total counter"));
	scene.format = FORMAT_OPENMETRICS;
	assert_true(scene_says(&scene, "# TYPE a_total unknown\na_total 1"));
	assert_true(scene_says(&scene, "# TYPE a gauge\na 2"));
	scene_end(&scene);
}

static void times_are_shown_when_asked_for(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.settings.timestamps = true;
	assert_true(scene_says(&scene, "node_load1 2 1700000000000"));
	scene.format = FORMAT_OPENMETRICS;
	assert_true(scene_says(&scene, "node_load1 2 1700000000.000"));
	assert_true(scene_says(&scene, "gavea_scrape_connections 0"));
	scene_end(&scene);
}

static void series_that_only_the_check_tells_apart_bear_its_name(void **state)
{
	static const char *const a[] = {"device", "a", NULL}, *const b[] = {"device", "b", NULL};
	static const char *const own[] = {"check", "x", NULL};
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "host/main", 15);
	scene_check(&scene, 2, "host/other", 15);
	scene_series(&scene, 1, 1, "m", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", a);
	scene_series(&scene, 1, 2, "m", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", b);
	scene_series(&scene, 1, 3, "n", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", a);
	scene_samples(&scene, 1, 1, 3);
	assert_true(scene_says(&scene, "m{device=\"a\"} 1\nm{device=\"b\"} 2"));
	scene_series(&scene, 2, 4, "m", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", b);
	scene_series(&scene, 2, 5, "n", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", b);
	scene_series(&scene, 2, 6, "c", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", own);
	scene_samples(&scene, 2, 4, 3);
	assert_true(scene_says(&scene,
		"m{device=\"a\",check=\"host/main\"} 1\nm{device=\"b\",check=\"host/main\"} 2\n"
		"m{device=\"b\",check=\"host/other\"} 1"));
	assert_true(scene_says(&scene, "n{device=\"a\"} 3\nn{device=\"b\"} 2"));
	scene_series(&scene, 1, 7, "c", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", own);
	assert_true(scene_says(&scene, "c{check=\"x\",gavea_check=\"host/other\"} 3"));
	/* When the other one is gone, they are as they were. */
	scene_gone(&scene, 2);
	records_sweep(scene.records, scene_now(&scene));
	assert_true(scene_says(&scene, "m{device=\"a\"} 1\nm{device=\"b\"} 2"));
	scene_end(&scene);
}

static void the_first_of_twins_may_go_as_well(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	for (uint32_t check = 1; check <= 3; check++) {
		char name[] = {'h', '/', (char)('0' + check), '\0'};

		scene_check(&scene, check, name, 15);
		scene_gauge(&scene, check, check, "m");
		scene_samples(&scene, check, check, 1);
	}
	assert_true(scene_says(&scene, "m{check=\"h/1\"} 1\nm{check=\"h/2\"} 1\nm{check=\"h/3\"} 1"));
	scene_gone(&scene, 1);
	records_sweep(scene.records, scene_now(&scene));
	assert_true(scene_says(&scene, "m{check=\"h/2\"} 1\nm{check=\"h/3\"} 1"));
	scene_gone(&scene, 3);
	records_sweep(scene.records, scene_now(&scene));
	assert_true(scene_says(&scene, "m 1"));
	scene_gone(&scene, 2);
	records_sweep(scene.records, scene_now(&scene));
	assert_int_equal(scene.picture.series_count, 0);
	assert_int_equal(scene.picture.by_name.count, 0);
	scene_end(&scene);
}

static void labels_of_the_agent_go_where_they_are_wanted(void **state)
{
	static const char *const own[] = {"site", "here", NULL};
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene.picture.agent_name = strdup("app-01");
	scene.picture.agent_labels = strdup("role=\"a\\\"},b\",site=\"gru\"");
	scene_check(&scene, 1, "host/main", 15);
	scene_gauge(&scene, 1, 1, "a");
	scene_series(&scene, 1, 2, "b", GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", own);
	scene_samples(&scene, 1, 1, 2);
	assert_true(scene_says(&scene, "a 1"));
	assert_true(scene_says(&scene, "gavea_agent_info{name=\"app-01\",role=\"a\\\"},b\",site=\"gru\"} 1"));
	scene.settings.agent_labels = true;
	assert_true(scene_says(&scene, "a{role=\"a\\\"},b\",site=\"gru\"} 1"));
	assert_true(scene_says(&scene, "b{site=\"here\",role=\"a\\\"},b\"} 2"));
	scene.settings.agent_info = false;
	assert_null(strstr(scene_scrape(&scene), "gavea_agent_info"));
	scene_end(&scene);
}

static void histograms_become_buckets_with_a_sum_and_a_count(void **state)
{
	Gavea__V1__Samples samples = GAVEA__V1__SAMPLES__INIT;
	Gavea__V1__Histogram histogram = GAVEA__V1__HISTOGRAM__INIT, *list = &histogram;
	Gavea__V1__Record record;
	uint64_t counts[] = {2, 1};
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	scene_check(&scene, 1, "http/www", 15);
	scene_series(&scene, 1, 1, "h_seconds", GAVEA__V1__SAMPLE_TYPE__HISTOGRAM, "seconds", "", NULL);
	record = scene_record(&scene, GAVEA__V1__RECORD__BODY_SAMPLES);
	histogram.series = 1;
	histogram.sum = 2.5;
	histogram.first = 0;
	histogram.buckets = counts;
	histogram.n_buckets = 2;
	samples.check = 1;
	samples.histograms = &list;
	samples.n_histograms = 1;
	record.samples = &samples;
	assert_int_equal(scene_take(&scene, &record), 0);
	assert_true(
		scene_says(&scene, "# TYPE h_seconds histogram\nh_seconds_bucket{le=\"0.0001220703125\"} 0"));
	assert_true(scene_says(&scene,
		"h_seconds_bucket{le=\"0.5\"} 0\nh_seconds_bucket{le=\"1.0\"} 2\n"
		"h_seconds_bucket{le=\"2.0\"} 3"));
	assert_true(
		scene_says(&scene, "h_seconds_bucket{le=\"+Inf\"} 3\nh_seconds_sum 2.5\nh_seconds_count 3"));
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_has_each_family_once_with_all_its_series),
		cmocka_unit_test(openmetrics_keeps_the_names_of_text),
		cmocka_unit_test(a_counter_whose_family_meets_a_gauge_has_no_type_in_openmetrics),
		cmocka_unit_test(times_are_shown_when_asked_for),
		cmocka_unit_test(series_that_only_the_check_tells_apart_bear_its_name),
		cmocka_unit_test(the_first_of_twins_may_go_as_well),
		cmocka_unit_test(labels_of_the_agent_go_where_they_are_wanted),
		cmocka_unit_test(histograms_become_buckets_with_a_sum_and_a_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
