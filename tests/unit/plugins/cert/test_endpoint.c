/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/cert/endpoint.h"
#include "plugins/cert/threshold.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_endpoint(const char *text, const char *host, const char *label, enum starttls starttls)
{
	struct endpoint endpoint;

	assert_int_equal(endpoint_parse("endpoint", text, STARTTLS_NONE, &endpoint, NULL), 0);
	assert_string_equal(endpoint.host, host);
	assert_string_equal(endpoint.label, label);
	assert_int_equal(endpoint.starttls, starttls);
	endpoint_done(&endpoint);
}

static void assert_refused(const char *text, const char *message)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct endpoint endpoint;

	assert_int_equal(endpoint_parse("endpoint", text, STARTTLS_NONE, &endpoint, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), message);
}

static void a_host_has_a_port_of_its_own_or_that_of_its_protocol(void **state)
{
	(void)state;
	assert_endpoint("www.example.com:443", "www.example.com", "www.example.com:443", STARTTLS_NONE);
	assert_endpoint("www.example.com.:443", "www.example.com", "www.example.com:443", STARTTLS_NONE);
	assert_endpoint("https://www.example.com", "www.example.com", "www.example.com:443", STARTTLS_NONE);
	assert_endpoint("smtp://mx.example.com", "mx.example.com", "mx.example.com:25", STARTTLS_SMTP);
	assert_endpoint("smtp://mx.example.com:587", "mx.example.com", "mx.example.com:587", STARTTLS_SMTP);
	assert_endpoint("[2001:db8::1]:443", "2001:db8::1", "[2001:db8::1]:443", STARTTLS_NONE);
	assert_endpoint("postgres://2001:db8::1", "2001:db8::1", "[2001:db8::1]:5432", STARTTLS_POSTGRES);
}

static void what_is_no_endpoint_is_refused_with_a_reason(void **state)
{
	(void)state;
	assert_refused("", "endpoint: \"\" has no host");
	assert_refused(":443", "endpoint: \":443\" has no host");
	assert_refused("www", "endpoint: \"www\" has no port: write HOST:PORT");
	assert_refused("www:0", "endpoint: \"www:0\": the port must be 1 to 65535");
	assert_refused("www:65536", "endpoint: \"www:65536\": the port must be 1 to 65535");
	assert_refused("www:http", "endpoint: \"www:http\": the port must be 1 to 65535");
	assert_refused("a:b:c", "endpoint: \"a:b:c\" is not HOST:PORT");
	assert_refused("[::1", "endpoint: \"[::1\" is not HOST:PORT");
	assert_refused("[::1]443", "endpoint: \"[::1]443\" is not HOST:PORT");
	assert_refused("[www:1]:443", "endpoint: \"[www:1]:443\" is not HOST:PORT");
	assert_refused("w w:1", "endpoint: \"w w:1\" is not HOST:PORT");
	assert_refused("b\xc3\xbc"
		       "cher.example:443",
		"endpoint: \"b\xc3\xbc"
		"cher.example:443\": write the name in its ASCII form (xn--...)");
	assert_refused("gopher://www",
		"endpoint: \"gopher://www\": no such protocol; there are https, tls, smtp, imap, pop3, ftp, "
		"ldap, postgres, "
		"mysql, xmpp, xmpp-server, sieve");
}

static void a_threshold_is_a_time_a_part_or_the_smaller_of_both(void **state)
{
	struct threshold threshold;

	(void)state;
	assert_int_equal(threshold_seconds(&threshold_warning_default, 90 * 86400), 30 * 86400);
	assert_int_equal(threshold_seconds(&threshold_warning_default, 6 * 86400), 2 * 86400);
	assert_int_equal(threshold_seconds(&threshold_critical_default, 398 * 86400), 7 * 86400);
	assert_int_equal(threshold_seconds(&threshold_critical_default, -1), 0);
	assert_int_equal(threshold_parse("warning", "21d", &threshold_warning_default, &threshold, NULL), 0);
	assert_int_equal(threshold_seconds(&threshold, 6 * 86400), 21 * 86400);
	assert_int_equal(threshold_parse("warning", "50%", &threshold_warning_default, &threshold, NULL), 0);
	assert_int_equal(threshold_seconds(&threshold, 100), 50);
}

static void what_is_no_threshold_is_refused_with_a_reason(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct threshold threshold;

	(void)state;
	assert_int_equal(threshold_parse("critical", "101%", &threshold_critical_default, &threshold, &error),
		-EINVAL);
	assert_string_equal(error_text(&error, 0), "critical: must be 0% to 100%");
	assert_int_equal(
		threshold_parse("critical", "30", &threshold_critical_default, &threshold, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0),
		"critical: \"30\" is neither a time such as \"30d\" nor a part of the lifetime such as "
		"\"33%\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_has_a_port_of_its_own_or_that_of_its_protocol),
		cmocka_unit_test(what_is_no_endpoint_is_refused_with_a_reason),
		cmocka_unit_test(a_threshold_is_a_time_a_part_or_the_smaller_of_both),
		cmocka_unit_test(what_is_no_threshold_is_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
