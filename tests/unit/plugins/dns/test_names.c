/* SPDX-License-Identifier: Apache-2.0 */
/* Names of domains, of servers, and trust anchors, as people write them. */
#include "plugins/dns/anchor.h"
#include "plugins/dns/dname.h"
#include "plugins/dns/endpoint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DS "example. IN DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766"

static void assert_name(const char *text, bool reverse, const char *wanted)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_dname_ ldns_rdf *name = NULL;
	char buffer[DNAME_TEXT_SIZE];

	assert_int_equal(dname_parse(text, reverse, &name, &error), 0);
	assert_string_equal(dname_text(name, buffer), wanted);
}

static void refuse_name(const char *text, const char *message)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	ldns_rdf *name;

	assert_int_equal(dname_parse(text, false, &name, &error), -EINVAL);
	assert_string_equal(error.message, message);
}

static void names_of_domains_are_read(void **state)
{
	(void)state;
	assert_name("www.example.com", false, "www.example.com");
	assert_name("www.example.com.", false, "www.example.com");
	assert_name(".", false, ".");
	assert_name("192.0.2.1", true, "1.2.0.192.in-addr.arpa");
	assert_name("2001:db8::1", true,
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	assert_name("192.0.2.1", false, "192.0.2.1");
}

static void names_that_are_none_are_refused(void **state)
{
	(void)state;
	refuse_name("", "\"\" is not the name of a domain");
	refuse_name("a..b", "\"a..b\" is not the name of a domain");
	refuse_name("bücher.example",
		"a name has characters other than printable ASCII; write an international name as xn--…");
}

static void assert_server(const char *text, const char *host, uint16_t port)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *got = NULL;
	uint16_t got_port;

	assert_int_equal(endpoint_parse(text, 53, &got, &got_port, &error), 0);
	assert_string_equal(got, host);
	assert_int_equal(got_port, port);
}

static void refuse_server(const char *text, const char *message)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	char *host;
	uint16_t port;

	assert_int_equal(endpoint_parse(text, 53, &host, &port, &error), -EINVAL);
	assert_string_equal(error.message, message);
}

static void servers_are_split_into_host_and_port(void **state)
{
	(void)state;
	assert_server("192.0.2.1", "192.0.2.1", 53);
	assert_server("192.0.2.1:5353", "192.0.2.1", 5353);
	assert_server("2001:db8::1", "2001:db8::1", 53);
	assert_server("[2001:db8::1]:5353", "2001:db8::1", 5353);
	assert_server("[2001:db8::1]", "2001:db8::1", 53);
	assert_server("ns.example.com:5353", "ns.example.com", 5353);
}

static void servers_that_are_none_are_refused(void **state)
{
	(void)state;
	refuse_server("", "\"\" is not a server: want ADDRESS, NAME, ADDRESS:PORT or [IPV6]:PORT");
	refuse_server("[2001:db8::1",
		"\"[2001:db8::1\" is not a server: want ADDRESS, NAME, ADDRESS:PORT or [IPV6]:PORT");
	refuse_server("192.0.2.1:0", "\"192.0.2.1:0\": the port is not a number from 1 to 65535");
	refuse_server("192.0.2.1:dns", "\"192.0.2.1:dns\": the port is not a number from 1 to 65535");
	refuse_server("a b", "\"a b\": neither an address nor the name of a host");
	refuse_server("1:2:3", "\"1:2:3\": neither an address nor the name of a host");
}

static void an_address_is_kept_once_and_bounded(void **state)
{
	struct endpoints endpoints = ENDPOINTS_INIT;
	union address address;

	(void)state;
	for (unsigned i = 0; i < 2 * (ENDPOINTS_MAX + 3); i++) {
		char host[32];

		snprintf(host, sizeof(host), "192.0.2.%u", i / 2);
		assert_true(endpoint_address(host, 53, &address));
		assert_int_equal(endpoints_add(&endpoints, GROUP_SERVER, &address, "ns.example"), 0);
	}
	assert_int_equal(endpoints.count, ENDPOINTS_MAX);
	assert_true(endpoints.left_out > 0);
	assert_string_equal(endpoints.list[1].label, "ns.example/192.0.2.1");
	endpoints_done(&endpoints);
}

static void free_all(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
}

static void anchors_are_taken_from_text_with_comments(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	char *list[2];
	size_t count = 0;

	(void)state;
	assert_int_equal(
		anchor_parse("; comment\n\n" DS " ; the key\n", "x.key", list, 2, &count, &error), 0);
	assert_int_equal(count, 1);
	assert_int_equal(anchor_add(DS, list, 2, &count, &error), 0);
	assert_int_equal(anchor_add(DS, list, 2, &count, &error), -E2BIG);
	assert_string_equal(error.message, "more than 2 trust anchors");
	free_all(list, count);
}

static void anchors_that_are_none_are_refused(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	char *list[2];
	size_t count = 0;

	(void)state;
	assert_int_equal(anchor_parse("; none\n", "x.key", list, 2, &count, &error), -ENOENT);
	assert_string_equal(error.message, "x.key: has no trust anchor");
	assert_int_equal(anchor_parse("\nexample. A 192.0.2.1\n", "x.key", list, 2, &count, &error), -EINVAL);
	assert_string_equal(
		error.message, "x.key:2: \"example. A 192.0.2.1\" is neither a DS nor a DNSKEY record");
	assert_int_equal(anchor_add("/nonexistent", list, 2, &count, &error), -ENOENT);
	assert_string_equal(error.message,
		"/nonexistent: No such file or directory (the root's is in the package dns-root-data)");
	free_all(list, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_domains_are_read),
		cmocka_unit_test(names_that_are_none_are_refused),
		cmocka_unit_test(servers_are_split_into_host_and_port),
		cmocka_unit_test(servers_that_are_none_are_refused),
		cmocka_unit_test(an_address_is_kept_once_and_bounded),
		cmocka_unit_test(anchors_are_taken_from_text_with_comments),
		cmocka_unit_test(anchors_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
