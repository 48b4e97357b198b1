/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin does costs its own worker, and is bounded there. */
#include "core/worker/check.h"
#include "tests/unit/core/worker/harness.h"

static void start(struct harness *h, const char *mode, const char *count)
{
	char *mode_option = path_format("mode=%s", mode), *count_option = path_format("count=%s", count);
	const char *options[] = {mode_option, count_option, NULL};
	static const uint32_t types[] = {GAVEA_OPTION_CHOICE, GAVEA_OPTION_INT};
	Rights rights = GAVEA__WORKER__V1__RIGHTS__INIT;

	rights.concurrency = 1;
	rights.memory = 8 << 20;
	rights.open_files = 64;
	if (harness_start(h, "hostile", NULL, &rights, false) < 0)
		fail_msg("%s", h->refused);
	assert_int_equal(open_check(h, 1, "hostile/x", false, options, types), 0);
	free(mode_option);
	free(count_option);
}

static void a_crash_is_told_by_its_signal(void **state)
{
	struct harness *h = *state;
	char buffer[64];

	start(h, "crash", "1");
	assert_null(run_check(h, 1));
	assert_string_equal(await_death(h, buffer), "killed by SIGSEGV");
}

static void an_exit_is_seen(void **state)
{
	struct harness *h = *state;
	char buffer[64];

	start(h, "exit", "1");
	assert_null(run_check(h, 1));
	assert_string_equal(await_death(h, buffer), "exited with status 0");
}

static void one_that_hangs_can_be_killed(void **state)
{
	struct harness *h = *state;
	char buffer[64];
	struct pollfd p;

	start(h, "hang", "1");
	send_cancel(h, send_run(h, 1));
	p = (struct pollfd){.fd = link_fd(h->link), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 50), 0);
	link_kill(h->link);
	assert_string_equal(await_death(h, buffer), "killed by SIGKILL");
}

static void items_are_bounded_and_counted(void **state)
{
	struct harness *h = *state;
	size_t items = 0;
	uint32_t left_out = 0;

	start(h, "flood-items", "12000");
	send_run(h, 1);
	for (bool more = true; more;) {
		_cleanup_(answer_freep) Answer *answer = next_answer(h);
		const Gavea__Worker__V1__Output *output;

		assert_non_null(answer);
		more = answer->body_case != GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE;
		output = more ? answer->output : answer->done->output;
		items += output->n_items;
		for (size_t i = 0; i < output->n_items; i++)
			assert_int_equal(output->items[i]->n_attributes, 1);
		left_out = more ? 0 : answer->done->items_left_out;
	}
	assert_int_equal(items, OUTPUT_ITEMS_MAX);
	assert_int_equal(left_out, 2000);
	let_go(h);
}

static void log_lines_are_bounded_and_counted(void **state)
{
	struct harness *h = *state;
	size_t lines = 0;

	start(h, "flood-logs", "1000");
	answer_free(run_check(h, 1));
	/* The count comes when the run has ended; an answer to the next one follows it. */
	answer_free(run_check(h, 1));
	for (const char *c = h->logs; *c; c++)
		lines += *c == '\n';
	assert_true(lines >= LOG_LINES_MAX + 1);
	assert_true(lines <= 2 * (LOG_LINES_MAX + 1));
	assert_non_null(strstr(h->logs, "4: 800 more log lines of this run were left out\n"));
	let_go(h);
}

static size_t count_output(struct harness *h, size_t (*count)(const Gavea__Worker__V1__Output *))
{
	size_t sum = 0;

	send_run(h, 1);
	for (bool more = true; more;) {
		_cleanup_(answer_freep) Answer *answer = next_answer(h);

		assert_non_null(answer);
		more = answer->body_case != GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE;
		sum += count(more ? answer->output : answer->done->output);
	}
	return sum;
}

static size_t count_values(const Gavea__Worker__V1__Output *output)
{
	return output->samples ? output->samples->n_values : 0;
}

