/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"
#include "packet.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/random.h"

#include <poll.h>

enum {
	PATIENCE_MS = 100, /* between two looks at the clock and at cancelled() */
	RECEIVE_MAX = 16, /* messages in one go: nobody keeps the others waiting */
};

enum stage { STAGE_WAITING, STAGE_UDP, STAGE_TCP_SEND, STAGE_TCP_RECEIVE, STAGE_DONE };

/* A question on its way. */
struct flight {
	struct exchange_query *query;
	enum stage stage;
	int fd;
	int64_t began; /* this try */
	int64_t expires;
	bool plain; /* without EDNS from here on */
	bool truncated; /* over UDP: this is the TCP try after it */
	unsigned strangers; /* of this try */
	uint8_t question[2 + PACKET_QUERY_MAX]; /* behind its length, as TCP wants it */
	size_t question_size; /* without the length */
	uint8_t *in; /* over TCP: the length, then the message */
	size_t in_want;
	size_t done; /* bytes sent or received */
};

static int64_t now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void hang_up(struct flight *flight)
{
	flight->fd = fd_close(flight->fd);
	free(TAKE_PTR(flight->in));
	flight->done = 0;
}

static void land(struct flight *flight, enum exchange_outcome outcome, int error)
{
	hang_up(flight);
	flight->stage = STAGE_DONE;
	flight->query->outcome = outcome;
	flight->query->error = error;
}

/* Gives up this try: another one, or the end. */
static void fail_try(
	struct flight *flight, const struct exchange_limits *limits, enum exchange_outcome outcome, int error)
{
	if (flight->truncated) {
		land(flight, EXCHANGE_TRUNCATED,
			outcome == EXCHANGE_TIMEOUT           ? ETIMEDOUT
				: outcome == EXCHANGE_STRANGE ? EBADMSG
							      : error);
		return;
	}
	if (flight->query->tcp || flight->query->tries >= limits->tries) {
		land(flight, outcome, error);
		return;
	}
	hang_up(flight);
	flight->stage = STAGE_WAITING;
	/* What drops EDNS on the way looks like silence. */
	if (limits->tries > 1 && flight->query->tries + 1 == limits->tries)
		flight->plain = true;
}

static void build(struct flight *flight)
{
	const struct exchange_query *query = flight->query;
	unsigned flags = (query->recurse ? PACKET_RECURSE : 0) |
		(query->checking_disabled ? PACKET_CHECKING_DISABLED : 0) |
		(flight->plain ? 0 : PACKET_EDNS) | (query->dnssec && !flight->plain ? PACKET_DNSSEC : 0);
	uint16_t id;

	random_bytes(&id, sizeof(id));
	flight->question_size =
		packet_build(flight->question + 2, id, query->name, query->name_size, query->type, flags);
	flight->question[0] = (uint8_t)(flight->question_size >> 8);
	flight->question[1] = (uint8_t)flight->question_size;
}

