/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "base/strmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define KEYS 300

static void an_empty_map_has_nothing(void **state _unused_)
{
	struct strmap map = STRMAP_INIT;
	size_t position = 0;

	assert_null(strmap_get(&map, "a"));
	assert_null(strmap_remove(&map, "a"));
	assert_null(strmap_next(&map, &position));
	strmap_done(&map, NULL);
}

static void setting_again_hands_back_the_old_value(void **state _unused_)
{
	struct strmap map = STRMAP_INIT;
	int one, two;
	void *old = &one;

	assert_int_equal(strmap_set(&map, "key", &one, &old), 0);
	assert_null(old);
	assert_int_equal(strmap_set(&map, "key", &two, &old), 0);
	assert_ptr_equal(old, &one);
	assert_ptr_equal(strmap_get(&map, "key"), &two);
	assert_int_equal(map.count, 1);
	strmap_done(&map, NULL);
}

static void keys_are_copied_and_the_empty_one_is_a_key(void **state _unused_)
{
	struct strmap map = STRMAP_INIT;
	char key[] = "abc";
	int value;

	assert_int_equal(strmap_set(&map, key, &value, NULL), 0);
	key[0] = 'x';
	assert_ptr_equal(strmap_get(&map, "abc"), &value);
	assert_null(strmap_get(&map, "xbc"));
	assert_int_equal(strmap_set(&map, "", &value, NULL), 0);
	assert_ptr_equal(strmap_get(&map, ""), &value);
	strmap_done(&map, NULL);
}

static void values_are_freed_with_the_map_when_asked(void **state _unused_)
{
	struct strmap map = STRMAP_INIT;

	for (int i = 0; i < 50; i++) {
		char key[16];

		snprintf(key, sizeof key, "%d", i);
		assert_int_equal(strmap_set(&map, key, malloc(8), NULL), 0);
	}
	strmap_done(&map, free);
	assert_int_equal(map.count, 0);
	assert_null(map.entries);
}

/* Against an array that says what should be there, through thousands of random steps. */
static void it_agrees_with_a_plain_model(void **state _unused_)
{
	struct strmap map = STRMAP_INIT;
	char values[KEYS];
	void *model[KEYS] = {NULL};
	size_t count = 0;

	for (int step = 0; step < 20000; step++) {
		size_t i = random_below(KEYS);
		char key[16];
		void *old;

		snprintf(key, sizeof key, "key-%zu", i);
		if (random_below(2)) {
			void *value = &values[random_below(KEYS)];

			assert_int_equal(strmap_set(&map, key, value, &old), 0);
			assert_ptr_equal(old, model[i]);
			count += !model[i];
			model[i] = value;
		} else {
			assert_ptr_equal(strmap_remove(&map, key), model[i]);
			count -= !!model[i];
			model[i] = NULL;
		}
		assert_int_equal(map.count, count);
		if (step % 500 == 0)
			for (size_t j = 0; j < KEYS; j++) {
				snprintf(key, sizeof key, "key-%zu", j);
				assert_ptr_equal(strmap_get(&map, key), model[j]);
			}
	}
	strmap_done(&map, NULL);
}

static void going_through_it_meets_every_entry_once(void **state _unused_)
{
	struct strmap map = STRMAP_INIT;
	int met[KEYS] = {0};
	const struct strmap_entry *entry;
	size_t position = 0;

	for (size_t i = 0; i < KEYS; i++) {
		char key[16];

		snprintf(key, sizeof key, "%zu", i);
		assert_int_equal(strmap_set(&map, key, &met[i], NULL), 0);
	}
	while ((entry = strmap_next(&map, &position)))
		(*(int *)entry->value)++;
	for (size_t i = 0; i < KEYS; i++)
		assert_int_equal(met[i], 1);
	strmap_done(&map, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(setting_again_hands_back_the_old_value),
		cmocka_unit_test(keys_are_copied_and_the_empty_one_is_a_key),
		cmocka_unit_test(values_are_freed_with_the_map_when_asked),
		cmocka_unit_test(it_agrees_with_a_plain_model),
		cmocka_unit_test(going_through_it_meets_every_entry_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
