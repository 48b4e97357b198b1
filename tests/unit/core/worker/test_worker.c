/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/worker/harness.h"
#include "wire/segment.h"

static Rights default_rights(void)
{
	Rights rights = GAVEA__WORKER__V1__RIGHTS__INIT;

	rights.concurrency = 1;
	rights.memory = 64 << 20;
	rights.open_files = 64;
	return rights;
}

static void start_good(struct harness *h, unsigned concurrency)
{
	Rights rights = default_rights();

	rights.concurrency = concurrency;
	if (harness_start(h, "good", NULL, &rights, false) < 0)
		fail_msg("%s", h->refused);
}

static void a_hello_describes_the_plugin(void **state)
{
	struct harness *h = *state;

	assert_int_equal(harness_start(h, "good", NULL, NULL, true), 0);
	assert_string_equal(h->hello->name, "good");
	assert_string_equal(h->hello->version, "1.2");
	assert_true(h->hello->runs && h->hello->delivers);
	assert_int_equal(h->hello->n_commands, 1);
	assert_string_equal(h->hello->commands[0], "greet");
	assert_int_equal(h->hello->n_options, 12);
	assert_string_equal(h->hello->options[3]->key, "int");
	assert_string_equal(h->hello->options[3]->default_value, "-3");
	assert_string_equal(h->hello->options[3]->range, "-10..100000");
	assert_int_equal(h->hello->needs->concurrency, 4);
	assert_int_equal(h->hello->needs->memory, 64 << 20);
	assert_string_equal(h->hello->sandbox[0], "no_new_privs");
	let_go(h);
}

static const char *attribute(const Gavea__V1__Item *item, const char *name)
{
	for (size_t i = 0; i < item->n_attributes; i++)
		if (streq(item->attributes[i]->key, name))
			return item->attributes[i]->value;
	return "(none)";
}

static void options_arrive_typed_and_defaults_fill_in(void **state)
{
	static const char *const options[] = {
		"int=42", "duration=9000000000", "percent=50", "secret=hush", NULL};
	static const uint32_t types[] = {
		GAVEA_OPTION_INT, GAVEA_OPTION_DURATION, GAVEA_OPTION_PERCENT, GAVEA_OPTION_SECRET};
	struct harness *h = *state;
	_cleanup_(answer_freep) Answer *done = NULL;
	const Gavea__V1__Item *item;

	start_good(h, 1);
	assert_int_equal(open_check(h, 1, "good/a", false, options, types), 0);
	done = run_check(h, 1);
	assert_int_equal(done->done->error, 0);
	item = done->done->output->items[0];
	assert_string_equal(item->summary, "string text, choice b");
	assert_string_equal(attribute(item, "integers"), "42 1 9000000000 65536");
	assert_string_equal(attribute(item, "reals"), "0.25 50");
	assert_string_equal(attribute(item, "strings"), "2 one two");
	assert_string_equal(attribute(item, "secret"), "4");
	assert_string_equal(attribute(item, "unset"), "unset");
	let_go(h);
}

