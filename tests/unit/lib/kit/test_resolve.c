/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/resolve.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int find(const char *host, int family, struct addresses *addresses, struct error *error)
{
	struct resolve_request request = {
		.host = host,
		.port = 443,
		.family = family,
		.deadline = clock_ns(CLOCK_MONOTONIC) + 20 * NSEC_PER_SEC,
	};

	return resolve(&request, addresses, error);
}

static void an_address_stands_for_itself(void **state)
{
	struct addresses addresses;
	char text[RESOLVE_TEXT_SIZE];

	(void)state;
	assert_int_equal(find("192.0.2.1", AF_UNSPEC, &addresses, NULL), 0);
	assert_int_equal(addresses.count, 1);
	assert_string_equal(address_text(text, &addresses.list[0]), "192.0.2.1");
	assert_string_equal(address_text_port(text, &addresses.list[0]), "192.0.2.1:443");
	assert_int_equal(address_size(&addresses.list[0]), sizeof(struct sockaddr_in));
	assert_int_equal(find("2001:db8:0::1", AF_UNSPEC, &addresses, NULL), 0);
	assert_int_equal(addresses.count, 1);
	assert_string_equal(address_text(text, &addresses.list[0]), "2001:db8::1");
	assert_string_equal(address_text_port(text, &addresses.list[0]), "[2001:db8::1]:443");
	assert_int_equal(address_size(&addresses.list[0]), sizeof(struct sockaddr_in6));
}

static void a_name_is_found_in_the_hosts_file_each_address_once(void **state)
{
	struct addresses addresses;
	char text[RESOLVE_TEXT_SIZE];

	(void)state;
	assert_int_equal(find("localhost", AF_INET, &addresses, NULL), 0);
	assert_int_equal(addresses.count, 1);
	assert_string_equal(address_text(text, &addresses.list[0]), "127.0.0.1");
}

static void what_is_no_name_is_refused_with_a_reason(void **state)
{
	struct addresses addresses;
	_cleanup_error_ struct error error = ERROR_INIT;

	(void)state;
	assert_int_equal(find("", AF_UNSPEC, &addresses, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "the name of a host is empty");
	assert_int_equal(find("a..b", AF_UNSPEC, &addresses, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "a..b: not the name of a host");
}

static void a_deadline_that_has_passed_ends_it(void **state)
{
	struct addresses addresses;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct resolve_request request = {.host = "gavea.invalid", .port = 1, .deadline = 0};

	(void)state;
	assert_int_equal(resolve(&request, &addresses, &error), -ETIMEDOUT);
	assert_string_equal(error_text(&error, 0), "gavea.invalid: no name server answered in time");
}

static bool yes(void *userdata)
{
	(void)userdata;
	return true;
}

static void it_ends_when_it_is_cancelled(void **state)
{
	struct addresses addresses;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct resolve_request request = {
		.host = "gavea.invalid", .port = 1, .deadline = INT64_MAX, .cancelled = yes};

	(void)state;
	assert_int_equal(resolve(&request, &addresses, &error), -ECANCELED);
	assert_string_equal(error_text(&error, 0), "gavea.invalid: resolving was cancelled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_stands_for_itself),
		cmocka_unit_test(a_name_is_found_in_the_hosts_file_each_address_once),
		cmocka_unit_test(what_is_no_name_is_refused_with_a_reason),
		cmocka_unit_test(a_deadline_that_has_passed_ends_it),
		cmocka_unit_test(it_ends_when_it_is_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