static int open_socket(struct flight *flight, int type)
{
	const union address *server = flight->query->server;

	flight->fd = socket(server->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (flight->fd < 0)
		return -errno;
	if (connect(flight->fd, &server->any, address_size(server)) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void start(struct flight *flight, const struct exchange_limits *limits)
{
	bool tcp = flight->query->tcp || flight->truncated;
	int r;

	build(flight);
	flight->strangers = 0;
	flight->done = 0;
	flight->began = now();
	flight->expires = MIN(flight->began + limits->timeout, limits->deadline);
	flight->query->tries += !flight->truncated;
	r = open_socket(flight, tcp ? SOCK_STREAM : SOCK_DGRAM);
	if (r == 0 && !tcp && send(flight->fd, flight->question + 2, flight->question_size, MSG_NOSIGNAL) < 0)
		r = -errno;
	if (r < 0) {
		fail_try(flight, limits, EXCHANGE_FAILED, -r);
		return;
	}
	flight->stage = tcp ? STAGE_TCP_SEND : STAGE_UDP;
}

/* Takes an answer to the question. bytes becomes the query's. */
static void accept_answer(struct flight *flight, uint8_t *bytes, size_t size, bool tcp)
{
	struct exchange_query *query = flight->query;

	query->answer = bytes;
	query->answer_size = size;
	query->latency = now() - flight->began;
	query->over_tcp = tcp;
	query->without_edns = flight->plain;
	land(flight, EXCHANGE_ANSWERED, 0);
}

/* A server that does not know EDNS says so in one of these ways (RFC 6891, section 7). */
static bool refuses_edns(const struct flight *flight, const uint8_t *answer)
{
	unsigned rcode = packet_rcode(answer);

	return !flight->plain && (rcode == PACKET_FORMERR || rcode == PACKET_NOTIMP);
}

/* Once more, at once, in another way; the try does not count. */
static void start_over(struct flight *flight)
{
	hang_up(flight);
	flight->stage = STAGE_WAITING;
	flight->query->tries -= !flight->truncated;
}

static void take_message(struct flight *flight, const uint8_t *bytes, size_t size, bool tcp)
{
	uint8_t *copy;

	if (refuses_edns(flight, bytes)) {
		flight->plain = true;
		start_over(flight);
		return;
	}
	if (packet_truncated(bytes) && !tcp) {
		hang_up(flight);
		flight->truncated = true;
		flight->stage = STAGE_WAITING;
		return;
	}
	copy = malloc(size);
	if (!copy) {
		land(flight, EXCHANGE_FAILED, ENOMEM);
		return;
	}
	memcpy(copy, bytes, size);
	accept_answer(flight, copy, size, tcp);
}

static bool too_strange(struct flight *flight, const struct exchange_limits *limits)
{
	flight->query->strangers++;
	if (++flight->strangers < EXCHANGE_STRANGERS_MAX)
		return false;
	fail_try(flight, limits, EXCHANGE_STRANGE, EBADMSG);
	return true;
}

static void receive_udp(struct flight *flight, const struct exchange_limits *limits)
{
	uint8_t bytes[4096];

	for (int i = 0; i < RECEIVE_MAX; i++) {
		ssize_t size = recv(flight->fd, bytes, sizeof(bytes), 0);

		if (size < 0) {
			if (errno != EAGAIN && errno != EINTR)
				fail_try(flight, limits, EXCHANGE_FAILED, errno);
			return;
		}
		if (packet_answers(bytes, (size_t)size, flight->question + 2, flight->question_size)) {
			take_message(flight, bytes, (size_t)size, false);
			return;
		}
		if (too_strange(flight, limits))
			return;
	}
}

static void send_tcp(struct flight *flight, const struct exchange_limits *limits)
{
	ssize_t size = send(flight->fd, flight->question + flight->done,
		2 + flight->question_size - flight->done, MSG_NOSIGNAL);

	if (size < 0) {
		if (errno != EAGAIN && errno != EINTR)
			fail_try(flight, limits, EXCHANGE_FAILED, errno);
		return;
	}
	flight->done += (size_t)size;
	if (flight->done < 2 + flight->question_size)
		return;
	flight->done = 0;
	flight->in_want = 2;
	flight->in = malloc(2);
	if (!flight->in)
		land(flight, EXCHANGE_FAILED, ENOMEM);
	else
		flight->stage = STAGE_TCP_RECEIVE;
}

/* The length is there: room for the message, or the message itself is complete. */
static void take_tcp(struct flight *flight, const struct exchange_limits *limits)
{
	size_t size = (size_t)flight->in[0] << 8 | flight->in[1];

	if (flight->in_want == 2 && size >= PACKET_HEADER) {
		uint8_t *grown = realloc(flight->in, 2 + size);

		if (!grown) {
			land(flight, EXCHANGE_FAILED, ENOMEM);
			return;
		}
		flight->in = grown;
		flight->in_want = 2 + size;
		return;
	}
	if (packet_answers(flight->in + 2, size, flight->question + 2, flight->question_size)) {
		uint8_t *in = TAKE_PTR(flight->in);

		take_message(flight, in + 2, size, true);
		free(in);
		return;
	}
	flight->query->strangers++;
	fail_try(flight, limits, EXCHANGE_STRANGE, EBADMSG);
}

static void receive_tcp(struct flight *flight, const struct exchange_limits *limits)
{
	ssize_t size = recv(flight->fd, flight->in + flight->done, flight->in_want - flight->done, 0);

	if (size < 0) {
		if (errno != EAGAIN && errno != EINTR)
			fail_try(flight, limits, EXCHANGE_FAILED, errno);
		return;
	}
	if (size == 0) {
		fail_try(flight, limits, EXCHANGE_FAILED, ECONNRESET);
		return;
	}
	flight->done += (size_t)size;
	if (flight->done == flight->in_want)
		take_tcp(flight, limits);
}

static void step(struct flight *flight, const struct exchange_limits *limits)
{
	switch (flight->stage) {
	case STAGE_UDP:
		receive_udp(flight, limits);
		break;
	case STAGE_TCP_SEND:
		send_tcp(flight, limits);
		break;
	case STAGE_TCP_RECEIVE:
		receive_tcp(flight, limits);
		break;
	case STAGE_WAITING:
	case STAGE_DONE:
		break;
	}
}

/* Starts what waits, as far as there is room, and fills in whom to wait for. */
static size_t prepare(struct flight *flights, size_t count, const struct exchange_limits *limits,
	struct pollfd polls[static EXCHANGE_SOCKETS_MAX], struct flight *polled[static EXCHANGE_SOCKETS_MAX])
{
	size_t open = 0;

	for (size_t i = 0; i < count; i++)
		open += flights[i].fd >= 0;
	for (size_t i = 0; i < count && open < EXCHANGE_SOCKETS_MAX; i++) {
		if (flights[i].stage != STAGE_WAITING)
			continue;
		/* A try that fails at once leaves the next one waiting. */
		while (flights[i].stage == STAGE_WAITING)
			start(&flights[i], limits);
		open += flights[i].fd >= 0;
	}
	open = 0;
	for (size_t i = 0; i < count && open < EXCHANGE_SOCKETS_MAX; i++) {
		if (flights[i].fd < 0)
			continue;
		polls[open] = (struct pollfd){
			.fd = flights[i].fd, .events = flights[i].stage == STAGE_TCP_SEND ? POLLOUT : POLLIN};
		polled[open++] = &flights[i];
	}
	return open;
}

static int patience(struct flight *const *polled, size_t count)
{
	int64_t wait = PATIENCE_MS * NSEC_PER_MSEC;
	int64_t at = now();

	for (size_t i = 0; i < count; i++)
		wait = MIN(wait, polled[i]->expires - at);
	return wait > 0 ? (int)(wait / NSEC_PER_MSEC) + 1 : 0;
}

static void turn(struct flight *flights, size_t count, const struct exchange_limits *limits)
{
	struct pollfd polls[EXCHANGE_SOCKETS_MAX];
	struct flight *polled[EXCHANGE_SOCKETS_MAX];
	size_t open = prepare(flights, count, limits, polls, polled);
	int ready = poll(polls, open, patience(polled, open));
	int64_t at;

	for (size_t i = 0; i < open && ready > 0; i++)
		if (polls[i].revents)
			step(polled[i], limits);
	at = now();
	for (size_t i = 0; i < open; i++) {
		bool under_way = polled[i]->fd >= 0;

		/* At the deadline of all it is our time that ran out, not the server's. */
		if (under_way && polled[i]->expires <= at && at < limits->deadline)
			fail_try(polled[i], limits, EXCHANGE_TIMEOUT, ETIMEDOUT);
	}
}

static bool is_over(const struct flight *flights, size_t count, const struct exchange_limits *limits)
{
	if (now() >= limits->deadline || (limits->cancelled && limits->cancelled(limits->userdata)))
		return true;
	for (size_t i = 0; i < count; i++)
		if (flights[i].stage != STAGE_DONE)
			return false;
	return true;
}

int exchange_run(struct exchange_query *queries, size_t count, const struct exchange_limits *limits)
{
	_cleanup_free_ struct flight *flights = calloc(count + 1, sizeof(*flights));

	if (!flights)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		flights[i] = (struct flight){.query = &queries[i], .fd = -EBADF};
	while (!is_over(flights, count, limits))
		turn(flights, count, limits);
	for (size_t i = 0; i < count; i++)
		if (flights[i].stage != STAGE_DONE)
			land(&flights[i], EXCHANGE_UNASKED, 0);
	return 0;
}

void exchange_query_done(struct exchange_query *query)
{
	free(query->answer);
	query->answer = NULL;
	query->answer_size = 0;
}
