/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "core/manager/control_client.h"
#include "wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned stopped_waiting;

/* The client's only tie to checks. */
void check_stop_waiting(struct check *check, void *userdata)
{
	(void)check;
	(void)userdata;
	stopped_waiting++;
}

struct fixture {
	sd_event *event;
	sd_event_source *reap;
	struct control_client *client;
	int peer;
	unsigned reaped;
};

static int on_reap(sd_event_source *source, void *userdata)
{
	struct fixture *fixture = userdata;

	(void)source;
	fixture->reaped++;
	return 0;
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	if (events & EPOLLOUT)
		client_send_queue(userdata);
	return 0;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	int fds[2];

	*state = fixture;
	stopped_waiting = 0;
	assert_int_equal(frame_pair(fds), 0);
	assert_true(sd_event_new(&fixture->event) >= 0);
	assert_true(sd_event_add_defer(fixture->event, &fixture->reap, on_reap, fixture) >= 0);
	sd_event_source_set_enabled(fixture->reap, SD_EVENT_OFF);
	assert_int_equal(
		client_new(fixture->event, fds[0], on_client, NULL, fixture->reap, &fixture->client), 0);
	fixture->peer = fds[1];
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	client_free(fixture->client);
	sd_event_source_disable_unref(fixture->reap);
	sd_event_unref(fixture->event);
	fd_close(fixture->peer);
	free(fixture);
	return 0;
}

/* Lets the loop do what it can without waiting. */
static void turn(struct fixture *fixture)
{
	while (sd_event_run(fixture->event, 0) > 0)
		;
}

static void send_text(struct fixture *fixture, size_t size)
{
	Gavea__Control__V1__Answer answer = GAVEA__CONTROL__V1__ANSWER__INIT;
	Gavea__Control__V1__CommandReply reply = GAVEA__CONTROL__V1__COMMAND_REPLY__INIT;
	_cleanup_free_ char *text = malloc(size + 1);

	memset(text, 'x', size);
	text[size] = 0;
	reply.text = text;
	answer.body_case = GAVEA__CONTROL__V1__ANSWER__BODY_REPLY;
	answer.reply = &reply;
	client_send(fixture->client, &answer);
}

/* The next answer; NULL: nothing there, or closed. */
static Gavea__Control__V1__Answer *receive(struct fixture *fixture)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	ProtobufCMessage *message;

	if (frame_receive(fixture->peer, &gavea__control__v1__answer__descriptor, &message, NULL, &scratch) <=
		0)
		return NULL;
	return (Gavea__Control__V1__Answer *)message;
}

/* Takes all that is there and returns the sum of the texts. */
static size_t take_all(struct fixture *fixture)
{
	Gavea__Control__V1__Answer *answer;
	size_t bytes = 0;

	while ((answer = receive(fixture))) {
		bytes += strlen(answer->reply->text);
		gavea__control__v1__answer__free_unpacked(answer, NULL);
		turn(fixture);
	}
	return bytes;
}

static void a_client_that_never_reads_is_dropped_at_the_bound_and_not_before(void **state)
{
	struct fixture *fixture = *state;
	const size_t bound = (size_t)16 << 20;

	for (size_t sent = 0; sent + 100100 < bound; sent += 100000)
		send_text(fixture, 100000);
	assert_false(fixture->client->dead);
	assert_true(fixture->client->queued <= bound);
	for (int i = 0; i < 20; i++)
		send_text(fixture, 100000);
	assert_true(fixture->client->dead);
	assert_true(fixture->client->queued <= bound);
	turn(fixture);
	assert_int_equal(fixture->reaped, 1);
}

static void answers_wait_for_a_slow_reader_and_come_in_order(void **state)
{
	struct fixture *fixture = *state;
	size_t expected = 0;

	for (size_t i = 0; i < 200; i++) {
		send_text(fixture, 1000 + 37 * i);
		expected += 1000 + 37 * i;
	}
	assert_true(fixture->client->queued > 0);
	assert_int_equal(take_all(fixture), expected);
	assert_int_equal(fixture->client->queued, 0);
	assert_false(fixture->client->dead);
	/* And again, after the queue ran empty. */
	send_text(fixture, 5);
	assert_int_equal(take_all(fixture), 5);
}

static void the_end_closes_when_all_was_taken(void **state)
{
	struct fixture *fixture = *state;
	Gavea__Control__V1__Answer *answer;

	client_end(fixture->client, "no such thing");
	assert_true(fixture->client->dead);
	answer = receive(fixture);
	assert_non_null(answer);
	assert_int_equal(answer->body_case, GAVEA__CONTROL__V1__ANSWER__BODY_END);
	assert_string_equal(answer->end->error, "no such thing");
	assert_false(answer->end->more);
	gavea__control__v1__answer__free_unpacked(answer, NULL);
	send_text(fixture, 5);
	assert_null(receive(fixture));
}

static void the_end_waits_for_what_is_queued(void **state)
{
	struct fixture *fixture = *state;
	Gavea__Control__V1__Answer *answer;
	bool ended = false;

	for (int i = 0; i < 20; i++)
		send_text(fixture, 100000);
	client_end(fixture->client, NULL);
	assert_false(fixture->client->dead);
	send_text(fixture, 7);
	while ((answer = receive(fixture))) {
		assert_false(ended);
		ended = answer->body_case == GAVEA__CONTROL__V1__ANSWER__BODY_END;
		gavea__control__v1__answer__free_unpacked(answer, NULL);
		turn(fixture);
	}
	assert_true(ended);
	assert_true(fixture->client->dead);
}

static void an_answer_too_large_for_a_frame_ends_with_an_error(void **state)
{
	struct fixture *fixture = *state;
	Gavea__Control__V1__Answer *answer;

	send_text(fixture, FRAME_MAX);
	answer = receive(fixture);
	assert_non_null(answer);
	assert_string_equal(answer->end->error, "the answer does not fit into a message");
	gavea__control__v1__answer__free_unpacked(answer, NULL);
}

static void a_client_that_left_is_dead_at_the_next_answer(void **state)
{
	struct fixture *fixture = *state;

	fixture->peer = fd_close(fixture->peer);
	send_text(fixture, 5);
	assert_true(fixture->client->dead);
	send_text(fixture, 5);
	client_end(fixture->client, NULL);
}

static void a_client_that_goes_waits_no_longer(void **state)
{
	struct fixture *fixture = *state;
	struct command_job command = {.userdata = fixture->client};
	struct control_client *other;
	int fds[2];

	assert_int_equal(frame_pair(fds), 0);
	assert_int_equal(client_new(fixture->event, fds[0], on_client, NULL, fixture->reap, &other), 0);
	other->waits_for = (struct check *)fixture;
	other->command = &command;
	client_free(other);
	fd_close(fds[1]);
	assert_int_equal(stopped_waiting, 1);
	assert_null(command.userdata);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_client_that_never_reads_is_dropped_at_the_bound_and_not_before),
		TEST(answers_wait_for_a_slow_reader_and_come_in_order),
		TEST(the_end_closes_when_all_was_taken),
		TEST(the_end_waits_for_what_is_queued),
		TEST(an_answer_too_large_for_a_frame_ends_with_an_error),
		TEST(a_client_that_left_is_dead_at_the_next_answer),
		TEST(a_client_that_goes_waits_no_longer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