static void a_run_says_all_that_it_found(void **state)
{
	struct harness *h = *state;
	Answer *answer;
	uint64_t job;
	size_t series = 0, events = 0;

	start_good(h, 1);
	assert_int_equal(open_check(h, 7, "good/a", false, NULL, NULL), 0);
	job = send_run(h, 7);
	for (;;) {
		answer = next_answer(h);
		assert_non_null(answer);
		if (answer->body_case == GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE)
			break;
		assert_int_equal(answer->body_case, GAVEA__WORKER__V1__FROM_WORKER__BODY_OUTPUT);
		assert_int_equal(answer->output->job, job);
		series += answer->output->n_series;
		if (answer->output->n_events) {
			events++;
			assert_string_equal(answer->output->events[0]->kind, "ran");
			assert_int_equal(answer->output->events[0]->check, 7);
		}
		answer_free(answer);
	}
	assert_int_equal(series, 3);
	assert_int_equal(events, 1);
	assert_int_equal(answer->done->job, job);
	assert_int_equal(answer->done->status, GAVEA__V1__STATUS__OK);
	assert_string_equal(answer->done->summary, "run 1");
	assert_int_equal(answer->done->output->n_items, 2);
	assert_string_equal(answer->done->output->items[1]->summary, "not so good");
	assert_int_equal(answer->done->output->samples->n_values, 2);
	assert_int_equal(answer->done->output->samples->series[0], 1);
	assert_int_equal(answer->done->output->samples->series[1], 1);
	assert_true(answer->done->output->samples->values[0] == 1.5);
	assert_int_equal(answer->done->output->samples->histograms[0]->series, 3);
	assert_int_equal(answer->done->output->samples->histograms[0]->first, -2);
	assert_int_equal(answer->done->output->samples->histograms[0]->buckets[2], 3);
	assert_int_equal(answer->done->output->n_spans, 3);
	assert_memory_equal(answer->done->output->spans[2]->trace_id.data, "0123456789abcdef", 16);
	assert_memory_equal(answer->done->output->spans[2]->span_id.data, "01234567", 8);
	assert_memory_equal(answer->done->output->spans[2]->parent_span_id.data, "abcdefgh", 8);
	assert_true(answer->done->output->spans[2]->start_us == 1000000000);
	assert_true(answer->done->output->spans[2]->end_us > 1000000000);
	assert_true(memcmp(answer->done->output->spans[1]->trace_id.data, "0123456789abcdef", 16) != 0);
	assert_string_equal(answer->done->output->spans[0]->name, "inner");
	assert_int_equal(answer->done->output->spans[0]->parent_span_id.len, 8);
	assert_memory_equal(answer->done->output->spans[0]->parent_span_id.data,
		answer->done->output->spans[1]->span_id.data, 8);
	assert_int_equal(answer->done->open_files, 4);
	assert_string_equal(h->logs, "5: a line about good/a\n");
	answer_free(answer);
	let_go(h);
}

static void a_series_is_declared_once_for_each_check(void **state)
{
	static const char *const options[] = {"mode=many", "int=20", NULL};
	static const uint32_t types[] = {GAVEA_OPTION_CHOICE, GAVEA_OPTION_INT};
	struct harness *h = *state;
	Answer *done;

	start_good(h, 1);
	assert_int_equal(open_check(h, 1, "good/a", true, options, types), 0);
	assert_int_equal(open_check(h, 2, "good/b", true, options, types), 0);
	for (uint32_t check = 1; check <= 2; check++) {
		done = run_check(h, check);
		assert_int_equal(done->done->output->n_series, 20);
		assert_int_equal(done->done->output->samples->n_values, 20);
		answer_free(done);
	}
	for (uint32_t check = 1; check <= 2; check++) {
		done = run_check(h, check);
		assert_int_equal(done->done->output->n_series, 0);
		assert_int_equal(done->done->output->samples->n_values, 20);
		answer_free(done);
	}
	let_go(h);
}

static void much_output_comes_in_several_frames(void **state)
{
	static const char *const options[] = {"mode=many", "int=15000", NULL};
	static const uint32_t types[] = {GAVEA_OPTION_CHOICE, GAVEA_OPTION_INT};
	struct harness *h = *state;
	size_t series = 0, values = 0, frames = 0;
	int last = 0;

	start_good(h, 1);
	assert_int_equal(open_check(h, 1, "good/a", true, options, types), 0);
	send_run(h, 1);
	for (bool more = true; more; frames++) {
		_cleanup_(answer_freep) Answer *answer = next_answer(h);
		const Gavea__Worker__V1__Output *output;

		assert_non_null(answer);
		more = answer->body_case != GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE;
		output = more ? answer->output : answer->done->output;
		series += output->n_series;
		for (size_t i = 0, at = 0; output->samples && i < output->samples->n_series; i++, values++) {
			at += (size_t)output->samples->series[i];
			assert_true((int)at > last);
			last = (int)at;
		}
	}
	assert_int_equal(series, 15003);
	assert_int_equal(values, 15000);
	assert_int_equal(last, 15003);
	assert_true(frames > 10);
	let_go(h);
}

static void failures_carry_their_reason(void **state)
{
	struct harness *h = *state;
	_cleanup_(answer_freep) Answer *done = NULL;

	start_good(h, 1);
	assert_int_equal(open_mode(h, 1, "good/a", "refuse"), -EACCES);
	assert_string_equal(h->refused, "told to refuse");
	assert_int_equal(open_mode(h, 1, "good/a", "refuse-silently"), -ENOENT);
	assert_string_equal(h->refused, "No such file or directory");
	assert_int_equal(open_mode(h, 1, "good/a", "fail"), 0);
	done = run_check(h, 1);
	assert_int_equal(done->done->error, -EHOSTDOWN);
	assert_string_equal(done->done->message, "nobody at home");
	let_go(h);
}

