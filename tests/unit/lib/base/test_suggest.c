/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"
#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_distance_counts_the_four_kinds_of_slips(void **state _unused_)
{
	assert_int_equal(edit_distance("", "", 9), 0);
	assert_int_equal(edit_distance("timeout", "timeout", 9), 0);
	assert_int_equal(edit_distance("timeut", "timeout", 9), 1);
	assert_int_equal(edit_distance("timeoutt", "timeout", 9), 1);
	assert_int_equal(edit_distance("timeaut", "timeout", 9), 1);
	assert_int_equal(edit_distance("tiemout", "timeout", 9), 1);
	assert_int_equal(edit_distance("kitten", "sitting", 9), 3);
	assert_int_equal(edit_distance("", "abc", 9), 3);
	assert_int_equal(edit_distance("ca", "abc", 9), 3);
}

static void beyond_the_limit_it_says_limit_plus_one(void **state _unused_)
{
	char word[100];

	assert_int_equal(edit_distance("abcdef", "uvwxyz", 2), 3);
	memset(word, 'a', sizeof word);
	word[sizeof word - 1] = 0;
	assert_int_equal(edit_distance(word, "a", 2), 3);
	assert_int_equal(edit_distance("a", word, 2), 3);
}

static void the_nearest_word_is_suggested(void **state _unused_)
{
	static const char *const words[] = {"timeout", "attempts", "endpoint", "every"};

	assert_string_equal(suggest("tiemout", words, ARRAY_SIZE(words)), "timeout");
	assert_string_equal(suggest("evrey", words, ARRAY_SIZE(words)), "every");
	assert_ptr_equal(suggest("endpoints", words, ARRAY_SIZE(words)), words[2]);
}

static void what_is_too_far_away_is_not_suggested(void **state _unused_)
{
	static const char *const words[] = {"timeout", "ok"};

	assert_null(suggest("colour", words, ARRAY_SIZE(words)));
	assert_null(suggest("", words, ARRAY_SIZE(words)));
	assert_null(suggest("timeout", words, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_distance_counts_the_four_kinds_of_slips),
		cmocka_unit_test(beyond_the_limit_it_says_limit_plus_one),
		cmocka_unit_test(the_nearest_word_is_suggested),
		cmocka_unit_test(what_is_too_far_away_is_not_suggested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
