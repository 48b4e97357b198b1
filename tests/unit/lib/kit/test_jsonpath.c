/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/jsonpath.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A small shop: what the RFC's own examples ask about, in words of our own. */
static const char shop[] =
	"{\"shop\": {\"books\": ["
	"{\"kind\": \"essay\", \"by\": \"Ana\", \"title\": \"Sea\", \"price\": 8.95},"
	"{\"kind\": \"novel\", \"by\": \"Bia\", \"title\": \"Tide\", \"price\": 12.99},"
	"{\"kind\": \"novel\", \"by\": \"Caio\", \"title\": \"Mast\", \"isbn\": \"0-1\", \"price\": 8.99},"
	"{\"kind\": \"novel\", \"by\": \"Davi\", \"title\": \"Crow\", \"isbn\": \"0-2\", \"price\": 22.99}],"
	"\"bike\": {\"colour\": \"red\", \"price\": 399}}}";

/* What a path selects, as JSON texts with blanks between them. */
static char *selected(const char *document, const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_(jsonpath_freep) struct jsonpath *path = NULL;
	_cleanup_(jsonpath_nodes_done) struct jsonpath_nodes nodes = {0};
	_cleanup_buf_ struct buf out = BUF_INIT;
	json_t *root = json_loads(document, JSON_DECODE_ANY, NULL);
	struct jsonpath_request request = {.root = root};

	assert_non_null(root);
	if (jsonpath_parse(text, &path, &error) < 0)
		fail_msg("%s: %s", text, error_text(&error, -1));
	if (jsonpath_select(path, &request, &nodes, &error) < 0)
		fail_msg("%s: %s", text, error_text(&error, -1));
	for (size_t i = 0; i < nodes.count; i++) {
		char *value = json_dumps(nodes.list[i].value, JSON_ENCODE_ANY | JSON_COMPACT);

		buf_printf(&out, "%s%s", i ? " " : "", value);
		free(value);
	}
	json_decref(root);
	return strdup(buf_str(&out));
}

struct example {
	const char *document, *path, *wanted;
};

static void expect(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *got = selected(examples[i].document, examples[i].path);

		if (!streq(got, examples[i].wanted))
			fail_msg("%s selects %s, not %s", examples[i].path, got, examples[i].wanted);
	}
}

static void a_shop_answers_the_usual_questions(void **state)
{
	static const struct example examples[] = {
		{shop, "$.shop.books[*].by", "\"Ana\" \"Bia\" \"Caio\" \"Davi\""},
		{shop, "$..by", "\"Ana\" \"Bia\" \"Caio\" \"Davi\""},
		{shop, "$.shop..price", "8.9499999999999993 12.99 8.9900000000000002 22.989999999999998 399"},
		{shop, "$..books[2].title", "\"Mast\""},
		{shop, "$..books[-1].title", "\"Crow\""},
		{shop, "$..books[0,1].title", "\"Sea\" \"Tide\""},
		{shop, "$..books[:2].title", "\"Sea\" \"Tide\""},
		{shop, "$..books[?@.isbn].title", "\"Mast\" \"Crow\""},
		{shop, "$..books[?@.price<10].title", "\"Sea\" \"Mast\""},
		{shop, "$..books[?@.price == 8.99 || @.by == 'Ana'].title", "\"Sea\" \"Mast\""},
		{shop, "$..books[?@.kind=='novel' && !@.isbn].title", "\"Tide\""},
		{shop, "$..books[?!(@.kind=='novel')].title", "\"Sea\""},
		{shop, "$..[?@.colour].price", "399"},
	};

	(void)state;
	expect(examples, ARRAY_SIZE(examples));
}

static void names_indices_and_slices_follow_the_rfc(void **state)
{
	static const char digits[] = "[0,1,2,3,4,5,6]";
	static const struct example examples[] = {
		{"{\"a\": null}", "$", "{\"a\":null}"},
		{"{\"a\": null}", "$.a", "null"},
		{"{\"a\": null}", "$.a[0]", ""},
		{"{\"a\": null}", "$.b", ""},
		{"{\"a.b\": {\"c'd\": 1}}", "$['a.b']['c\\'d']", "1"},
		{"{\"\\u00e1\": 1, \"\\ud83d\\ude00\": 2}", "$[\"\\u00e1\", '\\ud83d\\uDE00', '\xc3\xa1']",
			"1 2 1"},
		{"{\"\": 7}", "$['']", "7"},
		{"[1]", "$['0']", ""},
		{"{\"0\": 1}", "$[0]", ""},
		{"5", "$.*", ""},
		{digits, "$[1:3]", "1 2"},
		{digits, "$[5:]", "5 6"},
		{digits, "$[1:5:2]", "1 3"},
		{digits, "$[5:1:-2]", "5 3"},
		{digits, "$[::-1]", "6 5 4 3 2 1 0"},
		{digits, "$[::0]", ""},
		{digits, "$[-2:]", "5 6"},
		{digits, "$[-100:2]", "0 1"},
		{digits, "$[3:100]", "3 4 5 6"},
		{digits, "$[ 0 , 0 , 6 ]", "0 0 6"},
		{digits, "$[9]", ""},
		{digits, "$[-8]", ""},
		{"[[1,[2]],{\"a\":[3]}]", "$..[0]", "[1,[2]] 1 2 3"},
		{"{\"a\":[1,{\"b\":2}]}", "$..*", "[1,{\"b\":2}] 1 {\"b\":2} 2"},
		{"{\"o\":[1,2],\"a\":3}", "$ .o [ 1 ]", "2"},
	};

	(void)state;
	expect(examples, ARRAY_SIZE(examples));
}

