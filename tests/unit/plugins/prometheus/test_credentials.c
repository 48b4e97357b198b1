/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/credentials.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void only_the_right_header_matches(void **state)
{
	struct credentials *credentials = NULL;

	(void)state;
	assert_int_equal(credentials_new("Aladdin", "open sesame", 11, &credentials, NULL), 0);
	assert_true(credentials_match(credentials, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
	assert_true(credentials_match(credentials, "basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
	assert_false(credentials_match(credentials, NULL));
	assert_false(credentials_match(credentials, ""));
	assert_false(credentials_match(credentials, "Basic"));
	assert_false(credentials_match(credentials, "Basic "));
	assert_false(credentials_match(credentials, "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
	assert_false(credentials_match(credentials, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZR=="));
	assert_false(credentials_match(credentials, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ="));
	assert_false(credentials_match(
		credentials, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
	credentials_free(credentials);
}

static void base64_ends_as_it_should_for_each_length(void **state)
{
	static const char *const headers[] = {"Basic YTpi", "Basic YTpiYg==", "Basic YTpiYmI="};

	(void)state;
	for (size_t size = 1; size <= 3; size++) {
		struct credentials *credentials = NULL;

		assert_int_equal(credentials_new("a", "bbb", size, &credentials, NULL), 0);
		assert_true(credentials_match(credentials, headers[size - 1]));
		credentials_free(credentials);
	}
}

static void what_can_not_be_sent_is_refused(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct credentials *credentials = NULL;

	(void)state;
	assert_int_equal(credentials_new("a:b", "c", 1, &credentials, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "user: must not have a colon");
	assert_int_equal(credentials_new("a", "", 0, &credentials, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "password: must have 1 to 1024 bytes");
	assert_null(credentials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_right_header_matches),
		cmocka_unit_test(base64_ends_as_it_should_for_each_length),
		cmocka_unit_test(what_can_not_be_sent_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
