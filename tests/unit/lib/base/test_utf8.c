/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The encoding of RFC 3629 section 3, written down once more, for every code point. */
static size_t encode(uint32_t c, char out[static 4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static void every_code_point_is_valid_but_the_surrogates(void **state _unused_)
{
	char text[4] = "";

	for (uint32_t c = 0; c < 0x110000; c++) {
		size_t size = encode(c, text);

		if (c >= 0xd800 && c <= 0xdfff)
			assert_int_equal(utf8_sequence(text, size), 0);
		else
			assert_int_equal(utf8_sequence(text, size), size);
		if (size > 1)
			assert_int_equal(utf8_sequence(text, size - 1), 0);
	}
	for (uint32_t c = 0x110000; c < 0x200000; c += 0xfff)
		assert_int_equal(utf8_sequence(text, encode(c, text)), 0);
}

static void overlong_stray_and_cut_sequences_are_not_valid(void **state _unused_)
{
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80", "\xff", "\xc3",
		"\xe2\x82", "\xf0\x9f\x9b", "\xe2\x28\xa1", "\xe2\x82\x28", "ok\xed\xa0\x80", "a\xfe"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("Gávea ✓ 🛰", strlen("Gávea ✓ 🛰")));
	assert_true(utf8_valid("a\0b", 3));
}

static void repair_replaces_each_bad_byte_and_nothing_else(void **state _unused_)
{
	char text[] = "á\xff✓\xe2\x82z\xc0";

	utf8_repair(text, strlen(text));
	assert_string_equal(text, "á?✓??z?");
	utf8_repair(text, 0);
}

static void a_cut_never_splits_a_character(void **state _unused_)
{
	const char *text = "aá✓🛰";
	static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};

	for (size_t limit = 0; limit < ARRAY_SIZE(cuts); limit++)
		assert_int_equal(utf8_cut(text, strlen(text), limit), cuts[limit]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_is_valid_but_the_surrogates),
		cmocka_unit_test(overlong_stray_and_cut_sequences_are_not_valid),
		cmocka_unit_test(repair_replaces_each_bad_byte_and_nothing_else),
		cmocka_unit_test(a_cut_never_splits_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