static void filters_compare_as_the_rfc_says(void **state)
{
	static const char pairs[] = "{\"obj\": {\"x\": \"y\"}, \"arr\": [2, 3], \"n\": null}";
	static const struct example examples[] = {
		/* absent on both sides is equal, and nothing else */
		{pairs, "$[?$.absent1 == $.absent2].x", "\"y\""},
		{pairs, "$[?$.absent1 <= $.absent2].x", "\"y\""},
		{pairs, "$[?$.absent == 'g'].x", ""},
		{pairs, "$[?$.absent != 'g'].x", "\"y\""},
		{pairs, "$[?$.n == $.absent].x", ""},
		{pairs, "$[?$.obj == $.arr].x", ""},
		{pairs, "$[?$.obj <= $.obj].x", "\"y\""},
		{pairs, "$[?$.obj < $.obj].x", ""},
		{pairs, "$[?1 <= 2].x", "\"y\""},
		{pairs, "$[?13 == '13'].x", ""},
		{pairs, "$[?'a' <= 'b'].x", "\"y\""},
		{pairs, "$[?true <= true].x", "\"y\""},
		{pairs, "$[?true > true].x", ""},
		{"[1, 1.0, 2, 9007199254740993]", "$[?@ == 1e0]", "1 1.0"},
		{"[9007199254740993]", "$[?@ == 9007199254740992.0]", ""},
		{"[[1,{\"a\":2.0}]]", "$[?@ == $[0]]", "[1,{\"a\":2.0}]"},
		{"[{\"a\":1,\"b\":2}, {\"b\":2,\"a\":1.0}]", "$[?@ == $[0]].b", "2 2"},
		{"[null, {\"a\":null}]", "$[?@.a == null]", "{\"a\":null}"},
		{"[null, {\"a\":null}]", "$[?@ == null]", "null"},
		{"[{\"a\":[1,2]},{\"a\":[]}]", "$[?@.a[?@ > 1]]", "{\"a\":[1,2]}"},
		{"[-0, 0]", "$[?@ == -0]", "0 0"},
	};

	(void)state;
	expect(examples, ARRAY_SIZE(examples));
}

static void functions_work(void **state)
{
	static const struct example examples[] = {
		{"[\"\xc3\xa1\xc3\xa1\", [1,2], {\"a\":1,\"b\":2}, 2, null]", "$[?length(@) == 2]",
			"\"\xc3\xa1\xc3\xa1\" [1,2] {\"a\":1,\"b\":2}"},
		{"[[1,2,3],[1]]", "$[?count(@.*) > 2]", "[1,2,3]"},
		{"[\"1974-05-11\", \"x 1974-05-12\"]", "$[?match(@, '1974-05-..')]", "\"1974-05-11\""},
		{"[\"1974-05-11\", \"x 1974-05-12\"]", "$[?search(@, '05-1[12]')]",
			"\"1974-05-11\" \"x 1974-05-12\""},
		{"[\"a\\n\"]", "$[?match(@, 'a.')]", ""},
		{"[{\"p\":\"b+\",\"s\":\"bb\"}, {\"p\":\"(\",\"s\":\"(\"}]", "$[?match(@.s, @.p)].s",
			"\"bb\""},
		{"[{\"a\":{\"c\":1}}, {\"a\":{\"c\":1},\"b\":{\"c\":2}}]", "$[?value(@..c) == 1]",
			"{\"a\":{\"c\":1}}"},
		{"[\"ab\"]", "$[?!search(@, 'x')]", "\"ab\""},
		{"[[[1]],[]]", "$[?length(value(@[*])) == 1]", "[[1]]"},
	};

	(void)state;
	expect(examples, ARRAY_SIZE(examples));
}

