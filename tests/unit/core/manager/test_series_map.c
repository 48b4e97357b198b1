/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/series_map.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
	struct catalog catalog;
	struct series_map map;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);

	*state = fixture;
	return fixture ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	series_map_done(&fixture->map);
	catalog_done(&fixture->catalog);
	free(fixture);
	return 0;
}

static Gavea__V1__Series *series(uint32_t number, const char *name)
{
	Gavea__V1__Series *made = malloc(sizeof *made);

	gavea__v1__series__init(made);
	made->name = strdup(name);
	made->number = number;
	return made;
}

/* Declares `count` series with these numbers, named "s" and a letter each, as one output. */
static int declare(struct fixture *fixture, uint32_t check, const uint32_t *numbers, size_t count)
{
	Gavea__Worker__V1__Output *output = malloc(sizeof *output);
	int r;

	gavea__worker__v1__output__init(output);
	output->series = calloc(count, sizeof *output->series);
	for (size_t i = 0; i < count; i++) {
		char name[] = {'s', (char)('a' + i), 0};

		output->series[output->n_series++] = series(numbers[i], name);
	}
	r = series_map_declare(&fixture->map, &fixture->catalog, check, output);
	gavea__worker__v1__output__free_unpacked(output, NULL);
	return r;
}

/* Translates differences in place. */
static int translate(struct fixture *fixture, uint32_t check, int32_t *differences, size_t count)
{
	Gavea__V1__Samples samples = GAVEA__V1__SAMPLES__INIT;
	double values[16] = {0};

	samples.series = differences;
	samples.n_series = samples.n_values = count;
	samples.values = values;
	return series_map_translate(&fixture->map, &fixture->catalog, check, &samples);
}

static const char *name_of(struct fixture *fixture, int32_t number)
{
	return catalog_get(&fixture->catalog, (uint32_t)number)->series->name;
}

static void numbers_are_translated_and_differences_made_anew(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t numbers[] = {30, 10, 20};
	int32_t differences[] = {10, 20, -10}; /* 10, 30, 20: sb, sa, sc */

	assert_int_equal(declare(fixture, 1, numbers, 3), 0);
	assert_int_equal(translate(fixture, 1, differences, 3), 0);
	assert_string_equal(name_of(fixture, differences[0]), "sb");
	assert_string_equal(name_of(fixture, differences[0] + differences[1]), "sa");
	assert_string_equal(name_of(fixture, differences[0] + differences[1] + differences[2]), "sc");
}

static void declaring_again_after_a_new_worker_finds_the_same_series(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t before[] = {1, 2}, after[] = {2, 1};
	int32_t one[] = {1}, other[] = {2};

	assert_int_equal(declare(fixture, 1, before, 2), 0);
	assert_int_equal(translate(fixture, 1, one, 1), 0);
	series_map_reset(&fixture->map);
	assert_int_equal(translate(fixture, 1, other, 1), -EBADMSG);
	other[0] = 2;
	assert_int_equal(declare(fixture, 1, after, 2), 0);
	assert_int_equal(translate(fixture, 1, other, 1), 0);
	assert_int_equal(one[0], other[0]);
	assert_int_equal(fixture->catalog.count, 2);
}

static void a_number_that_was_not_declared_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t numbers[] = {1, 3};
	const int32_t bad[] = {2, 4, 64, 65, 0, -1, INT32_MAX, INT32_MIN};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int32_t differences[] = {bad[i]};

		assert_int_equal(translate(fixture, 1, differences, 1), -EBADMSG);
	}
	assert_int_equal(declare(fixture, 1, numbers, 2), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int32_t differences[] = {bad[i]};

		assert_int_equal(translate(fixture, 1, differences, 1), -EBADMSG);
	}
}

static void differences_that_run_far_out_and_back_do_no_harm(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t numbers[] = {1};
	int32_t out[] = {1, INT32_MAX, INT32_MAX, INT32_MIN};
	int32_t below[] = {1, INT32_MIN, INT32_MIN};

	assert_int_equal(declare(fixture, 1, numbers, 1), 0);
	assert_int_equal(translate(fixture, 1, out, 4), -EBADMSG);
	assert_int_equal(translate(fixture, 1, below, 3), -EBADMSG);
}

