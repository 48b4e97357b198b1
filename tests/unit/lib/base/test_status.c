/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"
#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names_read_back(void **state _unused_)
{
	for (int status = GAVEA_OK; status <= GAVEA_UNKNOWN; status++)
		assert_int_equal(status_from_name(status_name((enum gavea_status)status)), status);
	assert_int_equal(status_from_name("OK"), -EINVAL);
	assert_int_equal(status_from_name(""), -EINVAL);
}

static void the_order_is_ok_warning_unknown_critical(void **state _unused_)
{
	static const enum gavea_status order[] = {GAVEA_OK, GAVEA_WARNING, GAVEA_UNKNOWN, GAVEA_CRITICAL};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		for (size_t j = 0; j < ARRAY_SIZE(order); j++) {
			assert_int_equal(status_severity((int)order[i]), (int)i);
			assert_int_equal(status_worst(order[i], order[j]), order[MAX(i, j)]);
		}
}

static void what_is_no_status_counts_as_unknown(void **state _unused_)
{
	assert_string_equal(status_name((enum gavea_status)99), "unknown");
	assert_string_equal(status_name((enum gavea_status) - 1), "unknown");
	assert_int_equal(status_severity(99), status_severity(GAVEA_UNKNOWN));
	assert_int_equal(status_severity(-1), status_severity(GAVEA_UNKNOWN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_read_back),
		cmocka_unit_test(the_order_is_ok_warning_unknown_critical),
		cmocka_unit_test(what_is_no_status_counts_as_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