static void what_is_no_path_is_refused_with_its_place(void **state)
{
	static const char *const cases[][2] = {
		{"", "at 1: a path begins with $"},
		{"a", "at 1: a path begins with $"},
		{"$ ", "at 2: this does not belong to the path"},
		{"$x", "at 2: this does not belong to the path"},
		{"$.",
			"at 3: a name or * is wanted behind a dot; names with other characters than letters, "
			"digits "
			"and _ are written [\"like-this\"]"},
		{"$.1",
			"at 3: a name or * is wanted behind a dot; names with other characters than letters, "
			"digits "
			"and _ are written [\"like-this\"]"},
		{"$[01]", "at 3: a whole number has no leading zero, and 0 no sign"},
		{"$[-0]", "at 3: a whole number has no leading zero, and 0 no sign"},
		{"$[9007199254740992]", "at 3: the number is too large"},
		{"$[1", "at 4: a \",\" or a \"]\" is wanted here"},
		{"$['a]", "at 3: the string that begins here does not end"},
		{"$['\\x']", "at 4: this escape is not known"},
		{"$['\\\"']", "at 4: this escape is not known"},
		{"$['\\ud800']", "at 4: the first half of a surrogate pair without its second"},
		{"$['\\udc00']", "at 4: the second half of a surrogate pair without its first"},
		{"$['\\u12']", "at 4: \\u wants four hexadecimal digits"},
		{"$['a\nb']", "at 5: a control character in a string: write it as \\u00XX"},
		{"$[?1]", "at 4: a value alone is no test; compare it with something"},
		{"$[?@.a = 1]", "at 8: a \",\" or a \"]\" is wanted here"},
		{"$[?@.* == 1]",
			"at 4: a query that may select several values cannot be compared; count() or value() "
			"make one value of it"},
		{"$[?length(@.*) == 1]",
			"at 11: a query that may select several values cannot be compared; count() "
			"or value() make one value of it"},
		{"$[?length(@)]", "at 4: what this function gives must be compared with something"},
		{"$[?count(1) == 1]", "at 10: this function wants a query"},
		{"$[?match(@) == 1]", "at 11: this function wants two arguments"},
		{"$[?match(@, 'a') == true]", "at 4: what is true or false by itself cannot be compared"},
		{"$[?match(@, '(')]",
			"at 13: the regular expression is wrong at its byte 2: missing closing parenthesis"},
		{"$[?size(@) == 1]",
			"at 4: there is no function size(); there are length, count, match, search and "
			"value"},
		{"$[?!@.a == 1]", "at 9: a \",\" or a \"]\" is wanted here"},
		{"$[?(@.a]", "at 8: a \")\" is wanted here"},
		{"$[?@.a == 01]", "at 11: this is not a number"},
		{"$[?@.a == 1e999]", "at 11: the number is too large"},
		{"$[?@.a == True]",
			"at 11: a value, a query that begins with @ or $, or a function is wanted"},
		{"$[\xff]", "not valid UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		struct jsonpath *path = NULL;

		assert_int_equal(jsonpath_parse(cases[i][0], &path, &error), -EINVAL);
		assert_string_equal(error.message, cases[i][1]);
		assert_null(path);
	}
}

static void nesting_and_length_are_bounded(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct jsonpath *path = NULL;
	char deep[256] = "$[?", long_text[JSONPATH_TEXT_MAX + 2];

	(void)state;
	memset(deep + 3, '(', 100);
	assert_int_equal(jsonpath_parse(deep, &path, &error), -EINVAL);
	assert_string_equal(error.message, "at 54: nested more than 50 deep");
	memset(long_text, 'a', sizeof long_text - 1);
	long_text[0] = '$';
	long_text[sizeof long_text - 1] = '\0';
	assert_int_equal(jsonpath_parse(long_text, &path, &error), -EINVAL);
	assert_string_equal(error.message, "longer than 4096 bytes");
}

static void segments_end_where_the_path_ends(void **state)
{
	static const struct {
		const char *text;
		size_t used;
	} cases[] = {{".a[0] == 1", 5}, {" == 1", 0}, {"", 0}, {"..x) > 2", 3}, {"['a b'] in", 7}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(jsonpath_freep) struct jsonpath *path = NULL;
		size_t used = 99;

		assert_int_equal(jsonpath_parse_segments(cases[i].text, &used, &path, NULL), 0);
		assert_int_equal(used, cases[i].used);
	}
}

static int select_with(const char *document, const char *text, struct jsonpath_request request,
	struct error *error, struct buf *places)
{
	_cleanup_(jsonpath_freep) struct jsonpath *path = NULL;
	_cleanup_(jsonpath_nodes_done) struct jsonpath_nodes nodes = {0};
	int r;

	request.root = json_loads(document, JSON_DECODE_ANY, NULL);
	assert_non_null(request.root);
	assert_int_equal(jsonpath_parse(text, &path, NULL), 0);
	r = jsonpath_select(path, &request, &nodes, error);
	for (size_t i = 0; r == 0 && places && i < nodes.count; i++) {
		buf_add_str(places, i ? " " : "");
		jsonpath_add_place(places, request.root_name, &nodes.list[i]);
	}
	json_decref(request.root);
	return r;
}

static void places_are_paths_again(void **state)
{
	_cleanup_buf_ struct buf places = BUF_INIT;

	(void)state;
	assert_int_equal(select_with("{\"a\":[{\"b-c\":1},{\"\\u0001\\\"\":2}]}", "$..*",
				 (struct jsonpath_request){.root_name = "body"}, NULL, &places),
		0);
	assert_string_equal(
		buf_str(&places), "body.a body.a[0] body.a[1] body.a[0][\"b-c\"] body.a[1][\"\\u0001\\\"\"]");
}

static void a_complete_selection_misses_nothing(void **state)
{
	static const struct {
		const char *document, *path;
		unsigned flags;
		const char *error;
	} cases[] = {
		{"{\"a\":{\"s\":1},\"b\":{}}", "$.*.s", JSONPATH_COMPLETE, "$.b has no \"s\""},
		{"{\"a\":{\"s\":1},\"b\":5}", "$.*.s", JSONPATH_COMPLETE,
			"$.b is no object: it has no \"s\""},
		{"{}", "$.*", JSONPATH_COMPLETE, "$ is empty"},
		{"{}", "$.*", JSONPATH_COMPLETE | JSONPATH_EMPTY, NULL},
		{"{}", "$.x.*", JSONPATH_COMPLETE | JSONPATH_EMPTY, "$ has no \"x\""},
		{"3", "$.*", JSONPATH_COMPLETE | JSONPATH_EMPTY, "$ has no members"},
		{"[1]", "$[1]", JSONPATH_COMPLETE, "$ has no [1]"},
		{"{}", "$[1]", JSONPATH_COMPLETE, "$ is no array: it has no [1]"},
		{"[1]", "$[?@ > 1]", JSONPATH_COMPLETE, NULL},
		{"[{\"a\":1},{}]", "$..a", JSONPATH_COMPLETE, NULL},
		{"[{\"a\":1},{}]", "$[?@.b.c]", JSONPATH_COMPLETE, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		int r = select_with(cases[i].document, cases[i].path,
			(struct jsonpath_request){.flags = cases[i].flags}, &error, NULL);

		assert_int_equal(r, cases[i].error ? -ENODATA : 0);
		if (cases[i].error)
			assert_string_equal(error.message, cases[i].error);
	}
}

static void what_it_may_cost_is_bounded(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	char deep[2 * 300 + 1];

	(void)state;
	assert_int_equal(
		select_with("[1,2,3]", "$[*]", (struct jsonpath_request){.max_nodes = 2}, &error, NULL),
		-E2BIG);
	assert_string_equal(error.message, "the path selects too many values");
	assert_int_equal(select_with("[1,2,3]", "$..[?$..[?$..[?@]]]",
				 (struct jsonpath_request){.max_steps = 20}, &error, NULL),
		-E2BIG);
	assert_string_equal(error.message, "the path looks at too many values");
	assert_int_equal(
		select_with("[1,2,3]", "$..*", (struct jsonpath_request){.deadline = 1}, &error, NULL),
		-ETIMEDOUT);
	assert_string_equal(error.message, "evaluating the path takes too long");
	assert_int_equal(select_with("[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"]",
				 "$[?match(@, '(a+)+[bc]')]", (struct jsonpath_request){0}, &error, NULL),
		-E2BIG);
	assert_string_equal(error.message, "a regular expression takes too long");
	memset(deep, '[', 300);
	memset(deep + 300, ']', 300);
	deep[600] = '\0';
	assert_int_equal(select_with(deep, "$..*", (struct jsonpath_request){0}, &error, NULL), -E2BIG);
	assert_string_equal(error.message, "the value is nested too deep");
	assert_int_equal(
		select_with(deep, "$[?@ == $[0]]", (struct jsonpath_request){0}, &error, NULL), -E2BIG);
	assert_string_equal(error.message, "the path compares too large values");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shop_answers_the_usual_questions),
		cmocka_unit_test(names_indices_and_slices_follow_the_rfc),
		cmocka_unit_test(filters_compare_as_the_rfc_says),
		cmocka_unit_test(functions_work),
		cmocka_unit_test(what_is_no_path_is_refused_with_its_place),
		cmocka_unit_test(nesting_and_length_are_bounded),
		cmocka_unit_test(segments_end_where_the_path_ends),
		cmocka_unit_test(places_are_paths_again),
		cmocka_unit_test(a_complete_selection_misses_nothing),
		cmocka_unit_test(what_it_may_cost_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
