/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/endpoint.h"

#include "base/fd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void addresses_are_read_as_they_are_written(void **state)
{
	static const char *const forms[][2] = {
		{"127.0.0.1:9469", "127.0.0.1:9469"},
		{"[::1]:80", "[::1]:80"},
		{"0.0.0.0:0", "0.0.0.0:0"},
		{":9469", "[::]:9469"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		char text[ENDPOINT_TEXT_MAX];
		struct endpoint endpoint;

		assert_int_equal(endpoint_parse(forms[i][0], &endpoint, NULL), 0);
		endpoint_format(&endpoint, text);
		assert_string_equal(text, forms[i][1]);
		assert_int_equal(endpoint_is_local(&endpoint), i < 2);
	}
}

static void all_else_is_refused_with_examples(void **state)
{
	static const char *const wrong[] = {"", "9469", "127.0.0.1", "localhost:9469", "127.0.0.1:65536",
		"127.0.0.1:-1", "127.0.0.1:", "::1:9469x", "[::1:9469", "[]:1", "1.2.3:80", "[::1]",
		"[::g]:1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		struct endpoint endpoint;

		assert_int_equal(endpoint_parse(wrong[i], &endpoint, &error), -EINVAL);
		assert_string_equal(error_text(&error, 0),
			"listen: must be an IP address and a port, such as 127.0.0.1:9469, [::1]:9469 or "
			":9469 "
			"for all addresses");
	}
}

static void a_port_in_use_is_named_with_what_to_do(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_fd_ int first = -EBADF, second = -EBADF;
	_cleanup_buf_ struct buf expected = BUF_INIT;
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	assert_int_equal(endpoint_parse("127.0.0.1:0", &endpoint, NULL), 0);
	assert_int_equal(endpoint_listen(&endpoint, &first, NULL), 0);
	endpoint_format(&endpoint, text);
	assert_int_equal(endpoint_parse(text, &endpoint, NULL), 0);
	assert_int_equal(endpoint_listen(&endpoint, &second, &error), -EADDRINUSE);
	buf_printf(&expected,
		"listen: cannot listen on %s: Address already in use: another program has this port; ss "
		"-ltnp "
		"shows which",
		text);
	assert_string_equal(error_text(&error, 0), buf_str(&expected));
}

static void an_address_of_another_host_is_named(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct endpoint endpoint;
	int fd = -EBADF;

	(void)state;
	assert_int_equal(endpoint_parse("192.0.2.1:9469", &endpoint, NULL), 0);
	assert_int_equal(endpoint_listen(&endpoint, &fd, &error), -EADDRNOTAVAIL);
	assert_string_equal(error_text(&error, 0),
		"listen: cannot listen on 192.0.2.1:9469: Cannot assign requested address: this host does "
		"not "
		"have that address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_as_they_are_written),
		cmocka_unit_test(all_else_is_refused_with_examples),
		cmocka_unit_test(a_port_in_use_is_named_with_what_to_do),
		cmocka_unit_test(an_address_of_another_host_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