static void what_is_not_open_is_answered_with_an_error(void **state)
{
	Gavea__Worker__V1__Command command = GAVEA__WORKER__V1__COMMAND__INIT;
	struct harness *h = *state;
	Answer *done;

	start_good(h, 1);
	done = run_check(h, 5);
	assert_int_equal(done->done->error, -EINVAL);
	assert_string_equal(done->done->message, "the check is not open");
	answer_free(done);
	assert_int_equal(open_mode(h, 1, "good/a", "full"), 0);
	assert_int_equal(open_mode(h, 1, "good/a", "full"), -EALREADY);
	command.check = 1;
	command.job = 99;
	command.name = (char *)"explode";
	send_part(h, GAVEA__WORKER__V1__TO_WORKER__BODY_COMMAND, &command, -1);
	done = await_done(h, 99);
	assert_string_equal(done->done->message, "the plugin has no such command");
	answer_free(done);
	let_go(h);
}

static void bad_options_from_the_host_are_refused(void **state)
{
	static const char *const unknown[] = {"nothing=1", NULL}, *const wrong[] = {"int=x", NULL};
	static const uint32_t integer[] = {GAVEA_OPTION_INT}, text[] = {GAVEA_OPTION_STRING};
	struct harness *h = *state;

	start_good(h, 1);
	assert_int_equal(open_check(h, 1, "good/a", true, unknown, integer), -EINVAL);
	assert_string_equal(h->refused, "option nothing is not one of the plugin's");
	assert_int_equal(open_check(h, 1, "good/a", true, wrong, integer), -EINVAL);
	assert_string_equal(h->refused, "option int came with a value that is none of its type");
	assert_int_equal(open_check(h, 1, "good/a", true, wrong, text), -EINVAL);
	assert_string_equal(h->refused, "option int came with another type than the plugin's");
	let_go(h);
}

static void cancel_ends_a_run_early(void **state)
{
	struct harness *h = *state;

	for (unsigned concurrency = 1; concurrency <= 4; concurrency += 3) {
		uint64_t job, next;
		Answer *answer;

		start_good(h, concurrency);
		assert_int_equal(open_mode(h, 1, "good/a", "wait"), 0);
		job = send_run(h, 1);
		answer = await_answer(h, GAVEA__WORKER__V1__FROM_WORKER__BODY_PROGRESS);
		assert_true(answer->progress->done == 0.5);
		answer_free(answer);
		/* One that waits behind it is answered without having begun. */
		next = send_run(h, 1);
		send_cancel(h, next);
		answer = await_done(h, next);
		assert_int_equal(answer->done->error, -ECANCELED);
		answer_free(answer);
		send_cancel(h, job);
		answer = await_done(h, job);
		assert_int_equal(answer->done->error, 0);
		answer_free(answer);
		let_go(h);
	}
}

static void different_checks_run_at_the_same_time(void **state)
{
	struct harness *h = *state;
	uint64_t jobs[3];
	Answer *answer;

	start_good(h, 4);
	for (uint32_t i = 0; i < 3; i++) {
		char *name = path_format("good/%u", i);

		assert_int_equal(open_mode(h, i + 1, name, "wait"), 0);
		free(name);
	}
	for (uint32_t i = 0; i < 3; i++)
		jobs[i] = send_run(h, i + 1);
	/* Each says that it has begun, and none has ended. */
	for (uint32_t i = 0; i < 3; i++) {
		answer = await_answer(h, GAVEA__WORKER__V1__FROM_WORKER__BODY_PROGRESS);
		answer_free(answer);
	}
	for (uint32_t i = 0; i < 3; i++) {
		send_cancel(h, jobs[i]);
		answer_free(await_done(h, jobs[i]));
	}
	let_go(h);
}

static void a_deadline_that_has_passed_cancels(void **state)
{
	Gavea__Worker__V1__Run run = GAVEA__WORKER__V1__RUN__INIT;
	struct harness *h = *state;

	start_good(h, 1);
	assert_int_equal(open_mode(h, 1, "good/a", "wait"), 0);
	run.check = 1;
	run.job = 3;
	run.deadline_ns = 1;
	send_part(h, GAVEA__WORKER__V1__TO_WORKER__BODY_RUN, &run, -1);
	answer_free(await_done(h, 3));
	let_go(h);
}

