/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/cert/weak.h"

#include <openssl/bn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The product of the next primes above start and start + gap. */
static BIGNUM *product(const char *start, const char *gap)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *one = NULL, *other = NULL, *distance = NULL, *both = BN_new();

	BN_hex2bn(&one, start);
	BN_hex2bn(&other, start);
	BN_hex2bn(&distance, gap);
	BN_add(other, other, distance);
	for (BIGNUM **at = (BIGNUM *[]){one, other, NULL}; *at; at++)
		while (BN_check_prime(*at, ctx, NULL) != 1)
			BN_add_word(*at, 2);
	BN_mul(both, one, other, ctx);
	BN_free(one);
	BN_free(other);
	BN_free(distance);
	BN_CTX_free(ctx);
	return both;
}

static void primes_that_are_close_are_found(void **state)
{
	BIGNUM *close =
		product("f0000000000000000000000000000000000000000000000000000000000000000000000000000001",
			"10000000");
	BIGNUM *apart =
		product("8000000000000000000000000000000000000000000000000000000000000000000000000000001",
			"7000000000000000000000000000000000000000000000000000000000000000000000000000000");

	(void)state;
	assert_true(weak_has_close_primes(close));
	assert_false(weak_has_close_primes(apart));
	BN_free(close);
	BN_free(apart);
}

static void moduli_of_the_infineon_kind_are_found(void **state)
{
	/* 65537 to any power is of that kind, whatever the prime. */
	BIGNUM *marked = NULL, *plain = NULL;

	(void)state;
	BN_dec2bn(&marked, "65537");
	for (int i = 0; i < 5; i++) {
		BN_CTX *ctx = BN_CTX_new();

		BN_sqr(marked, marked, ctx);
		BN_CTX_free(ctx);
	}
	BN_dec2bn(&plain, "340282366920938463463374607431768211507");
	assert_true(weak_is_roca(marked));
	assert_false(weak_is_roca(plain));
	BN_free(marked);
	BN_free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(primes_that_are_close_are_found),
		cmocka_unit_test(moduli_of_the_infineon_kind_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
