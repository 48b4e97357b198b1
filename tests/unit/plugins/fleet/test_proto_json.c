/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With the argument report or ack this program is no test: it reads an encoded Report or ReportAck from its
 * standard input and prints the JSON, for tests/integration/test_proto_json.py to compare with Google's
 * library.
 */
#include "plugins/fleet/proto_json.h"

#include "base/fd.h"
#include "proto/report.pb-c.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_json(const ProtobufCMessage *message, const char *expected)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json json;

	json_init(&json, &out);
	proto_json_write(&json, message);
	assert_int_equal(buf_error(&out), 0);
	assert_string_equal(buf_str(&out), expected);
}

static void defaults_are_left_out(void **state)
{
	Gavea__V1__Report report = GAVEA__V1__REPORT__INIT;
	Gavea__V1__Agent agent = GAVEA__V1__AGENT__INIT;

	(void)state;
	assert_json(&report.base, "{}");
	report.agent = &agent;
	assert_json(&report.base, "{\"agent\":{}}");
}

static void names_are_camel_case_and_large_integers_strings(void **state)
{
	Gavea__V1__Report report = GAVEA__V1__REPORT__INIT;

	(void)state;
	report.protocol = 1;
	report.agent_id = (char *)"a\"b";
	report.stream = UINT64_MAX;
	report.sent_at_ms = INT64_MIN;
	report.next_within_ms = 4294967295;
	assert_json(&report.base,
		"{\"protocol\":1,\"agentId\":\"a\\\"b\",\"stream\":\"18446744073709551615\","
		"\"sentAtMs\":\"-9223372036854775808\",\"nextWithinMs\":4294967295}");
}

static void maps_are_objects(void **state)
{
	Gavea__V1__Agent__LabelsEntry first = GAVEA__V1__AGENT__LABELS_ENTRY__INIT;
	Gavea__V1__Agent__LabelsEntry second = GAVEA__V1__AGENT__LABELS_ENTRY__INIT;
	Gavea__V1__Agent__LabelsEntry *labels[] = {&first, &second};
	Gavea__V1__Agent agent = GAVEA__V1__AGENT__INIT;

	(void)state;
	first.key = (char *)"role";
	first.value = (char *)"app";
	second.key = (char *)"empty";
	agent.labels = labels;
	agent.n_labels = 2;
	assert_json(&agent.base, "{\"labels\":{\"role\":\"app\",\"empty\":\"\"}}");
}

static void numbers_that_json_lacks_are_strings(void **state)
{
	double values[] = {NAN, INFINITY, -INFINITY, 0.1, -0.0, 1e300, 3};
	int32_t series[] = {-1, 0, 1};
	Gavea__V1__Samples samples = GAVEA__V1__SAMPLES__INIT;

	(void)state;
	samples.values = values;
	samples.n_values = ARRAY_SIZE(values);
	samples.series = series;
	samples.n_series = ARRAY_SIZE(series);
	assert_json(&samples.base,
		"{\"series\":[-1,0,1],\"values\":[\"NaN\",\"Infinity\",\"-Infinity\",0.1,-0,1e+300,3]}");
}

static void enums_are_names_unless_they_are_not_known(void **state)
{
	Gavea__V1__Item item = GAVEA__V1__ITEM__INIT;

	(void)state;
	item.status = GAVEA__V1__STATUS__CRITICAL;
	assert_json(&item.base, "{\"status\":\"CRITICAL\"}");
	item.status = (Gavea__V1__Status)77;
	assert_json(&item.base, "{\"status\":77}");
}

static void bytes_are_base64(void **state)
{
	Gavea__V1__Span span = GAVEA__V1__SPAN__INIT;

	(void)state;
	span.trace_id = (ProtobufCBinaryData){4, (uint8_t *)"\xff\xfe\x00\x01"};
	span.span_id = (ProtobufCBinaryData){2, (uint8_t *)"ab"};
	span.parent_span_id = (ProtobufCBinaryData){3, (uint8_t *)"abc"};
	assert_json(&span.base, "{\"traceId\":\"//4AAQ==\",\"spanId\":\"YWI=\",\"parentSpanId\":\"YWJj\"}");
}

static void only_the_chosen_body_is_written(void **state)
{
	Gavea__V1__CheckGone gone = GAVEA__V1__CHECK_GONE__INIT;
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;

	(void)state;
	record.seq = 7;
	record.body_case = GAVEA__V1__RECORD__BODY_CHECK_GONE;
	record.check_gone = &gone;
	assert_json(&record.base, "{\"seq\":\"7\",\"checkGone\":{}}");
}

static int print(const ProtobufCMessageDescriptor *type)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	ProtobufCMessage *message;
	struct json json;
	ssize_t n;

	do {
		char *room = buf_extend(&bytes, 65536);

		n = room ? fd_read_full(0, room, 65536) : -1;
		if (n > 0)
			bytes.size += (size_t)n;
	} while (n > 0);
	message = protobuf_c_message_unpack(type, NULL, bytes.size, (uint8_t *)bytes.data);
	if (n < 0 || !message)
		return 1;
	json_init(&json, &out);
	proto_json_write(&json, message);
	protobuf_c_message_free_unpacked(message, NULL);
	return buf_error(&out) < 0 || fwrite(out.data, out.size, 1, stdout) != 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_left_out),
		cmocka_unit_test(names_are_camel_case_and_large_integers_strings),
		cmocka_unit_test(maps_are_objects),
		cmocka_unit_test(numbers_that_json_lacks_are_strings),
		cmocka_unit_test(enums_are_names_unless_they_are_not_known),
		cmocka_unit_test(bytes_are_base64),
		cmocka_unit_test(only_the_chosen_body_is_written),
	};

	if (argc > 1)
		return print(streq(argv[1], "ack") ? &gavea__v1__report_ack__descriptor
						   : &gavea__v1__report__descriptor);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
