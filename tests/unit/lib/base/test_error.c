/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void setting_returns_the_code_and_keeps_the_message(void **state _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	assert_int_equal(error_set(&error, -EINVAL, "%s is %d", "port", 70000), -EINVAL);
	assert_string_equal(error.message, "port is 70000");
	assert_null(error.where);
}

static void a_later_message_replaces_the_earlier_one(void **state _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	error_set_at(&error, -EINVAL, "a.conf", 3, "first");
	error_set_at(&error, -ENOENT, "b.conf", 0, "second");
	assert_string_equal(error.message, "second");
	assert_string_equal(error.where, "b.conf");
}

static void a_message_may_contain_the_one_it_replaces(void **state _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	error_set(&error, -EIO, "disk full");
	error_set(&error, -EIO, "cannot write: %s", error.message);
	assert_string_equal(error.message, "cannot write: disk full");
}

static void a_place_is_file_and_line(void **state _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	error_set_at(&error, -EINVAL, "/etc/gavea/gavea.conf", 12, "no such option");
	assert_string_equal(error.where, "/etc/gavea/gavea.conf:12");
	error_set_at(&error, -EINVAL, NULL, 12, "nowhere");
	assert_null(error.where);
}

static void a_prefix_goes_before_the_message(void **state _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	error_prefix(&error, "nothing to put it before");
	assert_null(error.message);
	error_set(&error, -EINVAL, "too long");
	error_prefix(&error, "check %s", "cert/www");
	assert_string_equal(error.message, "check cert/www: too long");
}

static void without_a_message_the_code_speaks(void **state _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	assert_string_equal(error_text(&error, -ENOENT), "No such file or directory");
	assert_string_equal(error_text(NULL, ENOENT), "No such file or directory");
	error_set(&error, -ENOENT, "no plugin of that name");
	assert_string_equal(error_text(&error, -ENOENT), "no plugin of that name");
}

static void no_error_to_fill_is_fine(void **state _unused_)
{
	assert_int_equal(error_set(NULL, -EPERM, "%s", "x"), -EPERM);
	assert_int_equal(error_set_at(NULL, -EPERM, "f", 1, "%s", "x"), -EPERM);
	error_prefix(NULL, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_returns_the_code_and_keeps_the_message),
		cmocka_unit_test(a_later_message_replaces_the_earlier_one),
		cmocka_unit_test(a_message_may_contain_the_one_it_replaces),
		cmocka_unit_test(a_place_is_file_and_line),
		cmocka_unit_test(a_prefix_goes_before_the_message),
		cmocka_unit_test(without_a_message_the_code_speaks),
		cmocka_unit_test(no_error_to_fill_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
