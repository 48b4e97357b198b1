/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/credential.h"
#include "kit/enroll_answer.h"
#include "tests/support/identity_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
/* after those */
#include <cmocka.h>

#define AGENT "0123456789abcdef0123456789abcdef"
#define MACHINE "fedcba9876543210fedcba9876543210"

static void add_certificate(const char *key_pem, const char *names, const char *constraints, struct buf *out)
{
	identity_file_add(key_pem, names, constraints, 1000000, 2000000, out);
}

static void an_identity_says_whose_it_is_and_until_when(void **state)
{
	_cleanup_wipe_ struct buf pem = BUF_INIT;
	struct own_credential credential;

	(void)state;
	assert_int_equal(credential_make_key(&pem), 0);
	add_certificate(
		buf_str(&pem), "URI:gavea://agent/" AGENT ",URI:gavea://machine/" MACHINE, "CA:FALSE", &pem);
	assert_int_equal(credential_read(buf_str(&pem), &credential, NULL), 0);
	assert_string_equal(credential.agent_id, AGENT);
	assert_string_equal(credential.machine_id, MACHINE);
	assert_int_equal(credential.not_before_ms, 1000000000);
	assert_int_equal(credential.not_after_ms, 2000000000);
	assert_false(credential.pinned);
}

static void the_authority_behind_it_is_found_by_what_it_may(void **state)
{
	_cleanup_wipe_ struct buf pem = BUF_INIT, other = BUF_INIT;
	_cleanup_buf_ struct buf authority = BUF_INIT, found = BUF_INIT;
	struct own_credential credential;

	(void)state;
	assert_int_equal(credential_make_key(&other), 0);
	add_certificate(buf_str(&other), "DNS:x", "CA:TRUE", &authority);
	assert_int_equal(credential_make_key(&pem), 0);
	add_certificate(
		buf_str(&pem), "URI:gavea://agent/" AGENT ",URI:gavea://machine/" MACHINE, "CA:FALSE", &pem);
	buf_add(&pem, authority.data, authority.size);
	assert_int_equal(credential_read(buf_str(&pem), &credential, NULL), 0);
	assert_true(credential.pinned);
	credential_add_authority(buf_str(&pem), &found);
	assert_string_equal(buf_str(&found), buf_str(&authority));
}

static void a_key_beside_another_one_s_certificate_is_no_identity(void **state)
{
	_cleanup_wipe_ struct buf pem = BUF_INIT, other = BUF_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct own_credential credential;

	(void)state;
	assert_int_equal(credential_make_key(&pem), 0);
	assert_int_equal(credential_make_key(&other), 0);
	add_certificate(buf_str(&other), "URI:gavea://agent/" AGENT ",URI:gavea://machine/" MACHINE,
		"CA:FALSE", &pem);
	assert_int_equal(credential_read(buf_str(&pem), &credential, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "there is no private key with its certificate in it");
	assert_int_equal(credential_read("", &credential, NULL), -EINVAL);
}

static void a_certificate_without_an_agent_s_address_is_no_identity(void **state)
{
	static const char *const names[] = {"DNS:x", "URI:gavea://agent/" AGENT,
		"URI:gavea://agent/" AGENT "0,URI:gavea://machine/" MACHINE,
		"URI:gavea://agent/0123456789ABCDEF0123456789abcdef,URI:gavea://machine/" MACHINE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_wipe_ struct buf pem = BUF_INIT;
		_cleanup_error_ struct error error = ERROR_INIT;
		struct own_credential credential;

		assert_int_equal(credential_make_key(&pem), 0);
		add_certificate(buf_str(&pem), names[i], "CA:FALSE", &pem);
		assert_int_equal(credential_read(buf_str(&pem), &credential, &error), -EINVAL);
		assert_string_equal(error_text(&error, 0), "the certificate in it is not that of an agent");
	}
}

static void a_request_needs_a_key(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf csr = BUF_INIT;

	(void)state;
	assert_int_equal(credential_make_request("junk", "x", &csr, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "there is no private key in PEM");
}

static void assert_answer(const char *text, int expected)
{
	_cleanup_(enroll_answer_done) struct enroll_answer answer = ENROLL_ANSWER_INIT;

	assert_int_equal(enroll_answer_parse(text, strlen(text), &answer), expected);
}

static void an_answer_has_all_of_its_parts_or_is_none(void **state)
{
	(void)state;
	assert_answer("{\"certificate\":\"a\",\"ca\":\"b\",\"server_time_ms\":1}", 0);
	assert_answer("{\"certificate\":\"a\",\"ca\":\"b\",\"server_time_ms\":\"1\"}", -EBADMSG);
	assert_answer("{\"certificate\":\"a\",\"server_time_ms\":1}", -EBADMSG);
	assert_answer("{\"certificate\":null,\"ca\":\"b\",\"server_time_ms\":1}", -EBADMSG);
	assert_answer("[]", -EBADMSG);
	assert_answer("", -EBADMSG);
}

static void assert_refusal(const char *body, const char *text, const char *code)
{
	_cleanup_buf_ struct buf shown = BUF_INIT;
	char word[48];

	enroll_refusal_parse(body, strlen(body), &shown, word, sizeof word);
	assert_string_equal(buf_str(&shown), text);
	assert_string_equal(word, code);
}

static void a_refusal_is_shown_with_what_to_do(void **state)
{
	(void)state;
	assert_refusal("{\"error\":\"it was used\",\"code\":\"token-used\"}",
		"it was used; make a new one on the server: gavea-fleetd token create --role enroll",
		"token-used");
	assert_refusal("{\"error\":\"a\\nb\",\"code\":\"X\"}", "a b", "");
	assert_refusal("{\"error\":7}", "", "");
	assert_refusal("<html>", "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_identity_says_whose_it_is_and_until_when),
		cmocka_unit_test(the_authority_behind_it_is_found_by_what_it_may),
		cmocka_unit_test(a_key_beside_another_one_s_certificate_is_no_identity),
		cmocka_unit_test(a_certificate_without_an_agent_s_address_is_no_identity),
		cmocka_unit_test(a_request_needs_a_key),
		cmocka_unit_test(an_answer_has_all_of_its_parts_or_is_none),
		cmocka_unit_test(a_refusal_is_shown_with_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
