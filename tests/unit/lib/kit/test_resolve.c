/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/resolve.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

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

struct answers {
	unsigned count;
	int last;
	char text[256];
};

static void no_sockets(void *userdata, int fd, bool readable, bool writable)
{
	(void)userdata;
	(void)fd;
	(void)readable;
	(void)writable;
}

static void on_answer(
	void *userdata, int result, const struct addresses *addresses, const struct error *error)
{
	struct answers *answers = userdata;

	answers->count++;
	answers->last = result;
	if (result == 0)
		snprintf(answers->text, sizeof(answers->text), "%s",
			address_text_port((char[RESOLVE_TEXT_SIZE]){0}, &addresses->list[0]));
	else
		snprintf(answers->text, sizeof(answers->text), "%s", error_text(error, result));
}

static void many_questions_are_each_answered_once(void **state)
{
	struct resolver_hooks hooks = {.watch = no_sockets};
	struct resolve_request local = {.host = "localhost", .port = 80, .family = AF_INET};
	struct resolve_request empty = {.host = ""}, wrong = {.host = "a..b", .port = 80};
	struct resolver *resolver;
	struct answers answers = {0};

	(void)state;
	assert_int_equal(resolver_new(&hooks, &resolver, NULL), 0);
	assert_int_equal(resolver_patience(resolver, 70), 70);
	resolver_ask(resolver, &local, on_answer, &answers);
	assert_int_equal(answers.count, 1);
	assert_string_equal(answers.text, "127.0.0.1:80");
	resolver_ask(resolver, &empty, on_answer, &answers);
	assert_int_equal(answers.count, 2);
	assert_int_equal(answers.last, -EINVAL);
	assert_string_equal(answers.text, "the name of a host is empty");
	resolver_ask(resolver, &wrong, on_answer, &answers);
	assert_int_equal(answers.count, 3);
	assert_string_equal(answers.text, "a..b: not the name of a host");
	/* No name server is asked for an address: the answer is there at once. */
	local.host = "192.0.2.7";
	resolver_ask(resolver, &local, on_answer, &answers);
	assert_int_equal(answers.count, 4);
	assert_string_equal(answers.text, "192.0.2.7:80");
	local.family = AF_INET6;
	resolver_ask(resolver, &local, on_answer, &answers);
	assert_int_equal(answers.last, -ENOENT);
	assert_string_equal(answers.text, "192.0.2.7: the name has no IPv6 address");
	resolver_free(resolver);
	assert_int_equal(answers.count, 5);
}

static void a_question_under_way_is_cancelled_with_the_resolver(void **state)
{
	struct resolver_hooks hooks = {.watch = no_sockets};
	struct resolve_request request = {.host = "gavea.invalid", .port = 80, .family = AF_INET};
	struct resolver *resolver;
	struct answers answers = {0};

	(void)state;
	assert_int_equal(resolver_new(&hooks, &resolver, NULL), 0);
	resolver_ask(resolver, &request, on_answer, &answers);
	resolver_process(resolver, -1, false, false);
	resolver_free(resolver);
	assert_int_equal(answers.count, 1);
	assert_true(answers.last < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_stands_for_itself),
		cmocka_unit_test(a_name_is_found_in_the_hosts_file_each_address_once),
		cmocka_unit_test(what_is_no_name_is_refused_with_a_reason),
		cmocka_unit_test(a_deadline_that_has_passed_ends_it),
		cmocka_unit_test(it_ends_when_it_is_cancelled),
		cmocka_unit_test(many_questions_are_each_answered_once),
		cmocka_unit_test(a_question_under_way_is_cancelled_with_the_resolver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
