/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/options.h"

#include <gavea/plugin.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct gavea_option table[] = {
	{"string", GAVEA_OPTION_STRING, 0, "text", NULL, "doc"},
	{"bool", GAVEA_OPTION_BOOL, 0, "yes", NULL, "doc"},
	{"duration", GAVEA_OPTION_DURATION, 0, "1h 30min", NULL, "doc"},
	{"size", GAVEA_OPTION_SIZE, 0, NULL, NULL, "doc"},
	{"percent", GAVEA_OPTION_PERCENT, 0, "12.5%", NULL, "doc"},
	{"strings", GAVEA_OPTION_STRINGS, 0, " a,b c ,, d", NULL, "doc"},
	{"secret", GAVEA_OPTION_SECRET, 0, NULL, NULL, "doc"},
	{"spare", GAVEA_OPTION_SECRET, 0, "default", NULL, "doc"},
};

static const struct gavea_plugin plugin = {
	.options = table,
	.option_count = ARRAY_SIZE(table),
	.option_size = sizeof table[0],
};

typedef Gavea__Worker__V1__OptionValue Value;

static Value value_of(const char *key, uint32_t type, ProtobufCBinaryData *bytes, size_t count)
{
	Value value = GAVEA__WORKER__V1__OPTION_VALUE__INIT;

	value.key = (char *)key;
	value.type = type;
	value.values = bytes;
	value.n_values = count;
	return value;
}

static ProtobufCBinaryData bytes_of(char *text)
{
	return (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

static struct options *make(Value **values, size_t count)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct options *options = NULL;

	if (options_new(&plugin, values, count, &options, &error) < 0)
		fail_msg("%s", error.message);
	return options;
}

static void defaults_are_read_as_people_write_them(void **state)
{
	struct options *options = make(NULL, 0);
	const struct gavea_secret *secret;
	const char *const *list;
	const char *text;
	int64_t integer;
	double real;
	size_t count;

	(void)state;
	assert_int_equal(options_string(options, "string", &text), 0);
	assert_string_equal(text, "text");
	assert_int_equal(options_int(options, "bool", &integer), 0);
	assert_int_equal(integer, 1);
	assert_int_equal(options_int(options, "duration", &integer), 0);
	assert_true(integer == INT64_C(5400) * 1000000000);
	assert_int_equal(options_int(options, "size", &integer), -ENODATA);
	assert_int_equal(options_float(options, "percent", &real), 0);
	assert_true(real == 12.5);
	assert_int_equal(options_strings(options, "strings", &list, &count), 0);
	assert_int_equal(count, 3);
	assert_string_equal(list[0], "a");
	assert_string_equal(list[1], "b c");
	assert_string_equal(list[2], "d");
	assert_null(list[3]);
	assert_int_equal(options_secret(options, "secret", &secret), -ENODATA);
	assert_int_equal(options_secret(options, "spare", &secret), 0);
	assert_string_equal(secret->bytes, "default");
	options_free(options);
}

static void values_are_read_in_canonical_form(void **state)
{
	char size[] = "1048576", percent[] = "0.5", one[] = "x,y", two[] = "";
	ProtobufCBinaryData bytes[] = {bytes_of(size), bytes_of(percent), bytes_of(one), bytes_of(two)};
	Value values[] = {value_of("size", GAVEA_OPTION_SIZE, &bytes[0], 1),
		value_of("percent", GAVEA_OPTION_PERCENT, &bytes[1], 1),
		value_of("strings", GAVEA_OPTION_STRINGS, &bytes[2], 2)};
	Value *list[] = {&values[0], &values[1], &values[2]};
	struct options *options = make(list, 3);
	const char *const *strings;
	int64_t integer;
	double real;
	size_t count;

	(void)state;
	assert_int_equal(options_int(options, "size", &integer), 0);
	assert_int_equal(integer, 1048576);
	assert_int_equal(options_float(options, "percent", &real), 0);
	assert_true(real == 0.5);
	assert_int_equal(options_strings(options, "strings", &strings, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(strings[0], "x,y");
	options_free(options);
}

static void secrets_are_wiped_from_the_message(void **state)
{
	static const char zeros[6];
	char text[] = "hu\0sh";
	ProtobufCBinaryData bytes = {5, (uint8_t *)text};
	Value value = value_of("secret", GAVEA_OPTION_SECRET, &bytes, 1), *list[] = {&value};
	struct options *options = make(list, 1);
	const struct gavea_secret *secret;

	(void)state;
	assert_memory_equal(text, zeros, 6);
	assert_int_equal(options_secret(options, "secret", &secret), 0);
	assert_int_equal(secret->size, 5);
	assert_memory_equal(secret->bytes, "hu\0sh", 6);
	options_free(options);
}

static void asking_wrongly_is_told_apart(void **state)
{
	struct options *options = make(NULL, 0);
	const char *text;
	int64_t integer;

	(void)state;
	assert_int_equal(options_string(options, "nothing", &text), -ENOENT);
	assert_int_equal(options_string(options, NULL, &text), -ENOENT);
	assert_int_equal(options_string(options, "secret", &text), -EINVAL);
	assert_int_equal(options_int(options, "string", &integer), -EINVAL);
	options_free(options);
}

static void wrong_values_are_refused(void **state)
{
	char word[] = "word", nul[] = "a\0b", broken[] = "\xff";
	ProtobufCBinaryData good = bytes_of(word), with_nul = {3, (uint8_t *)nul}, bad = bytes_of(broken);
	struct {
		Value value;
		const char *message;
	} cases[] = {
		{value_of("nothing", GAVEA_OPTION_STRING, &good, 1),
			"option nothing is not one of the plugin's"},
		{value_of("string", GAVEA_OPTION_INT, &good, 1),
			"option string came with another type than the plugin's"},
		{value_of("bool", GAVEA_OPTION_BOOL, &good, 1),
			"option bool came with a value that is none of its type"},
		{value_of("string", GAVEA_OPTION_STRING, &with_nul, 1),
			"option string came with a value that is none of its type"},
		{value_of("string", GAVEA_OPTION_STRING, &bad, 1),
			"option string came with a value that is none of its type"},
		{value_of("string", GAVEA_OPTION_STRING, NULL, 0),
			"option string came with a value that is none of its type"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		struct options *options;
		Value *list[] = {&cases[i].value};

		assert_int_equal(options_new(&plugin, list, 1, &options, &error), -EINVAL);
		assert_string_equal(error.message, cases[i].message);
	}
}

static void a_value_comes_once(void **state)
{
	char word[] = "word";
	ProtobufCBinaryData bytes = bytes_of(word);
	Value value = value_of("string", GAVEA_OPTION_STRING, &bytes, 1), *list[] = {&value, &value};
	struct options *options;

	(void)state;
	assert_int_equal(options_new(&plugin, list, 2, &options, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_read_as_people_write_them),
		cmocka_unit_test(values_are_read_in_canonical_form),
		cmocka_unit_test(secrets_are_wiped_from_the_message),
		cmocka_unit_test(asking_wrongly_is_told_apart),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(a_value_comes_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