static void state_lasts_from_worker_to_worker(void **state)
{
	static const char *const expected[] = {"run 1", "run 2", "run 3"};
	struct harness *h = *state;

	for (size_t i = 0; i < 3; i++) {
		_cleanup_(answer_freep) Answer *done = NULL;

		start_good(h, 1);
		assert_int_equal(open_mode(h, 1, "good/a b", "full"), 0);
		done = run_check(h, 1);
		assert_string_equal(done->done->summary, expected[i]);
		let_go(h);
	}
}

static void a_stateless_check_leaves_nothing_behind(void **state)
{
	struct harness *h = *state;
	_cleanup_(answer_freep) Answer *done = NULL;
	char *folder = path_format("%s/state/a", h->scratch);

	start_good(h, 1);
	assert_int_equal(open_check(h, 1, "good/a", true, NULL, NULL), 0);
	done = run_check(h, 1);
	assert_string_equal(done->done->summary, "run 1");
	let_go(h);
	assert_int_equal(access(folder, F_OK), -1);
	free(folder);
}

static void an_operation_is_found_again_after_a_crash(void **state)
{
	struct harness *h = *state;
	char buffer[64];
	uint64_t job;
	Answer *answer;

	start_good(h, 1);
	assert_int_equal(open_mode(h, 1, "good/a", "operation"), 0);
	answer = run_check(h, 1);
	assert_int_equal(answer->done->error, 0);
	answer_free(answer);
	link_kill(h->link);
	assert_string_equal(await_death(h, buffer), "killed by SIGKILL");
	harness_stop(h);

	start_good(h, 1);
	assert_int_equal(open_mode(h, 1, "good/a", "full"), 0);
	job = send_run(h, 1);
	/* What open() said comes first. */
	answer = next_answer(h);
	assert_int_equal(answer->body_case, GAVEA__WORKER__V1__FROM_WORKER__BODY_OUTPUT);
	assert_int_equal(answer->output->job, job);
	assert_int_equal(answer->output->n_events, 1);
	assert_string_equal(answer->output->events[0]->kind, "resumed");
	assert_string_equal(answer->output->events[0]->summary, "swap");
	assert_string_equal(answer->output->events[0]->attributes[0]->value, "drain");
	answer_free(answer);
	answer = await_done(h, job);
	assert_string_equal(answer->done->summary, "run 1, resumed");
	answer_free(answer);
	let_go(h);
}

static void commands_are_answered(void **state)
{
	Gavea__Worker__V1__Command command = GAVEA__WORKER__V1__COMMAND__INIT;
	Gavea__Worker__V1__Fact argument = GAVEA__WORKER__V1__FACT__INIT, *arguments[] = {&argument};
	struct harness *h = *state;
	_cleanup_(answer_freep) Answer *done = NULL;

	start_good(h, 1);
	assert_int_equal(open_mode(h, 1, "good/a", "full"), 0);
	argument.key = (char *)"who";
	argument.value = (char *)"world";
	command.check = 1;
	command.job = 4;
	command.name = (char *)"greet";
	command.arguments = arguments;
	command.n_arguments = 1;
	send_part(h, GAVEA__WORKER__V1__TO_WORKER__BODY_COMMAND, &command, -1);
	done = await_done(h, 4);
	assert_int_equal(done->done->error, 0);
	assert_string_equal(done->done->reply, "greet world\n");
	let_go(h);
}

/* A segment with a series (seq 5), a result (6) and a result (7). Returns where seq 6 begins. */
static uint64_t write_segment(int fd)
{
	static const uint8_t series[] = {0x1a, 0}, result[] = {0x32, 0};
	struct segment_header header = {.stream = 77};
	uint8_t bytes[SEGMENT_HEADER_SIZE + 3 * (SEGMENT_RECORD_HEADER_SIZE + 2)], *at = bytes;

	segment_encode_header(&header, at);
	at += SEGMENT_HEADER_SIZE;
	for (uint64_t seq = 5; seq <= 7; seq++) {
		const uint8_t *payload = seq == 5 ? series : result;

		segment_encode_record(seq, payload, 2, at);
		memcpy(at + SEGMENT_RECORD_HEADER_SIZE, payload, 2);
		at += SEGMENT_RECORD_HEADER_SIZE + 2;
	}
	assert_int_equal(fd_write_full(fd, bytes, sizeof bytes), 0);
	return SEGMENT_HEADER_SIZE + SEGMENT_RECORD_HEADER_SIZE + 2;
}

