/* SPDX-License-Identifier: Apache-2.0 */
/* What one step's requests are, and when they tell nothing. */
#include "plugins/swap/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct traffic_view proxied(uint64_t generation, int64_t blue, int64_t green)
{
	struct traffic_view view = {.generation = generation};

	view.side[COLOUR_BLUE].requests = blue;
	view.side[COLOUR_GREEN].requests = green;
	return view;
}

static struct counts_view logged(uint64_t blue, uint64_t green, uint64_t errors)
{
	struct counts_view view = {0};

	view.side[COLOUR_BLUE].requests = blue;
	view.side[COLOUR_GREEN].requests = green;
	view.side[COLOUR_GREEN].errors = errors;
	return view;
}

static void look(struct tally *tally, const struct counts_view *counts, struct traffic_view traffic)
{
	tally_look(tally, counts, &traffic);
}

static void only_growth_since_the_beginning_counts(void **state)
{
	struct tally tally;
	struct counts_view first = logged(1000, 500, 7), second = logged(1900, 600, 9);
	char why[256];

	(void)state;
	tally_reset(&tally);
	look(&tally, &first, proxied(1, 1000, 500));
	assert_int_equal(tally.sum[COLOUR_GREEN].requests, 0);
	look(&tally, &second, proxied(1, 1900, 600));
	assert_int_equal(tally.sum[COLOUR_BLUE].requests, 900);
	assert_int_equal(tally.sum[COLOUR_GREEN].requests, 100);
	assert_int_equal(tally.sum[COLOUR_GREEN].errors, 2);
	assert_true(tally_is_covered(&tally, why, sizeof why));
}

static void a_proxy_that_was_reloaded_begins_the_evidence_anew(void **state)
{
	struct tally tally;
	struct counts_view first = logged(0, 0, 0), second = logged(0, 400, 9), third = logged(0, 500, 9);

	(void)state;
	tally_reset(&tally);
	look(&tally, &first, proxied(1, 0, 0));
	look(&tally, &second, proxied(1, 0, 400));
	look(&tally, &second, proxied(2, 0, 0));
	assert_int_equal(tally.sum[COLOUR_GREEN].requests, 0);
	assert_string_equal(tally.lost, "the proxy was reloaded or restarted, its counters began anew");
	look(&tally, &third, proxied(2, 0, 100));
	assert_int_equal(tally.sum[COLOUR_GREEN].requests, 100);
	assert_int_equal(tally.sum[COLOUR_GREEN].errors, 0);
}

static void lines_that_were_lost_begin_it_anew_too(void **state)
{
	struct tally tally;
	struct counts_view first = logged(0, 0, 0), second = logged(0, 400, 0);
	struct traffic_view dropped = proxied(1, 0, 500);

	(void)state;
	tally_reset(&tally);
	look(&tally, &first, proxied(1, 0, 0));
	dropped.dropped_logs = true;
	look(&tally, &second, dropped);
	assert_string_equal(tally.lost, "the proxy lost log lines");
	second.overflows = 1;
	look(&tally, &second, proxied(1, 0, 500));
	assert_string_equal(tally.lost, "the socket for the log overflowed");
	assert_int_equal(tally.sum[COLOUR_GREEN].requests, 0);
}

static void a_log_with_holes_is_no_evidence(void **state)
{
	struct tally tally;
	struct counts_view first = logged(0, 0, 0), second = logged(0, 970, 0), third = logged(0, 990, 0);
	char why[256];

	(void)state;
	tally_reset(&tally);
	assert_false(tally_is_covered(&tally, why, sizeof why));
	assert_string_equal(why, "the proxy has not been seen in this step yet");
	look(&tally, &first, proxied(1, 0, 0));
	look(&tally, &second, proxied(1, 0, 1000));
	assert_false(tally_is_covered(&tally, why, sizeof why));
	assert_string_equal(why,
		"the log has 970 of the 1000 requests that the proxy counted: is its log-format right, and "
		"does it log "
		"all?");
	look(&tally, &third, proxied(1, 0, 1000));
	assert_true(tally_is_covered(&tally, why, sizeof why));
}

static void requests_that_are_under_way_are_no_holes(void **state)
{
	struct tally tally;
	struct counts_view first = logged(0, 0, 0), second = logged(0, 10, 0);
	struct traffic_view busy = proxied(1, 0, 60);
	char why[256];

	(void)state;
	tally_reset(&tally);
	look(&tally, &first, proxied(1, 0, 0));
	busy.side[COLOUR_GREEN].sessions = 50;
	look(&tally, &second, busy);
	assert_true(tally_is_covered(&tally, why, sizeof why));
}

static void without_a_log_the_proxys_own_counters_are_taken(void **state)
{
	struct tally tally;
	struct traffic_view first = proxied(1, 0, 0), second = proxied(1, 900, 100);
	char why[256];

	(void)state;
	tally_reset(&tally);
	second.side[COLOUR_GREEN].errors = 3;
	look(&tally, NULL, first);
	look(&tally, NULL, second);
	assert_int_equal(tally.sum[COLOUR_GREEN].requests, 100);
	assert_int_equal(tally.sum[COLOUR_GREEN].errors, 3);
	assert_true(tally_is_covered(&tally, why, sizeof why));
	/* The proxy was not seen: nothing changes. */
	tally_look(&tally, NULL, NULL);
	assert_int_equal(tally.sum[COLOUR_GREEN].requests, 100);
}

static void what_a_colour_had_is_passed_on(void **state)
{
	struct tally tally = {.sum = {{.requests = 10, .errors = 2, .slow = {1, 3}}, {.requests = 99}}};
	struct counts_side past = {.requests = 5, .slow = {1}};

	(void)state;
	tally_pass(&tally, COLOUR_BLUE, &past);
	assert_int_equal(past.requests, 15);
	assert_int_equal(past.errors, 2);
	assert_int_equal(past.slow[0], 2);
	assert_int_equal(past.slow[1], 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_growth_since_the_beginning_counts),
		cmocka_unit_test(a_proxy_that_was_reloaded_begins_the_evidence_anew),
		cmocka_unit_test(lines_that_were_lost_begin_it_anew_too),
		cmocka_unit_test(a_log_with_holes_is_no_evidence),
		cmocka_unit_test(requests_that_are_under_way_are_no_holes),
		cmocka_unit_test(without_a_log_the_proxys_own_counters_are_taken),
		cmocka_unit_test(what_a_colour_had_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
