/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "core/manager/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct identity identity = {
	.agent_id = "0123456789abcdef0123456789abcdef",
	.machine_id = "",
	.boot_id = "fedcba9876543210fedcba9876543210",
};

/* NULL: there is no such fact; two of one key fail. */
static const char *value_of(const struct facts *facts, const char *key)
{
	const char *value = NULL;

	for (size_t i = 0; i < facts->count; i++)
		if (streq(facts->facts[i]->key, key)) {
			assert_null(value);
			value = facts->facts[i]->value;
		}
	return value;
}

static void who_the_agent_is_and_its_labels_are_told(void **state)
{
	struct config_pair labels[] = {{(char *)"role", (char *)"app"}, {(char *)"site", (char *)"gru-1"}};
	struct config config = {.name = (char *)"app-01", .labels = labels, .label_count = 2};
	struct facts facts = FACTS_INIT;

	(void)state;
	assert_int_equal(facts_make(&facts, &identity, &config), 0);
	assert_string_equal(value_of(&facts, "agent_id"), identity.agent_id);
	assert_string_equal(value_of(&facts, "name"), "app-01");
	assert_string_equal(value_of(&facts, "version"), GAVEA_VERSION);
	assert_string_equal(value_of(&facts, "machine_id"), "");
	assert_string_equal(value_of(&facts, "boot_id"), identity.boot_id);
	assert_string_equal(value_of(&facts, "label.role"), "app");
	assert_string_equal(value_of(&facts, "label.site"), "gru-1");
	assert_string_equal(value_of(&facts, "label_keys"), "role,site");
	assert_int_equal(facts.count, 8);
	facts_done(&facts);
	assert_int_equal(facts.count, 0);
	facts_done(&facts);
}

static void without_labels_their_list_is_empty(void **state)
{
	struct config config = {.name = (char *)"app-01"};
	struct facts facts = FACTS_INIT;

	(void)state;
	assert_int_equal(facts_make(&facts, &identity, &config), 0);
	assert_string_equal(value_of(&facts, "label_keys"), "");
	facts_done(&facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_the_agent_is_and_its_labels_are_told),
		cmocka_unit_test(without_labels_their_list_is_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
