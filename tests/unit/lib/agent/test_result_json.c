/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/result_json.h"
#include "base/util.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_result_has_the_form_that_is_promised(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	Gavea__V1__Item__AttributesEntry attribute = GAVEA__V1__ITEM__ATTRIBUTES_ENTRY__INIT;
	Gavea__V1__Item__AttributesEntry *attributes[] = {&attribute};
	Gavea__V1__Item item = GAVEA__V1__ITEM__INIT, *items[] = {&item};
	Gavea__V1__Series__LabelsEntry label = GAVEA__V1__SERIES__LABELS_ENTRY__INIT;
	Gavea__V1__Series__LabelsEntry *labels[] = {&label};
	Gavea__V1__Series series = GAVEA__V1__SERIES__INIT;
	Gavea__V1__Result result = GAVEA__V1__RESULT__INIT;
	struct result_sample sample = {.series = &series, .value = 0.25};
	struct json json;

	attribute.key = (char *)"issuer";
	attribute.value = (char *)"a \"b\"";
	item.name = (char *)"www";
	item.status = GAVEA__V1__STATUS__CRITICAL;
	item.summary = (char *)"expired";
	item.attributes = attributes;
	item.n_attributes = 1;
	label.key = (char *)"cpu";
	label.value = (char *)"0";
	series.name = (char *)"node_load1";
	series.type = GAVEA__V1__SAMPLE_TYPE__GAUGE;
	series.unit = (char *)"ratio";
	series.labels = labels;
	series.n_labels = 1;
	result.status = GAVEA__V1__STATUS__CRITICAL;
	result.summary = (char *)"1 of 1";
	result.started_at_ms = 1700000000123;
	result.duration_us = 1500;
	result.items = items;
	result.n_items = 1;
	json_init(&json, &out);
	result_json(&json, "cert/www", &result, &sample, 1);
	assert_string_equal(buf_str(&out),
		"{\"check\":\"cert/www\",\"status\":\"critical\",\"summary\":\"1 of 1\","
		"\"started_at\":\"2023-11-14T22:13:20.123Z\",\"duration_ms\":1.5,"
		"\"items\":[{\"name\":\"www\",\"status\":\"critical\",\"summary\":\"expired\","
		"\"attributes\":{\"issuer\":\"a \\\"b\\\"\"}}],"
		"\"samples\":[{\"name\":\"node_load1\",\"type\":\"gauge\",\"unit\":\"ratio\","
		"\"labels\":{\"cpu\":\"0\"},\"value\":0.25}]}");
}

static void a_check_that_never_ran_is_unknown_without_times(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json json;

	json_init(&json, &out);
	result_json(&json, "a/b", NULL, NULL, 0);
	assert_string_equal(buf_str(&out),
		"{\"check\":\"a/b\",\"status\":\"unknown\",\"summary\":\"has not run "
		"yet\",\"started_at\":null,"
		"\"duration_ms\":null,\"items\":[],\"samples\":[]}");
}

static void a_status_that_is_missing_is_unknown(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	Gavea__V1__Result result = GAVEA__V1__RESULT__INIT;
	struct json json;

	json_init(&json, &out);
	result_json(&json, "a/b", &result, NULL, 0);
	assert_non_null(strstr(buf_str(&out), "\"status\":\"unknown\""));
}

static void a_histogram_shows_its_buckets_and_a_nan_is_null(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	uint64_t buckets[] = {1, 2};
	Gavea__V1__Histogram histogram = GAVEA__V1__HISTOGRAM__INIT;
	Gavea__V1__Series series = GAVEA__V1__SERIES__INIT;
	struct result_sample samples[] = {{.series = &series, .value = 6.5, .histogram = &histogram},
		{.series = &series, .value = NAN}};
	struct json json;

	series.type = GAVEA__V1__SAMPLE_TYPE__HISTOGRAM;
	histogram.sum = 6.5;
	histogram.zero_count = 1;
	histogram.first = -2;
	histogram.buckets = buckets;
	histogram.n_buckets = 2;
	json_init(&json, &out);
	result_json(&json, "a/b", NULL, samples, 2);
	assert_non_null(strstr(buf_str(&out),
		"\"type\":\"histogram\",\"unit\":\"\",\"labels\":{},"
		"\"value\":{\"sum\":6.5,\"zero_count\":1,\"first\":-2,\"buckets\":[1,2]}"));
	assert_non_null(strstr(buf_str(&out), "\"value\":null}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_has_the_form_that_is_promised),
		cmocka_unit_test(a_check_that_never_ran_is_unknown_without_times),
		cmocka_unit_test(a_status_that_is_missing_is_unknown),
		cmocka_unit_test(a_histogram_shows_its_buckets_and_a_nan_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