static void a_series_of_another_check_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t mine[] = {1}, theirs[] = {2};
	int32_t differences[] = {2};

	assert_int_equal(declare(fixture, 1, mine, 1), 0);
	assert_int_equal(declare(fixture, 2, theirs, 1), 0);
	assert_int_equal(translate(fixture, 1, differences, 1), -EBADMSG);
	differences[0] = 2;
	assert_int_equal(translate(fixture, 2, differences, 1), 0);
}

static void a_series_of_a_check_that_went_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t numbers[] = {1};
	int32_t differences[] = {1};

	assert_int_equal(declare(fixture, 1, numbers, 1), 0);
	catalog_remove_check(&fixture->catalog, 1);
	assert_int_equal(translate(fixture, 1, differences, 1), -EBADMSG);
}

static void as_many_values_as_series_must_be_there(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t numbers[] = {1};
	Gavea__V1__Samples samples = GAVEA__V1__SAMPLES__INIT;
	int32_t differences[] = {1, 0};
	double values[] = {1, 2};

	assert_int_equal(declare(fixture, 1, numbers, 1), 0);
	samples.series = differences;
	samples.values = values;
	samples.n_series = 2;
	samples.n_values = 1;
	assert_int_equal(series_map_translate(&fixture->map, &fixture->catalog, 1, &samples), -EBADMSG);
	samples.n_series = 1;
	samples.n_values = 2;
	assert_int_equal(series_map_translate(&fixture->map, &fixture->catalog, 1, &samples), -EBADMSG);
}

static void histograms_are_translated_too(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t other[] = {1}, numbers[] = {7};
	Gavea__V1__Samples samples = GAVEA__V1__SAMPLES__INIT;
	Gavea__V1__Histogram histogram = GAVEA__V1__HISTOGRAM__INIT, *list[] = {&histogram};

	assert_int_equal(declare(fixture, 1, other, 1), 0);
	assert_int_equal(declare(fixture, 2, numbers, 1), 0);
	samples.histograms = list;
	samples.n_histograms = 1;
	histogram.series = 7;
	assert_int_equal(series_map_translate(&fixture->map, &fixture->catalog, 2, &samples), 0);
	assert_int_equal(histogram.series, 2);
	histogram.series = 1;
	assert_int_equal(series_map_translate(&fixture->map, &fixture->catalog, 2, &samples), -EBADMSG);
	histogram.series = UINT32_MAX;
	assert_int_equal(series_map_translate(&fixture->map, &fixture->catalog, 2, &samples), -EBADMSG);
}

static void numbers_out_of_bounds_cannot_be_declared(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t bad[] = {0, 20001, UINT32_MAX}, last[] = {20000};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(declare(fixture, 1, &bad[i], 1), -EBADMSG);
	assert_int_equal(fixture->catalog.count, 0);
	assert_int_equal(declare(fixture, 1, last, 1), 0);
}

static void a_bad_declaration_leaves_an_output_that_can_be_freed(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t numbers[] = {1, 2, 0, 4, 5};
	const uint32_t twice[] = {3, 3, 3};

	assert_int_equal(declare(fixture, 1, numbers, 5), -EBADMSG);
	/* A number is for one series only. */
	assert_int_equal(declare(fixture, 1, twice, 3), -EBADMSG);
	assert_int_equal(declare(fixture, 1, numbers, 2), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_translated_and_differences_made_anew),
		TEST(declaring_again_after_a_new_worker_finds_the_same_series),
		TEST(a_number_that_was_not_declared_is_refused),
		TEST(differences_that_run_far_out_and_back_do_no_harm),
		TEST(a_series_of_another_check_is_refused),
		TEST(a_series_of_a_check_that_went_is_refused),
		TEST(as_many_values_as_series_must_be_there),
		TEST(histograms_are_translated_too),
		TEST(numbers_out_of_bounds_cannot_be_declared),
		TEST(a_bad_declaration_leaves_an_output_that_can_be_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
