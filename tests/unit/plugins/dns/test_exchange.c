/* SPDX-License-Identifier: Apache-2.0 */
/* The exchange with servers on the loopback: what they send is written down before it is asked for. */
#include "plugins/dns/exchange.h"
#include "plugins/dns/packet.h"

#include "base/clock.h"
#include "base/fd.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t name[] = "\3www\7example";

/* What a server does with each question over UDP. */
enum manner { ECHO, ECHO_OTHER_ID, SILENCE, NO_EDNS, TRUNCATE };

struct server {
	union address address;
	enum manner manner;
	int socket;
	int stop[2];
	pthread_t thread;
	unsigned questions;
};

static void reply(const struct server *server, uint8_t *bytes, size_t size, const union address *peer)
{
	bytes[2] |= server->manner == TRUNCATE ? 0x82 : 0x80;
	bytes[0] ^= server->manner == ECHO_OTHER_ID ? 0xff : 0;
	assert_true(sendto(server->socket, bytes, size, 0, &peer->any, sizeof(peer->v4)) > 0);
}

static void *serve(void *userdata)
{
	struct server *server = userdata;
	struct pollfd polls[] = {
		{.fd = server->socket, .events = POLLIN}, {.fd = server->stop[0], .events = POLLIN}};

	while (poll(polls, 2, -1) > 0 && !polls[1].revents) {
		union address peer;
		socklen_t length = sizeof(peer);
		uint8_t bytes[512];
		ssize_t size = recvfrom(server->socket, bytes, sizeof(bytes), 0, &peer.any, &length);

		if (size < PACKET_HEADER)
			continue;
		server->questions++;
		if (server->manner != SILENCE && !(server->manner == NO_EDNS && bytes[11]))
			reply(server, bytes, (size_t)size, &peer);
	}
	return NULL;
}

static void server_start(struct server *server, enum manner manner)
{
	socklen_t length = sizeof(server->address.v4);

	*server = (struct server){.manner = manner};
	server->address.v4.sin_family = AF_INET;
	server->address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->socket, &server->address.any, length), 0);
	assert_int_equal(getsockname(server->socket, &server->address.any, &length), 0);
	assert_int_equal(pipe(server->stop), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
	fd_close(server->stop[1]);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	fd_close(server->stop[0]);
	fd_close(server->socket);
}

static struct exchange_query question_to(const struct server *server)
{
	return (struct exchange_query){.server = &server->address,
		.name = name,
		.name_size = sizeof(name),
		.type = 1,
		.recurse = true};
}

static void run(struct exchange_query *queries, size_t count, int64_t timeout_ms, unsigned tries)
{
	struct exchange_limits limits = {.deadline = clock_ns(CLOCK_MONOTONIC) + 60 * NSEC_PER_SEC,
		.timeout = timeout_ms * NSEC_PER_MSEC,
		.tries = tries};

	assert_int_equal(exchange_run(queries, count, &limits), 0);
}

static void ask_one(enum manner manner, int64_t timeout_ms, unsigned tries, struct exchange_query *query,
	unsigned *ret_questions)
{
	struct server server;

	server_start(&server, manner);
	*query = question_to(&server);
	run(query, 1, timeout_ms, tries);
	server_stop(&server);
	query->server = NULL;
	*ret_questions = server.questions;
}

static void an_answer_is_taken(void **state)
{
	struct exchange_query query;
	unsigned questions;

	(void)state;
	ask_one(ECHO, 20000, 3, &query, &questions);
	assert_int_equal(query.outcome, EXCHANGE_ANSWERED);
	assert_int_equal(query.tries, 1);
	assert_int_equal(questions, 1);
	assert_false(query.over_tcp || query.without_edns);
	assert_true(query.answer_size > PACKET_HEADER && query.latency > 0);
	exchange_query_done(&query);
}

static void silence_is_asked_again_as_often_as_it_is_said(void **state)
{
	struct exchange_query query;
	unsigned questions;

	(void)state;
	ask_one(SILENCE, 20, 4, &query, &questions);
	assert_int_equal(query.outcome, EXCHANGE_TIMEOUT);
	assert_int_equal(query.tries, 4);
	assert_null(query.answer);
}

static void an_answer_with_another_id_is_none(void **state)
{
	struct exchange_query query;
	unsigned questions;

	(void)state;
	ask_one(ECHO_OTHER_ID, 50, 2, &query, &questions);
	assert_int_equal(query.outcome, EXCHANGE_TIMEOUT);
	assert_true(query.strangers > 0);
}

static void the_last_try_goes_without_edns(void **state)
{
	struct exchange_query query;
	unsigned questions;

	(void)state;
	ask_one(NO_EDNS, 1000, 2, &query, &questions);
	assert_int_equal(query.outcome, EXCHANGE_ANSWERED);
	assert_true(query.without_edns);
	exchange_query_done(&query);
}

static void a_truncated_answer_needs_tcp(void **state)
{
	struct exchange_query query;
	unsigned questions;

	(void)state;
	ask_one(TRUNCATE, 20000, 2, &query, &questions);
	assert_int_equal(query.outcome, EXCHANGE_TRUNCATED);
	assert_int_equal(query.error, ECONNREFUSED);
}

static void more_questions_than_sockets_are_all_asked(void **state)
{
	struct exchange_query queries[3 * EXCHANGE_SOCKETS_MAX];
	struct server server;

	(void)state;
	server_start(&server, ECHO);
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		queries[i] = question_to(&server);
	run(queries, ARRAY_SIZE(queries), 20000, 3);
	server_stop(&server);
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		assert_int_equal(queries[i].outcome, EXCHANGE_ANSWERED);
		exchange_query_done(&queries[i]);
	}
}

static bool at_once(void *userdata)
{
	unsigned *calls = userdata;

	return ++*calls > 2;
}

static void it_ends_when_it_is_told_to(void **state)
{
	unsigned calls = 0;
	struct server server;
	struct exchange_query query;
	struct exchange_limits limits = {.deadline = clock_ns(CLOCK_MONOTONIC) + 3600 * NSEC_PER_SEC,
		.timeout = 3600 * NSEC_PER_SEC,
		.tries = 1,
		.cancelled = at_once,
		.userdata = &calls};

	(void)state;
	server_start(&server, SILENCE);
	query = question_to(&server);
	assert_int_equal(exchange_run(&query, 1, &limits), 0);
	assert_int_equal(query.outcome, EXCHANGE_UNASKED);
	server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_taken),
		cmocka_unit_test(silence_is_asked_again_as_often_as_it_is_said),
		cmocka_unit_test(an_answer_with_another_id_is_none),
		cmocka_unit_test(the_last_try_goes_without_edns),
		cmocka_unit_test(a_truncated_answer_needs_tcp),
		cmocka_unit_test(more_questions_than_sockets_are_all_asked),
		cmocka_unit_test(it_ends_when_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
