/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "core/worker/series.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int setup(void **state)
{
	*state = series_registry_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	series_registry_free(*state);
	return 0;
}

static int declare(void **state, uint32_t check, const char *name, const struct gavea_pair *labels,
	size_t count, bool *ret_to_send)
{
	return series_declare(*state, check, name, GAVEA_GAUGE, "", NULL, labels, count, ret_to_send);
}

static void the_same_name_and_labels_have_the_same_number(void **state)
{
	struct gavea_pair one[] = {{"a", "1"}, {"b", "2"}}, turned[] = {{"b", "2"}, {"a", "1"}};
	struct gavea_pair other[] = {{"a", "1"}, {"b", "3"}};
	bool to_send = false;

	assert_int_equal(declare(state, 1, "x", one, 2, &to_send), 1);
	assert_true(to_send);
	assert_int_equal(declare(state, 1, "x", turned, 2, &to_send), 1);
	assert_false(to_send);
	assert_int_equal(declare(state, 1, "x", other, 2, &to_send), 2);
	assert_int_equal(declare(state, 1, "x", one, 1, &to_send), 3);
	assert_int_equal(declare(state, 1, "y", one, 2, &to_send), 4);
	assert_int_equal(declare(state, 1, "x", NULL, 0, &to_send), 5);
	assert_int_equal(series_count(*state), 5);
	assert_string_equal(series_get(*state, 1)->labels[1]->value, "2");
	assert_null(series_get(*state, 6));
	assert_null(series_get(*state, 0));
}

static void a_declaration_is_sent_until_it_has_been(void **state)
{
	bool to_send;

	declare(state, 1, "x", NULL, 0, &to_send);
	series_forget(*state, 1);
	declare(state, 1, "x", NULL, 0, &to_send);
	assert_true(to_send);
	series_sent(*state, 1);
	declare(state, 1, "x", NULL, 0, &to_send);
	assert_false(to_send);
	series_forget(*state, 1);
	declare(state, 1, "x", NULL, 0, &to_send);
	assert_false(to_send);
}

static void each_check_has_series_of_its_own(void **state)
{
	bool to_send;

	assert_int_equal(declare(state, 1, "x", NULL, 0, &to_send), 1);
	assert_int_equal(declare(state, 2, "x", NULL, 0, &to_send), 2);
	assert_true(to_send);
	assert_int_equal(series_get(*state, 2)->check, 2);
}

static void one_that_was_to_be_sent_by_a_closed_check_is_asked_for_again(void **state)
{
	bool to_send;

	declare(state, 1, "x", NULL, 0, &to_send);
	series_forget(*state, 1);
	declare(state, 1, "x", NULL, 0, &to_send);
	assert_true(to_send);
}

static void names_and_labels_are_those_of_prometheus(void **state)
{
	static const char *const bad[] = {"", "1x", "x-y", "x y", "\xc3\xa9", NULL};
	struct gavea_pair reserved = {"__name__", "x"}, twice[] = {{"a", "1"}, {"a", "1"}},
			  colon = {"a:b", "1"};
	struct gavea_pair empty = {"a", NULL};
	char longest[202];
	bool to_send;

	for (size_t i = 0; bad[i]; i++)
		assert_int_equal(declare(state, 1, bad[i], NULL, 0, &to_send), -EINVAL);
	assert_int_equal(declare(state, 1, NULL, NULL, 0, &to_send), -EINVAL);
	assert_int_equal(declare(state, 1, "x", &reserved, 1, &to_send), -EINVAL);
	assert_int_equal(declare(state, 1, "x", twice, 2, &to_send), -EINVAL);
	assert_int_equal(declare(state, 1, "x", &colon, 1, &to_send), -EINVAL);
	assert_int_equal(series_declare(*state, 1, "x", 4, "", "", NULL, 0, &to_send), -EINVAL);
	memset(longest, 'x', 201);
	longest[201] = 0;
	assert_int_equal(declare(state, 1, longest, NULL, 0, &to_send), -EINVAL);
	assert_int_equal(declare(state, 1, longest + 1, NULL, 0, &to_send), 1);
	assert_int_equal(declare(state, 1, "a:b_c9", NULL, 0, &to_send), 2);
	assert_int_equal(declare(state, 1, "x", &empty, 1, &to_send), 3);
	assert_string_equal(series_get(*state, 3)->labels[0]->value, "");
}

static void the_type_of_a_series_does_not_change(void **state)
{
	bool to_send;

	assert_int_equal(declare(state, 1, "x", NULL, 0, &to_send), 1);
	assert_int_equal(series_declare(*state, 1, "x", GAVEA_COUNTER, "", "", NULL, 0, &to_send), -EINVAL);
}

static void values_are_made_valid(void **state)
{
	struct gavea_pair label = {"a", "\xff/x"};
	bool to_send;

	assert_int_equal(declare(state, 1, "x", &label, 1, &to_send), 1);
	assert_string_equal(series_get(*state, 1)->labels[0]->value, "?/x");
	assert_int_equal(declare(state, 1, "x", &label, 1, &to_send), 1);
}

static void there_is_a_limit(void **state)
{
	char value[16];
	struct gavea_pair label = {"i", value};
	bool to_send;

	for (int i = 0; i < SERIES_MAX; i++) {
		snprintf(value, sizeof value, "%d", i);
		assert_int_equal(declare(state, 1, "x", &label, 1, &to_send), i + 1);
	}
	assert_int_equal(declare(state, 1, "y", NULL, 0, &to_send), -ENOSPC);
	snprintf(value, sizeof value, "%d", 77);
	assert_int_equal(declare(state, 1, "x", &label, 1, &to_send), 78);
}

#define series_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		series_test(the_same_name_and_labels_have_the_same_number),
		series_test(a_declaration_is_sent_until_it_has_been),
		series_test(each_check_has_series_of_its_own),
		series_test(one_that_was_to_be_sent_by_a_closed_check_is_asked_for_again),
		series_test(names_and_labels_are_those_of_prometheus),
		series_test(the_type_of_a_series_does_not_change),
		series_test(values_are_made_valid),
		series_test(there_is_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
