/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after those */
#include <cmocka.h>

static void the_right_token_fits_and_no_other(void **state)
{
	struct token token = token_make("s3cret");

	(void)state;
	assert_true(token_fits(&token, "Bearer s3cret"));
	assert_true(token_fits(&token, "bearer s3cret"));
	assert_false(token_fits(&token, NULL));
	assert_false(token_fits(&token, ""));
	assert_false(token_fits(&token, "Bearer "));
	assert_false(token_fits(&token, "Bearer s3cre"));
	assert_false(token_fits(&token, "Bearer s3cret "));
	assert_false(token_fits(&token, "s3cret"));
	assert_false(token_fits(&token, "Digest s3cret"));
}

static void a_browser_may_give_it_as_password(void **state)
{
	struct token token = token_make("s3cret");

	(void)state;
	assert_true(token_fits(&token, "Basic dXNlcjpzM2NyZXQ=")); /* user:s3cret */
	assert_true(token_fits(&token, "Basic OnMzY3JldA==")); /* :s3cret */
	assert_false(token_fits(&token, "Basic dXNlcjpzM2NyZXg=")); /* user:s3crex */
	assert_false(token_fits(&token, "Basic czNjcmV0")); /* s3cret */
	assert_false(token_fits(&token, "Basic ===="));
	assert_false(token_fits(&token, "Basic !!!!"));
	assert_false(token_fits(&token, "Basic "));
}

static void without_a_token_everybody_may(void **state)
{
	struct token token = token_make(NULL);

	(void)state;
	assert_true(token_fits(&token, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_token_fits_and_no_other),
		cmocka_unit_test(a_browser_may_give_it_as_password),
		cmocka_unit_test(without_a_token_everybody_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
