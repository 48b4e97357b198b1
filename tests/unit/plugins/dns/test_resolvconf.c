/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.conf as it is found in the wild. */
#include "plugins/dns/resolvconf.h"

#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void refuse(const char *text, int code, const char *message)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct resolvconf conf;

	assert_int_equal(resolvconf_parse(text, &conf, &error), code);
	assert_string_equal(error.message, message);
}

static void every_server_is_taken_once(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct resolvconf conf;

	(void)state;
	assert_int_equal(
		resolvconf_parse(
			"# nameserver 192.0.2.9\n; another\nsearch example\n"
			"nameserver\t192.0.2.1 # first\nnameserver 2001:db8::1\r\nnameserver fe80::1%eth0\n"
			"nameservers 192.0.2.8\nnameserver 192.0.2.1\nnameserver 192.0.2.4",
			&conf, &error),
		0);
	assert_int_equal(conf.count, 4);
	assert_string_equal(conf.servers[0], "192.0.2.1");
	assert_string_equal(conf.servers[1], "2001:db8::1");
	assert_string_equal(conf.servers[2], "fe80::1%eth0");
	assert_string_equal(conf.servers[3], "192.0.2.4");
}

static void no_server_is_an_error(void **state)
{
	(void)state;
	refuse("", -ENOENT, "no name server is listed");
	refuse("search example\n", -ENOENT, "no name server is listed");
}

static void what_is_no_address_is_an_error_with_its_line(void **state)
{
	(void)state;
	refuse("\nnameserver dns.example\n", -EINVAL, "line 2: a name server is not an IP address");
	refuse("nameserver \n", -EINVAL, "line 1: the address of a name server is missing or too long");
}

static void too_many_servers_are_an_error(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)state;
	for (int i = 1; i <= 17; i++)
		buf_printf(&text, "nameserver 192.0.2.%d\n", i);
	refuse(buf_str(&text), -EINVAL, "line 17: more than 16 name servers");
}

static void a_file_that_is_missing_is_named(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct resolvconf conf;

	(void)state;
	assert_int_equal(resolvconf_read("/nonexistent/resolv.conf", &conf, &error), -ENOENT);
	assert_string_equal(error.message, "/nonexistent/resolv.conf: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_server_is_taken_once),
		cmocka_unit_test(no_server_is_an_error),
		cmocka_unit_test(what_is_no_address_is_an_error_with_its_line),
		cmocka_unit_test(too_many_servers_are_an_error),
		cmocka_unit_test(a_file_that_is_missing_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
