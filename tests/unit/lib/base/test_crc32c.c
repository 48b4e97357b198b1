/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"
#include "base/random.h"
#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* RFC 3720, appendix B.4. It prints the CRC's bytes in the order of transmission, lowest first. */
static void the_examples_of_rfc_3720_hold(void **state _unused_)
{
	uint8_t zeroes[32] = {0}, ones[32], rising[32], falling[32];
	static const uint8_t read_pdu[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0,
		0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02};

	for (size_t i = 0; i < 32; i++) {
		ones[i] = 0xff;
		rising[i] = (uint8_t)i;
		falling[i] = (uint8_t)(31 - i);
	}
	assert_int_equal(crc32c(0, zeroes, sizeof zeroes), 0x8a9136aau);
	assert_int_equal(crc32c(0, ones, sizeof ones), 0x62a8ab43u);
	assert_int_equal(crc32c(0, rising, sizeof rising), 0x46dd794eu);
	assert_int_equal(crc32c(0, falling, sizeof falling), 0x113fdb5cu);
	assert_int_equal(crc32c(0, read_pdu, sizeof read_pdu), 0xd9963a56u);
}

static void the_check_value_of_the_catalogue_holds(void **state _unused_)
{
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
	assert_int_equal(crc32c_portable(0, "123456789", 9), 0xe3069283u);
}

static void nothing_changes_nothing(void **state _unused_)
{
	assert_int_equal(crc32c(0, "", 0), 0);
	assert_int_equal(crc32c(0xe3069283u, "", 0), 0xe3069283u);
}

static void both_forms_agree_at_every_size_and_alignment(void **state _unused_)
{
	uint8_t bytes[300];

	random_bytes(bytes, sizeof bytes);
	for (size_t start = 0; start < 9; start++)
		for (size_t size = 0; start + size <= sizeof bytes; size += 7)
			assert_int_equal(
				crc32c(7, bytes + start, size), crc32c_portable(7, bytes + start, size));
}

static void it_may_be_taken_in_parts(void **state _unused_)
{
	uint8_t bytes[64];

	random_bytes(bytes, sizeof bytes);
	for (size_t cut = 0; cut <= sizeof bytes; cut++)
		assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, sizeof bytes - cut),
			crc32c(0, bytes, sizeof bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_rfc_3720_hold),
		cmocka_unit_test(the_check_value_of_the_catalogue_holds),
		cmocka_unit_test(nothing_changes_nothing),
		cmocka_unit_test(both_forms_agree_at_every_size_and_alignment),
		cmocka_unit_test(it_may_be_taken_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
