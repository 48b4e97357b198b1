/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/http/condition.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void what_is_no_condition_is_refused_with_its_place(void **state)
{
	static const char *const cases[][2] = {
		{"",
			"at 1: what is judged must be status, latency, size, sha256, certificate.days, "
			"version, redirects, "
			"address, header.NAME, body or a path such as body.status"},
		{"latencia < 1s", "at 1: \"latencia\" is not known; did you mean \"latency\"?"},
		{"status", "at 7: one of == != < <= > >= =~ !~ contains in is wanted here"},
		{"status = 200", "at 8: one of == != < <= > >= =~ !~ contains in is wanted here"},
		{"status == ok", "at 11: a status such as 200, or a class such as 2xx, is wanted"},
		{"status == 6xx", "at 11: a status such as 200, or a class such as 2xx, is wanted"},
		{"status == 20", "at 11: a status such as 200, or a class such as 2xx, is wanted"},
		{"status < 2xx", "at 8: only numbers and strings can be less or greater than others"},
		{"status =~ '2..'", "at 8: this operator is for texts; here a number is compared"},
		{"status in 200", "at 11: a list such as [200, 204] is wanted behind \"in\""},
		{"status in []", "at 13: the list is empty"},
		{"status in [200", "at 15: a status such as 200, or a class such as 2xx, is wanted"},
		{"status == 200 and", "at 15: the condition should end here"},
		{"latency.dns < 1s", "at 9: the phases are resolve, connect, tls, processing and transfer"},
		{"latency < 2", "at 11: a duration such as 2s or 250ms is wanted"},
		{"size < big", "at 8: a size such as 512 or 64KiB is wanted"},
		{"redirects == 'x'", "at 14: a number is wanted"},
		{"header == 'x'",
			"at 7: the name of a header is wanted: header.content-type, or header[\"x.y\"]"},
		{"header.a == b", "at 13: a string in quotes, or a number, is wanted"},
		{"header['a == 1", "at 8: the string that begins here does not end"},
		{"body.a == up", "at 11: a string in quotes, a number, true, false or null is wanted"},
		{"body.a == \"\\q\"",
			"at 11: the string that begins here does not end, or has an escape that JSON has "
			"not"},
		{"body.a < true", "at 8: only numbers and strings can be less or greater than others"},
		{"body. == 1",
			"the path behind \"body\": at 2: a name or * is wanted behind a dot; names with "
			"other characters "
			"than letters, digits and _ are written [\"like-this\"]"},
		{"body =~ up", "at 9: a regular expression in quotes is wanted"},
		{"body =~ '['",
			"at 9: the regular expression is wrong at its byte 2: missing terminating ] for "
			"character class"},
		{"body contains 3", "at 15: a string in quotes is wanted"},
		{"all(body) == 1",
			"at 5: this path names one value only; all() and any() want several, such as body.*"},
		{"all(status) == 1", "at 5: all() and any() are about a path such as body.*"},
		{"all(body.*, empty) == 1", "at 13: a \")\" is wanted here"},
		{"has(status)", "at 5: len() and has() are about a header or a path in the body"},
		{"has(body.a) == 1", "at 13: the condition should end here"},
		{"len(body.a) > 'x'", "at 15: a number is wanted"},
		{"body.a == \"\xff\"", "not valid UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		struct condition *condition = NULL;

		if (condition_parse(cases[i][0], &condition, &error) != -EINVAL)
			fail_msg("%s was not refused", cases[i][0]);
		assert_string_equal(error.message, cases[i][1]);
		assert_null(condition);
	}
}

static void what_is_no_extraction_is_refused_with_its_place(void **state)
{
	static const char *const cases[][2] = {
		{"", "at 1: a name in small letters is wanted: token = body.token"},
		{"Token = body.x", "at 1: a name in small letters is wanted: token = body.token"},
		{"token body.x", "at 7: a \"=\" is wanted here: token = body.token"},
		{"token = body.x == 1", "at 16: the extraction should end here"},
		{"token = body =~ x", "at 17: a regular expression in quotes is wanted"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		struct extraction *extraction = NULL;

		assert_int_equal(extraction_parse(cases[i][0], &extraction, &error), -EINVAL);
		assert_string_equal(error.message, cases[i][1]);
		assert_null(extraction);
	}
}

static struct response *new_response(const char *body)
{
	struct response *response = calloc(1, sizeof *response);

	assert_non_null(response);
	response->status = 200;
	response->total = INT64_C(1500000000);
	response->phases[PHASE_TLS] = 2000000;
	strcpy(response->version, "2");
	buf_add_str(&response->body, body);
	assert_int_equal(response_add_header(response, "X-Count:  12 \r\n", 15), 0);
	return response;
}

/* NULL: it holds; else what it says. Allocated. */
static char *judge(const char *body, const char *text, const struct variables *variables)
{
	static const struct variables none;
	_cleanup_(condition_freep) struct condition *condition = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct response *response = new_response(body);
	struct buf why = BUF_INIT;
	int r;

	if (condition_parse(text, &condition, &error) < 0)
		fail_msg("%s: %s", text, error_text(&error, -1));
	r = condition_judge(condition, response, variables ? variables : &none, INT64_MAX, &why);
	response_done(response);
	free(response);
	assert_int_equal(r, why.size == 0);
	return r ? NULL : buf_take(&why);
}

static void conditions_say_what_is(void **state)
{
	static const struct {
		const char *body, *condition, *said;
	} cases[] = {
		{"", "latency >= 1500ms", NULL},
		{"", "latency < 1s", "latency < 1s: is 1.50 s"},
		{"", "latency.tls > 5ms", "latency.tls > 5ms: is 2.0 ms"},
		{"abc", "size == 3", NULL},
		{"abc", "size > 1KiB", "size > 1KiB: is 3 B"},
		{"abc", "sha256 == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'", NULL},
		{"7\n", "body > 6", NULL},
		{"x", "body > 6", "body > 6: is \"x\", not a number"},
		{"", "header.x-count == 12", NULL},
		{"", "header[\"X-Count\"] == '12'", NULL},
		{"", "header.x-count in ['1', '2']", "header.x-count in ['1', '2']: is \"12\""},
		{"", "len(header.x-count) == 2", NULL},
		{"", "has(body)", "has(body): the body is not JSON: it is empty"},
		{"null", "has(body)", NULL},
		{"{\"a\": true}", "body.a == true", NULL},
		{"{\"a\": true}", "body.a == 1", "body.a == 1: is true"},
		{"{\"a\": 1}", "body.a == '1'", "body.a == '1': is 1"},
		{"{\"a\": [1,2]}", "body.a == null", "body.a == null: is an array of 2 elements"},
		{"{\"a\": {\"b\": 1}}", "body.a contains 'x'",
			"body.a contains 'x': is an object of 1 members, not a string"},
		{"{\"a\": \"x\\u0000y\\n\"}", "body.a == 'x'", "body.a == 'x': is \"x y \""},
		{"[]", "all(body.*) == 1", "all(body.*) == 1: body is empty"},
		{"[]", "all(body.*, allow_empty) == 1", NULL},
		{"{}", "all(body.a.*, allow_empty) == 1",
			"all(body.a.*, allow_empty) == 1: body has no \"a\""},
		{"[1,1,2,3,4,5]", "all(body[*]) == 1",
			"all(body[*]) == 1: body[2] is 2, body[3] is 3, body[4] is 4; true of 2 of 6"},
		{"[1,2]", "any(body[*]) > 2", "any(body[*]) > 2: body[0] is 1, body[1] is 2; true of 0 of 2"},
		{"[[1],[]]", "all(body[*][*]) == 1", "all(body[*][*]) == 1: body[1] is empty"},
		{"[1,2]", "len(body[?@ > 1]) == 1", NULL},
		{"[1,2]", "len(body) == 3", "len(body) == 3: is 2"},
		{"\"Ol\xc3\xa1\"", "len(body) == 3", NULL},
		{"{}", "len(body.x) == 0", "len(body.x) == 0: there is nothing of that name"},
		{"{}", "not has(body.x)", NULL},
		{"{}", "not body.x == 1", "not body.x == 1: there is nothing of that name"},
		{"{\"x\":1}", "not body.x == 1", "not body.x == 1: is 1"},
		{"{\"a\":1} x", "has(body.a)",
			"has(body.a): the body is not JSON: wrong in line 1, column 9"},
		{"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"", "body =~ '(a+)+[bc]'",
			"body =~ '(a+)+[bc]': the regular expression takes too long on this text: make it "
			"simpler"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *said = judge(cases[i].body, cases[i].condition, NULL);

		if (!said != !cases[i].said || (said && !streq(said, cases[i].said)))
			fail_msg("%s: said %s", cases[i].condition, said ? said : "nothing");
	}
}

static void what_must_not_be_seen_is_not_even_cut_in_two(void **state)
{
	struct variables variables = {0};
	char body[256];
	char *said;

	(void)state;
	assert_int_equal(variables_set(&variables, "password", "pw", 2, HIDE_ALWAYS), 0);
	assert_int_equal(variables_set(&variables, "token", "long-token-value", 16, HIDE_LONG), 0);
	assert_int_equal(variables_set(&variables, "id", "7", 1, HIDE_LONG), 0);
	said = judge("{\"a\": \"pw long-token-value 7\"}", "body.a == 'x'", &variables);
	assert_string_equal(said, "body.a == 'x': is \"*** *** 7\"");
	free(said);
	assert_int_equal(variables_set(&variables, "odd", "a\"b/c", 5, HIDE_ALWAYS), 0);
	said = judge("{\"a\": \"a\\\"b/c a%22b%2Fc a\\\\\\\"b/c\"}", "body.a == 'x'", &variables);
	assert_string_equal(said, "body.a == 'x': is \"*** *** ***\"");
	free(said);
	/* The value is shown up to its 120th byte, which lies within the token. */
	snprintf(body, sizeof body, "{\"a\": \"%0115d%s\"}", 0, "long-token-value and more");
	said = judge(body, "body.a == 'x'", &variables);
	assert_null(strstr(said, "long"));
	free(said);
	variables_done(&variables);
}

static void extractions_take_one_value(void **state)
{
	static const struct {
		const char *body, *extraction, *value, *error;
	} cases[] = {
		{"{\"t\": \"abc\"}", "a = body.t", "abc", NULL},
		{"{\"t\": 12}", "a = body.t", "12", NULL},
		{"{\"t\": [1, {\"b\": null}]}", "a = body.t", "[1,{\"b\":null}]", NULL},
		{"{\"t\": null}", "a = body.t", NULL, "it is null"},
		{"{}", "a = body.t", NULL, "there is nothing of that name"},
		{"[1,2]", "a = body.*", NULL, "it selects 2 values, not one"},
		{"x=5;y=6", "a = body =~ 'y=(\\d)'", "6", NULL},
		{"x=5;y=6", "a = body =~ 'y=.'", "y=6", NULL},
		{"x=5", "a = body =~ 'z'", NULL, "the regular expression matches nothing in it"},
		{"", "a = header.x-count", "12", NULL},
		{"", "a = header.x-none", NULL, "the answer has no such header"},
		{"", "a = status", "200", NULL},
		{"{\"t\": \"a\\u0000b\"}", "a = body.t", NULL, "it has a NUL byte in it"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(extraction_freep) struct extraction *extraction = NULL;
		_cleanup_error_ struct error error = ERROR_INIT;
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct response *response = new_response(cases[i].body);
		int r;

		assert_int_equal(extraction_parse(cases[i].extraction, &extraction, NULL), 0);
		r = extraction_take(extraction, response, INT64_MAX, &out, &error);
		assert_string_equal(r < 0 ? error_text(&error, r) : buf_str(&out),
			cases[i].error ? cases[i].error : cases[i].value);
		response_done(response);
		free(response);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_condition_is_refused_with_its_place),
		cmocka_unit_test(what_is_no_extraction_is_refused_with_its_place),
		cmocka_unit_test(conditions_say_what_is),
		cmocka_unit_test(what_must_not_be_seen_is_not_even_cut_in_two),
		cmocka_unit_test(extractions_take_one_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
