/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after those */
#include <cmocka.h>

static void a_token_is_known_by_its_form_and_hashed_without_the_fingerprint(void **state)
{
	_cleanup_secret_ struct buf with = BUF_INIT;
	uint8_t whole[SECRET_HASH_SIZE], part[SECRET_HASH_SIZE];

	(void)state;
	secret_make("enroll", "abcdef", &with);
	assert_non_null(startswith(buf_str(&with), "gavea_enroll_"));
	assert_string_equal(strchr(buf_str(&with), '.'), ".abcdef");
	assert_true(secret_hash(buf_str(&with), whole));
	*strchr(with.data, '.') = 0;
	assert_true(secret_hash(buf_str(&with), part));
	assert_memory_equal(whole, part, sizeof whole);
}

static void two_tokens_differ(void **state)
{
	_cleanup_secret_ struct buf a = BUF_INIT, b = BUF_INIT;

	(void)state;
	secret_make("api", NULL, &a);
	secret_make("api", NULL, &b);
	assert_string_not_equal(buf_str(&a), buf_str(&b));
	assert_int_equal(a.size, strlen("gavea_api_") + 72);
}

static void every_wrong_digit_is_noticed(void **state)
{
	_cleanup_secret_ struct buf token = BUF_INIT;
	uint8_t hash[SECRET_HASH_SIZE];

	(void)state;
	secret_make("api", NULL, &token);
	for (size_t i = 0; i < token.size; i++) {
		char before = token.data[i];

		token.data[i] = before == '0' ? '1' : '0';
		assert_false(secret_hash(buf_str(&token), hash));
		token.data[i] = before;
	}
	assert_true(secret_hash(buf_str(&token), hash));
}

static void what_is_no_token_is_none(void **state)
{
	static const char *const texts[] = {"", "gavea_", "gavea_api_", "gavea_enroll_.", "gavea_api_00",
		"s3cret",
		"gavea_other_0000000000000000000000000000000000000000000000000000000000000000000000000000"};
	uint8_t hash[SECRET_HASH_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_false(secret_hash(texts[i], hash));
}

static void assert_header(const char *header, const char *expected)
{
	_cleanup_secret_ struct buf text = BUF_INIT;

	assert_int_equal(secret_from_header(header, &text), expected != NULL);
	if (expected)
		assert_string_equal(buf_str(&text), expected);
}

static void it_comes_as_bearer_or_as_password(void **state)
{
	(void)state;
	assert_header("Bearer abc", "abc");
	assert_header("bearer abc", "abc");
	assert_header("Basic dXNlcjpzM2NyZXQ=", "s3cret");
	assert_header("Basic OnMzY3JldA==", "s3cret");
	assert_header(NULL, NULL);
	assert_header("", NULL);
	assert_header("Digest abc", NULL);
	assert_header("Basic dXNlcg==", NULL); /* no colon */
	assert_header("Basic !!!!", NULL);
	assert_header("Basic OgBh", NULL); /* a NUL in it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_known_by_its_form_and_hashed_without_the_fingerprint),
		cmocka_unit_test(two_tokens_differ),
		cmocka_unit_test(every_wrong_digit_is_noticed),
		cmocka_unit_test(what_is_no_token_is_none),
		cmocka_unit_test(it_comes_as_bearer_or_as_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
