/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "core/manager/collect.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define OK GAVEA__V1__STATUS__OK
#define WARNING GAVEA__V1__STATUS__WARNING
#define CRITICAL GAVEA__V1__STATUS__CRITICAL
#define UNKNOWN GAVEA__V1__STATUS__UNKNOWN

/* Adds an item, as an output of its own. */
static void add(struct collect *collect, const char *name, Gavea__V1__Status status, const char *summary)
{
	Gavea__Worker__V1__Output output = GAVEA__WORKER__V1__OUTPUT__INIT;
	Gavea__V1__Item *item = malloc(sizeof *item);

	gavea__v1__item__init(item);
	item->name = strdup(name);
	item->status = status;
	item->summary = strdup(summary);
	output.items = &item;
	output.n_items = 1;
	collect_items(collect, &output);
	assert_int_equal(output.n_items, 0);
}

/* What comes of it, with a run that said that; status and summary are judged, and the number of items. */
static void expect(struct collect *collect, Gavea__Worker__V1__Done *done, Gavea__V1__Status status,
	const char *summary, size_t items)
{
	Gavea__V1__Result *result = collect_result(collect, done);

	assert_non_null(result);
	assert_int_equal(result->status, status);
	assert_string_equal(result->summary, summary);
	assert_int_equal(result->n_items, items);
	assert_int_equal(collect->count, 0);
	assert_null(collect->items);
	gavea__v1__result__free_unpacked(result, NULL);
}

static Gavea__Worker__V1__Done said(Gavea__V1__Status status, const char *summary)
{
	Gavea__Worker__V1__Done done = GAVEA__WORKER__V1__DONE__INIT;

	done.status = status;
	done.summary = (char *)summary;
	return done;
}

static void the_worst_of_its_items_counts(void **state)
{
	struct collect collect = {0};
	Gavea__Worker__V1__Done done = said(OK, "said ok");

	(void)state;
	add(&collect, "a", OK, "fine");
	add(&collect, "b", CRITICAL, "down");
	add(&collect, "c", UNKNOWN, "no idea");
	expect(&collect, &done, CRITICAL, "said ok", 3);
}

static void unknown_is_worse_than_a_warning(void **state)
{
	struct collect collect = {0};
	Gavea__Worker__V1__Done done = said(WARNING, "w");

	(void)state;
	add(&collect, "a", UNKNOWN, "no idea");
	expect(&collect, &done, UNKNOWN, "w", 1);
}

static void its_own_status_counts_where_it_is_worse(void **state)
{
	struct collect collect = {0};
	Gavea__Worker__V1__Done done = said(CRITICAL, "it says so itself");

	(void)state;
	add(&collect, "a", OK, "fine");
	expect(&collect, &done, CRITICAL, "it says so itself", 1);
}

static void without_a_summary_the_items_make_one(void **state)
{
	struct collect collect = {0};
	Gavea__Worker__V1__Done done = said(GAVEA__V1__STATUS__STATUS_UNSPECIFIED, "");

	(void)state;
	add(&collect, "a", OK, "fine");
	add(&collect, "b", OK, "fine");
	expect(&collect, &done, OK, "2 items, all ok", 2);
	add(&collect, "a", OK, "fine");
	add(&collect, "b", WARNING, "tired");
	add(&collect, "c", CRITICAL, "down");
	add(&collect, "d", CRITICAL, "down too");
	expect(&collect, &done, CRITICAL, "3 of 4 items not ok; c: down", 4);
}

static void nothing_said_is_unknown_and_nothing_turns_green_by_being_left_out(void **state)
{
	struct collect collect = {0};
	Gavea__Worker__V1__Done nothing = said(GAVEA__V1__STATUS__STATUS_UNSPECIFIED, "");
	Gavea__Worker__V1__Done text = said(GAVEA__V1__STATUS__STATUS_UNSPECIFIED, "all is well");
	Gavea__Worker__V1__Done odd = said((Gavea__V1__Status)99, "odd");

	(void)state;
	expect(&collect, &nothing, UNKNOWN, "the plugin gave no result", 0);
	expect(&collect, &text, UNKNOWN, "all is well", 0);
	expect(&collect, &odd, UNKNOWN, "odd", 0);
	add(&collect, "a", GAVEA__V1__STATUS__STATUS_UNSPECIFIED, "forgot");
	expect(&collect, &nothing, UNKNOWN, "1 of 1 items not ok; a: forgot", 1);
	add(&collect, "a", (Gavea__V1__Status)-7, "odd");
	text.status = OK;
	expect(&collect, &text, UNKNOWN, "all is well", 1);
}