static void a_batch_is_delivered_and_acknowledged(void **state)
{
	Gavea__Worker__V1__Deliver deliver = GAVEA__WORKER__V1__DELIVER__INIT;
	Gavea__Worker__V1__Fact fact = GAVEA__WORKER__V1__FACT__INIT, *facts[] = {&fact};
	struct harness *h = *state;
	char *path = path_format("%s/segment", h->scratch);
	_cleanup_fd_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	Answer *done;

	free(path);
	start_good(h, 1);
	assert_int_equal(open_mode(h, 1, "good/a", "full"), 0);
	fact.key = (char *)"agent_id";
	fact.value = (char *)"x";
	deliver.check = 1;
	deliver.job = 1;
	deliver.stream = 77;
	deliver.offset = write_segment(fd);
	deliver.length = 2 * (SEGMENT_RECORD_HEADER_SIZE + 2);
	deliver.first_seq = 6;
	deliver.facts = facts;
	deliver.n_facts = 1;
	send_part(h, GAVEA__WORKER__V1__TO_WORKER__BODY_DELIVER, &deliver, fd);
	done = await_done(h, 1);
	assert_int_equal(done->done->error, 0);
	assert_int_equal(done->done->acknowledged_seq, 7);
	assert_non_null(strstr(h->logs, "1 declarations, 2 records"));
	assert_int_equal(done->done->open_files, 4);
	answer_free(done);

	deliver.job = 2;
	deliver.length = 0;
	deliver.first_seq = 8;
	send_part(h, GAVEA__WORKER__V1__TO_WORKER__BODY_DELIVER, &deliver, -1);
	done = await_done(h, 2);
	assert_int_equal(done->done->error, 0);
	assert_int_equal(done->done->acknowledged_seq, 0);
	assert_int_equal(done->done->retry_after_ns, 1000000000);
	answer_free(done);
	let_go(h);
}

static void mistakes_of_a_plugin_are_told_once(void **state)
{
	struct harness *h = *state;

	start_good(h, 1);
	assert_int_equal(open_mode(h, 1, "good/a", "misuse"), 0);
	for (int i = 0; i < 2; i++) {
		_cleanup_(answer_freep) Answer *done = run_check(h, 1);

		assert_string_equal(done->done->summary, "asked for what is not there");
	}
	assert_string_equal(h->logs,
		"4: a mistake in the plugin: it asks for option \"no_such_option\", which is not in its "
		"table\n"
		"4: a mistake in the plugin: it reads option \"string\" as another type than its table "
		"has\n");
	let_go(h);
}

static void closing_forgets_a_check(void **state)
{
	Gavea__Worker__V1__Close close_message = GAVEA__WORKER__V1__CLOSE__INIT;
	struct harness *h = *state;

	start_good(h, 4);
	for (int i = 0; i < 3; i++) {
		_cleanup_(answer_freep) Answer *answer = NULL;

		assert_int_equal(open_mode(h, 1, "good/a", "full"), 0);
		close_message.check = 1;
		send_part(h, GAVEA__WORKER__V1__TO_WORKER__BODY_CLOSE, &close_message, -1);
		answer = next_answer(h);
		assert_int_equal(answer->body_case, GAVEA__WORKER__V1__FROM_WORKER__BODY_CLOSED);
		assert_int_equal(answer->closed->check, 1);
	}
	let_go(h);
}

#define worker_test(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(a_hello_describes_the_plugin),
		worker_test(options_arrive_typed_and_defaults_fill_in),
		worker_test(a_run_says_all_that_it_found),
		worker_test(a_series_is_declared_once_for_each_check),
		worker_test(much_output_comes_in_several_frames),
		worker_test(failures_carry_their_reason),
		worker_test(what_is_not_open_is_answered_with_an_error),
		worker_test(bad_options_from_the_host_are_refused),
		worker_test(cancel_ends_a_run_early),
		worker_test(different_checks_run_at_the_same_time),
		worker_test(a_deadline_that_has_passed_cancels),
		worker_test(state_lasts_from_worker_to_worker),
		worker_test(a_stateless_check_leaves_nothing_behind),
		worker_test(an_operation_is_found_again_after_a_crash),
		worker_test(commands_are_answered),
		worker_test(a_batch_is_delivered_and_acknowledged),
		worker_test(mistakes_of_a_plugin_are_told_once),
		worker_test(closing_forgets_a_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