static size_t count_events(const Gavea__Worker__V1__Output *output)
{
	return output->n_events;
}

static void samples_are_bounded(void **state)
{
	struct harness *h = *state;

	start(h, "flood-samples", "60000");
	assert_int_equal(count_output(h, count_values), OUTPUT_SAMPLES_MAX);
	answer_free(run_check(h, 1));
	assert_non_null(
		strstr(h->logs, "10000 samples beyond the 50000 that one run may have were left out"));
	let_go(h);
}

static void events_are_bounded(void **state)
{
	struct harness *h = *state;

	start(h, "flood-events", "1500");
	assert_int_equal(count_output(h, count_events), OUTPUT_EVENTS_MAX);
	let_go(h);
}

static void series_are_bounded(void **state)
{
	struct harness *h = *state;
	_cleanup_(answer_freep) Answer *done = NULL;

	start(h, "flood-series", "30000");
	done = run_check(h, 1);
	assert_int_equal(done->done->error, -ENOSPC);
	assert_string_equal(done->done->message, "refused after 20000 series");
	let_go(h);
}

static void rubbish_is_cut_and_repaired(void **state)
{
	struct harness *h = *state;
	Answer *answer;

	start(h, "rubbish", "1");
	send_run(h, 1);
	for (;;) {
		answer = next_answer(h);
		assert_non_null(answer);
		if (answer->body_case == GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE)
			break;
		answer_free(answer);
	}
	assert_int_equal(answer->done->error, 0);
	assert_int_equal(answer->done->status, GAVEA__V1__STATUS__UNKNOWN);
	assert_int_equal(strlen(answer->done->summary), TEXT_SUMMARY_MAX);
	assert_string_equal(answer->done->summary + TEXT_SUMMARY_MAX - 4, "?\xe2\x80\xa6");
	assert_int_equal(answer->done->output->n_items, 2);
	assert_int_equal(strlen(answer->done->output->items[0]->name), TEXT_NAME_MAX);
	assert_int_equal(answer->done->output->items[0]->n_attributes, 1);
	answer_free(answer);
	let_go(h);
}

static void a_leak_of_files_is_told_and_ends_at_the_limit(void **state)
{
	struct harness *h = *state;
	Answer *done;

	start(h, "fdleak", "10");
	done = run_check(h, 1);
	assert_int_equal(done->done->open_files, 14);
	answer_free(done);
	harness_stop(h);
	start(h, "fdleak", "100");
	done = run_check(h, 1);
	assert_int_equal(done->done->error, -EMFILE);
	assert_string_equal(done->done->message, "no descriptor after 60");
	answer_free(done);
	let_go(h);
}

static void a_leak_of_memory_ends_at_the_limit(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)state;
	skip();
#else
	struct harness *h = *state;
	_cleanup_(answer_freep) Answer *done = NULL;

	start(h, "leak", "100");
	done = run_check(h, 1);
	assert_int_equal(done->done->error, -ENOMEM);
	let_go(h);
#endif
}

static void garbage_on_the_socket_is_recognised(void **state)
{
	struct harness *h = *state;
	struct pollfd p;
	Answer *answer;

	start(h, "garbage", "1");
	send_run(h, 1);
	p = (struct pollfd){.fd = link_fd(h->link), .events = POLLIN};
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(link_receive(h->link, &answer), -EBADMSG);
}

#define hostile_test(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hostile_test(a_crash_is_told_by_its_signal),
		hostile_test(an_exit_is_seen),
		hostile_test(one_that_hangs_can_be_killed),
		hostile_test(items_are_bounded_and_counted),
		hostile_test(log_lines_are_bounded_and_counted),
		hostile_test(samples_are_bounded),
		hostile_test(events_are_bounded),
		hostile_test(series_are_bounded),
		hostile_test(rubbish_is_cut_and_repaired),
		hostile_test(a_leak_of_files_is_told_and_ends_at_the_limit),
		hostile_test(a_leak_of_memory_ends_at_the_limit),
		hostile_test(garbage_on_the_socket_is_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
