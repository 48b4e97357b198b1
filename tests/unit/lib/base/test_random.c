/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void an_id_is_32_lower_case_hexadecimal_digits(void **state _unused_)
{
	char id[33], other[33];

	random_id(id);
	random_id(other);
	assert_int_equal(strlen(id), 32);
	assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	assert_string_not_equal(id, other);
}

static void large_requests_are_filled_to_their_ends(void **state _unused_)
{
	unsigned char bytes[1000] = {0};
	int tail = 0;

	random_bytes(bytes, sizeof bytes);
	for (size_t i = 900; i < sizeof bytes; i++)
		tail |= bytes[i];
	assert_int_not_equal(tail, 0);
	random_bytes(bytes, 0);
}

static void random_numbers_stay_below_their_limit(void **state _unused_)
{
	int seen[3] = {0};

	for (int i = 0; i < 1000; i++) {
		uint64_t value = random_below(3);

		assert_true(value < 3);
		seen[value]++;
	}
	assert_true(seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
	assert_int_equal(random_below(0), 0);
	assert_int_equal(random_below(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_32_lower_case_hexadecimal_digits),
		cmocka_unit_test(large_requests_are_filled_to_their_ends),
		cmocka_unit_test(random_numbers_stay_below_their_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
