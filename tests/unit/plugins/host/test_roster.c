/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/host/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Lists these names, one letter each, and adds what is not there; returns how many were added. */
static size_t list(struct roster *roster, const char *names)
{
	size_t added = 0;

	roster_begin(roster);
	for (; *names; names++) {
		struct roster_entry *entry = roster_find(roster, names, 1);

		if (!entry) {
			entry = roster_add(roster, names, 1);
			added++;
		}
		assert_non_null(entry);
		assert_true(entry->name[0] == *names && entry->name[1] == '\0');
	}
	roster_end(roster);
	return added;
}

static void what_was_listed_is_found_again_in_any_order(void **state)
{
	struct roster roster;

	(void)state;
	roster_init(&roster, 2);
	assert_int_equal(list(&roster, "abc"), 3);
	assert_int_equal(list(&roster, "abc"), 0);
	assert_int_equal(list(&roster, "cab"), 0);
	assert_int_equal(list(&roster, "axbc"), 1);
	assert_int_equal(roster.count, 4);
	roster_done(&roster);
}

static void what_is_not_listed_any_more_is_forgotten(void **state)
{
	struct roster roster;

	(void)state;
	roster_init(&roster, 1);
	list(&roster, "abcd");
	roster.entries[3].series[0] = 7;
	assert_int_equal(list(&roster, "bd"), 0);
	assert_int_equal(roster.count, 2);
	assert_int_equal(roster.entries[1].series[0], 7);
	assert_int_equal(list(&roster, "abd"), 1);
	assert_int_equal(list(&roster, ""), 0);
	assert_int_equal(roster.count, 0);
	roster_done(&roster);
}

static void names_that_begin_alike_are_told_apart(void **state)
{
	struct roster roster;

	(void)state;
	roster_init(&roster, 1);
	roster_begin(&roster);
	assert_non_null(roster_add(&roster, "eth10", 5));
	assert_null(roster_find(&roster, "eth1", 4));
	assert_null(roster_find(&roster, "eth100", 6));
	assert_non_null(roster_find(&roster, "eth10", 5));
	roster_done(&roster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_listed_is_found_again_in_any_order),
		cmocka_unit_test(what_is_not_listed_any_more_is_forgotten),
		cmocka_unit_test(names_that_begin_alike_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
