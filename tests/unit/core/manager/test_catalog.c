/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/catalog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* A series with labels, given as "key", "value", ..., NULL. */
static Gavea__V1__Series *series(const char *name, ...)
{
	Gavea__V1__Series *made = malloc(sizeof *made);
	const char *key;
	va_list args;

	gavea__v1__series__init(made);
	made->name = strdup(name);
	made->labels = calloc(64, sizeof *made->labels);
	va_start(args, name);
	while ((key = va_arg(args, const char *))) {
		Gavea__V1__Series__LabelsEntry *label = malloc(sizeof *label);

		gavea__v1__series__labels_entry__init(label);
		label->key = strdup(key);
		label->value = strdup(va_arg(args, const char *));
		made->labels[made->n_labels++] = label;
	}
	va_end(args);
	return made;
}

/* Declares, and frees what the catalog did not take. */
static int declare(struct catalog *catalog, uint32_t check, Gavea__V1__Series *made, uint32_t *ret_number)
{
	int r = catalog_declare(catalog, check, &made, ret_number);

	if (made)
		gavea__v1__series__free_unpacked(made, NULL);
	return r;
}

static uint32_t number_of(struct catalog *catalog, uint32_t check, Gavea__V1__Series *made)
{
	uint32_t number = 0;

	assert_int_equal(declare(catalog, check, made, &number), 0);
	return number;
}

static void a_new_series_gets_the_next_number_and_is_taken(void **state)
{
	struct catalog catalog = CATALOG_INIT;
	Gavea__V1__Series *made = series("up", "job", "a", NULL), *kept = made;
	uint32_t number = 0;

	(void)state;
	made->number = 77;
	assert_int_equal(catalog_declare(&catalog, 9, &made, &number), 0);
	assert_null(made);
	assert_int_equal(number, 1);
	assert_ptr_equal(catalog_get(&catalog, 1)->series, kept);
	assert_int_equal(kept->number, 1);
	assert_int_equal(kept->check, 9);
	assert_int_equal(number_of(&catalog, 9, series("down", NULL)), 2);
	catalog_done(&catalog);
}

static void the_same_series_keeps_its_number(void **state)
{
	struct catalog catalog = CATALOG_INIT;
	uint32_t number = number_of(&catalog, 1, series("up", "job", "a", "zone", "b", NULL));

	(void)state;
	assert_int_equal(number_of(&catalog, 1, series("up", "job", "a", "zone", "b", NULL)), number);
	assert_int_equal(catalog.count, 1);
	catalog_done(&catalog);
}

static void another_label_value_or_check_makes_another_series(void **state)
{
	struct catalog catalog = CATALOG_INIT;
	uint32_t a = number_of(&catalog, 1, series("up", "job", "a", NULL));
	uint32_t b = number_of(&catalog, 1, series("up", "job", "b", NULL));
	uint32_t c = number_of(&catalog, 2, series("up", "job", "a", NULL));
	uint32_t d = number_of(&catalog, 1, series("up", NULL));

	(void)state;
	assert_true(a != b && a != c && a != d && b != c && b != d && c != d);
	/* Check 1 with name "1 up" and check 11 with name "up" are not the same either. */
	assert_true(
		number_of(&catalog, 1, series("1 up", NULL)) != number_of(&catalog, 11, series("up", NULL)));
	catalog_done(&catalog);
}

static void declarations_that_are_none_are_refused(void **state)
{
	struct catalog catalog = CATALOG_INIT;
	Gavea__V1__Series *many = series("up", NULL);
	uint32_t number = 5;
	char *long_name = malloc(257);

	(void)state;
	memset(long_name, 'n', 256);
	long_name[256] = 0;
	assert_int_equal(declare(&catalog, 1, series("", NULL), &number), -EINVAL);
	assert_int_equal(declare(&catalog, 1, series(long_name, NULL), &number), -EINVAL);
	assert_int_equal(declare(&catalog, 1, series("up", "", "value", NULL), &number), -EINVAL);
	for (int i = 0; i < 33; i++) {
		Gavea__V1__Series__LabelsEntry *label = malloc(sizeof *label);

		gavea__v1__series__labels_entry__init(label);
		label->key = strdup("k");
		label->value = strdup("v");
		many->labels[many->n_labels++] = label;
	}
	assert_int_equal(declare(&catalog, 1, many, &number), -EINVAL);
	assert_int_equal(number, 5);
	assert_int_equal(catalog.count, 0);
	long_name[255] = 0;
	assert_int_equal(declare(&catalog, 1, series(long_name, NULL), &number), 0);
	free(long_name);
	catalog_done(&catalog);
}

static void numbers_that_were_not_given_out_are_unknown(void **state)
{
	struct catalog catalog = CATALOG_INIT;

	(void)state;
	assert_null(catalog_get(&catalog, 0));
	assert_null(catalog_get(&catalog, 1));
	number_of(&catalog, 1, series("up", NULL));
	assert_non_null(catalog_get(&catalog, 1));
	assert_null(catalog_get(&catalog, 2));
	assert_null(catalog_get(&catalog, UINT32_MAX));
	catalog_done(&catalog);
}

static void a_check_that_goes_takes_its_series_along_and_their_numbers_are_not_used_again(void **state)
{
	struct catalog catalog = CATALOG_INIT;
	uint32_t gone = number_of(&catalog, 1, series("up", "job", "a", NULL));
	uint32_t stays = number_of(&catalog, 2, series("up", "job", "a", NULL));
	uint32_t again;

	(void)state;
	catalog_remove_check(&catalog, 1);
	assert_null(catalog_get(&catalog, gone));
	assert_non_null(catalog_get(&catalog, stays));
	again = number_of(&catalog, 1, series("up", "job", "a", NULL));
	assert_true(again != gone && again != stays);
	assert_int_equal(number_of(&catalog, 2, series("up", "job", "a", NULL)), stays);
	catalog_remove_check(&catalog, 99);
	catalog_done(&catalog);
}

static void thousands_are_found_again(void **state)
{
	struct catalog catalog = CATALOG_INIT;
	char name[32];

	(void)state;
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 1; i <= 3000; i++) {
			snprintf(name, sizeof name, "series_%u", i);
			assert_int_equal(number_of(&catalog, 1, series(name, NULL)), i);
		}
	catalog_done(&catalog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_series_gets_the_next_number_and_is_taken),
		cmocka_unit_test(the_same_series_keeps_its_number),
		cmocka_unit_test(another_label_value_or_check_makes_another_series),
		cmocka_unit_test(declarations_that_are_none_are_refused),
		cmocka_unit_test(numbers_that_were_not_given_out_are_unknown),
		cmocka_unit_test(
			a_check_that_goes_takes_its_series_along_and_their_numbers_are_not_used_again),
		cmocka_unit_test(thousands_are_found_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
