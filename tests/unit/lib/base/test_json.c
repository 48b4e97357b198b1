/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Of jansson, the judge. Its header can't stand beside ours: it has a json_string() and a json_null() of its own. */
typedef struct json_t json_t;
json_t *json_loadb(const char *bytes, size_t size, size_t flags, void *ret_error);
size_t json_array_size(const json_t *array);
json_t *json_array_get(const json_t *array, size_t index);
const char *json_string_value(const json_t *string);
void json_delete(json_t *json);
#define JSON_ALLOW_NUL 0x10

static void commas_are_put_between_values_at_every_depth(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;
	struct json json;

	json_init(&json, &buf);
	json_object_begin(&json);
	json_kv_string(&json, "a", "x");
	json_key(&json, "b");
	json_array_begin(&json);
	json_int(&json, -1);
	json_array_begin(&json);
	json_array_end(&json);
	json_object_begin(&json);
	json_object_end(&json);
	json_null(&json);
	json_array_end(&json);
	json_kv_bool(&json, "c", true);
	json_kv_int(&json, "d", INT64_MIN);
	json_kv_double(&json, "e", 0.5);
	json_key(&json, "f");
	json_uint(&json, UINT64_MAX);
	json_object_end(&json);
	assert_string_equal(buf_str(&buf),
		"{\"a\":\"x\",\"b\":[-1,[],{},null],\"c\":true,\"d\":-9223372036854775808,"
		"\"e\":0.5,\"f\":18446744073709551615}");
}

static void quotes_controls_and_backslashes_are_escaped(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;
	struct json json;

	json_init(&json, &buf);
	json_string_n(&json, "a\"b\\c\n\r\t\x01\x1f\x7f\0z/", 14);
	assert_string_equal(buf_str(&buf), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\\u007f\\u0000z/\"");
}

static void utf8_passes_and_bad_bytes_become_the_replacement_character(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;
	struct json json;

	json_init(&json, &buf);
	json_array_begin(&json);
	json_string(&json, "Gávea ✓ 🛰");
	json_string(&json, "a\xff\xc0\xaf-\xe2\x82");
	json_array_end(&json);
	assert_string_equal(buf_str(&buf),
		"[\"Gávea ✓ 🛰\",\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd-\xef\xbf\xbd\xef\xbf\xbd\"]");
}

static void doubles_read_back_as_the_same_in_the_shortest_form(void **state _unused_)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "-0"},
		{1, "1"},
		{0.1, "0.1"},
		{1.0 / 3, "0.3333333333333333"},
		{100, "100"},
		{1e21, "1e+21"},
		{DBL_MAX, "1.7976931348623157e+308"},
		{DBL_MIN, "2.2250738585072014e-308"},
		{5e-324, "4.94065645841247e-324"},
		{9007199254740993.0, "9007199254740992"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf buf = BUF_INIT;
		struct json json;

		json_init(&json, &buf);
		json_double(&json, cases[i].value);
		assert_string_equal(buf_str(&buf), cases[i].text);
		assert_true(strtod(buf_str(&buf), NULL) == cases[i].value);
	}
}

static void numbers_that_json_cannot_say_become_null(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;
	struct json json;

	json_init(&json, &buf);
	json_array_begin(&json);
	json_double(&json, NAN);
	json_double(&json, INFINITY);
	json_double(&json, -INFINITY);
	json_array_end(&json);
	assert_string_equal(buf_str(&buf), "[null,null,null]");
}

/* jansson as the judge: every byte value in a text, alone and after each other. */
static void another_parser_reads_what_was_written(void **state _unused_)
{
	for (unsigned first = 0; first < 256; first++) {
		_cleanup_buf_ struct buf buf = BUF_INIT;
		struct json json;
		json_t *read;

		json_init(&json, &buf);
		json_array_begin(&json);
		for (unsigned second = 0; second < 256; second++)
			json_string_n(&json, (char[]){(char)first, (char)second}, 2);
		json_array_end(&json);
		assert_int_equal(buf_error(&buf), 0);
		read = json_loadb(buf.data, buf.size, JSON_ALLOW_NUL, NULL);
		assert_non_null(read);
		assert_int_equal(json_array_size(read), 256);
		if (first < 0x80)
			assert_int_equal(json_string_value(json_array_get(read, 'x'))[0], (int)first);
		json_delete(read);
	}
}

static void a_full_buffer_is_remembered_by_the_buffer(void **state _unused_)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;
	struct json json;

	buf.limit = 4;
	json_init(&json, &buf);
	json_string(&json, "far too long");
	assert_int_equal(buf_error(&buf), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_are_put_between_values_at_every_depth),
		cmocka_unit_test(quotes_controls_and_backslashes_are_escaped),
		cmocka_unit_test(utf8_passes_and_bad_bytes_become_the_replacement_character),
		cmocka_unit_test(doubles_read_back_as_the_same_in_the_shortest_form),
		cmocka_unit_test(numbers_that_json_cannot_say_become_null),
		cmocka_unit_test(another_parser_reads_what_was_written),
		cmocka_unit_test(a_full_buffer_is_remembered_by_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