static void an_error_makes_it_unknown_with_its_text_or_its_name(void **state)
{
	struct collect collect = {0};
	Gavea__Worker__V1__Done done = said(OK, "before it failed");

	(void)state;
	done.error = -ECONNREFUSED;
	add(&collect, "a", OK, "fine");
	expect(&collect, &done, UNKNOWN, "Connection refused", 1);
	done.message = (char *)"the server does not answer";
	expect(&collect, &done, UNKNOWN, "the server does not answer", 0);
}

static void an_error_that_is_none_does_no_harm(void **state)
{
	const int32_t odd[] = {1, 5, INT32_MAX, INT32_MIN, -100000};

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		struct collect collect = {0};
		Gavea__Worker__V1__Done done = said(OK, "");
		Gavea__V1__Result *result;

		done.error = odd[i];
		result = collect_result(&collect, &done);
		assert_int_equal(result->status, UNKNOWN);
		assert_true(result->summary[0]);
		assert_null(strchr(result->summary, '-'));
		gavea__v1__result__free_unpacked(result, NULL);
	}
}

static void the_first_complaint_stays_and_items_come_along(void **state)
{
	struct collect collect = {0};
	Gavea__Worker__V1__Done done = said(OK, "said ok");

	(void)state;
	add(&collect, "a", OK, "fine");
	collect_complain(&collect, "spoke in riddles");
	collect_complain(&collect, "spoke too long");
	expect(&collect, &done, UNKNOWN, "the plugin spoke in riddles", 1);
	assert_null(collect.complaint);
	expect(&collect, &done, OK, "said ok", 0);
}

static void what_is_over_the_bound_is_counted_and_stays_with_the_message(void **state)
{
	struct collect collect = {0};
	Gavea__Worker__V1__Output *output = malloc(sizeof *output);
	Gavea__Worker__V1__Done done = said(OK, "many");
	Gavea__V1__Result *result;

	(void)state;
	gavea__worker__v1__output__init(output);
	output->items = calloc(10007, sizeof *output->items);
	for (size_t i = 0; i < 10007; i++) {
		Gavea__V1__Item *item = malloc(sizeof *item);

		gavea__v1__item__init(item);
		item->name = strdup(i == 10000 ? "first left out" : "x");
		output->items[output->n_items++] = item;
	}
	collect_items(&collect, output);
	assert_int_equal(output->n_items, 7);
	assert_string_equal(output->items[0]->name, "first left out");
	gavea__worker__v1__output__free_unpacked(output, NULL);
	done.items_left_out = 3; /* by the worker itself */
	result = collect_result(&collect, &done);
	assert_int_equal(result->n_items, 10000);
	assert_int_equal(result->items_left_out, 10);
	gavea__v1__result__free_unpacked(result, NULL);
	assert_int_equal(collect.left_out, 0);
}

static void a_cause_takes_the_items_so_far_along(void **state)
{
	struct collect collect = {0};
	Gavea__V1__Result *result;

	(void)state;
	add(&collect, "a", OK, "fine");
	result = collect_cause(&collect, "worker killed by SIGSEGV");
	assert_int_equal(result->status, UNKNOWN);
	assert_string_equal(result->summary, "worker killed by SIGSEGV");
	assert_int_equal(result->n_items, 1);
	gavea__v1__result__free_unpacked(result, NULL);
	add(&collect, "b", OK, "fine");
	collect_reset(&collect);
	assert_int_equal(collect.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_of_its_items_counts),
		cmocka_unit_test(unknown_is_worse_than_a_warning),
		cmocka_unit_test(its_own_status_counts_where_it_is_worse),
		cmocka_unit_test(without_a_summary_the_items_make_one),
		cmocka_unit_test(nothing_said_is_unknown_and_nothing_turns_green_by_being_left_out),
		cmocka_unit_test(an_error_makes_it_unknown_with_its_text_or_its_name),
		cmocka_unit_test(an_error_that_is_none_does_no_harm),
		cmocka_unit_test(the_first_complaint_stays_and_items_come_along),
		cmocka_unit_test(what_is_over_the_bound_is_counted_and_stays_with_the_message),
		cmocka_unit_test(a_cause_takes_the_items_so_far_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
