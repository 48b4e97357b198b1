/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/fleet/target.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_bare_server_gets_the_report_path(void **state)
{
	static const char *const cases[][2] = {
		{"https://fleet.example.com:8470", "https://fleet.example.com:8470/v1/report"},
		{"https://fleet.example.com/", "https://fleet.example.com/v1/report"},
		{"https://example.com/hook", "https://example.com/hook"},
		{"https://example.com/?key=1", "https://example.com/?key=1"},
		{"http://127.0.0.1:80", "http://127.0.0.1:80/v1/report"},
		{"http://127.9.9.9", "http://127.9.9.9/v1/report"},
		{"http://localhost:8470", "http://localhost:8470/v1/report"},
		{"http://[::1]:8470", "http://[::1]:8470/v1/report"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		_cleanup_free_ char *url = NULL;

		assert_int_equal(target_url(cases[i][0], false, &url, &error), 0);
		assert_string_equal(url, cases[i][1]);
	}
}

static void bad_urls_are_refused_with_what_to_do(void **state)
{
	static const char *const plain =
		"url: plain http is for this host only; use https:// (or, for a test, insecure = true)";
	const char *const cases[][2] = {
		{"http://fleet.example.com", plain},
		{"http://10.0.0.1", plain},
		{"http://localhost.example.com", plain},
		{"http://[::2]", plain},
		{"ftp://127.0.0.1", "url: must begin with https://"},
		{"fleet.example.com", "url: not a valid URL, such as https://fleet.example.com:8470"},
		{"", "url: not a valid URL, such as https://fleet.example.com:8470"},
		{"https://host:99999", "url: not a valid URL, such as https://fleet.example.com:8470"},
		{"https://me:pass@host", "url: must not hold a user or password: use token"},
		{"https://host/#x", "url: must not have a fragment (#...)"},
		{"https://ho st", "url: has a space or a control character"},
		{"https://host/\n", "url: has a space or a control character"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		char *url = NULL;

		assert_int_equal(target_url(cases[i][0], false, &url, &error), -EINVAL);
		assert_string_equal(error.message, cases[i][1]);
		assert_null(url);
	}
}

static void insecure_allows_plain_http(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *url = NULL;

	(void)state;
	assert_int_equal(target_url("http://fleet.example.com", true, &url, &error), 0);
	assert_string_equal(url, "http://fleet.example.com/v1/report");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_server_gets_the_report_path),
		cmocka_unit_test(bad_urls_are_refused_with_what_to_do),
		cmocka_unit_test(insecure_allows_plain_http),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
