/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/resolve.h"
#include "base/clock.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>

#define PATIENCE_MS 100 /* between two looks at the clock and at cancelled() */

/* A question under way. */
struct question {
	bool done;
	int status; /* c-ares' */
	struct addresses *addresses;
};

static int compare(const void *a, const void *b)
{
	const union address *one = a, *other = b;

	if (one->any.sa_family != other->any.sa_family)
		return one->any.sa_family == AF_INET ? -1 : 1;
	if (one->any.sa_family == AF_INET)
		return memcmp(&one->v4.sin_addr, &other->v4.sin_addr, sizeof one->v4.sin_addr);
	return memcmp(&one->v6.sin6_addr, &other->v6.sin6_addr, sizeof one->v6.sin6_addr);
}

static bool contains(const struct addresses *addresses, const union address *address)
{
	for (size_t i = 0; i < addresses->count; i++)
		if (compare(&addresses->list[i], address) == 0)
			return true;
	return false;
}

/* Copies what the answer holds, and frees it. */
static void take_addresses(struct ares_addrinfo *info, struct addresses *addresses)
{
	for (struct ares_addrinfo_node *node = info ? info->nodes : NULL; node; node = node->ai_next) {
		union address address = {0};

		if (node->ai_addrlen > sizeof address || addresses->count == RESOLVE_ADDRESSES_MAX)
			continue;
		memcpy(&address, node->ai_addr, node->ai_addrlen);
		if (!contains(addresses, &address))
			addresses->list[addresses->count++] = address;
	}
	ares_freeaddrinfo(info);
	qsort(addresses->list, addresses->count, sizeof addresses->list[0], compare);
}

static void on_answer(void *userdata, int status, int timeouts, struct ares_addrinfo *info)
{
	struct question *question = userdata;

	(void)timeouts;
	question->done = true;
	question->status = status;
	take_addresses(info, question->addresses);
}

/* Waits for the sockets of the channel until `patience` is over, and takes what came. */
static void wait_once(ares_channel channel, int patience)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	int mask = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	struct pollfd polls[ARES_GETSOCK_MAXNUM];
	struct timeval bound = {.tv_usec = patience * 1000};
	struct timeval own;
	struct timeval *timeout = ares_timeout(channel, &bound, &own);
	nfds_t count = 0;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = (short)((ARES_GETSOCK_READABLE(mask, i) ? POLLIN : 0) |
			(ARES_GETSOCK_WRITABLE(mask, i) ? POLLOUT : 0));

		if (events)
			polls[count++] = (struct pollfd){.fd = sockets[i], .events = events};
	}
	if (poll(polls, count, (int)(timeout->tv_sec * 1000 + timeout->tv_usec / 1000)) <= 0)
		count = 0;
	for (nfds_t i = 0; i < count; i++)
		ares_process_fd(channel, polls[i].revents & ~POLLOUT ? polls[i].fd : ARES_SOCKET_BAD,
			polls[i].revents & POLLOUT ? polls[i].fd : ARES_SOCKET_BAD);
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* those that are overdue */
}

static int wait_for(ares_channel channel, const struct resolve_request *request, struct question *question)
{
	int64_t left;

	while (!question->done) {
		left = (request->deadline - clock_ns(CLOCK_MONOTONIC)) / NSEC_PER_MSEC;
		if (left <= 0)
			return -ETIMEDOUT;
		if (request->cancelled && request->cancelled(request->userdata))
			return -ECANCELED;
		wait_once(channel, (int)MIN(left, PATIENCE_MS));
	}
	return 0;
}

static int judge(const struct resolve_request *request, int status, size_t count, struct error *error)
{
	switch (status) {
	case ARES_SUCCESS:
		if (count)
			return 0;
		/* fallthrough */
	case ARES_ENODATA:
		return error_set(error, -ENOENT, "%s: the name has no%s address", request->host,
			request->family == AF_INET            ? " IPv4"
				: request->family == AF_INET6 ? " IPv6"
							      : "");
	case ARES_ENOTFOUND:
		return error_set(error, -ENOENT, "%s: there is no such name", request->host);
	case ARES_ETIMEOUT:
		return error_set(error, -ETIMEDOUT, "%s: no name server answered", request->host);
	case ARES_ENOMEM:
		return error_set(error, -ENOMEM, "out of memory");
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return error_set(error, -ECANCELED, "%s: resolving was cancelled", request->host);
	case ARES_EBADNAME:
	case ARES_EFORMERR:
		return error_set(error, -EINVAL, "%s: not the name of a host", request->host);
	default:
		return error_set(
			error, -EHOSTUNREACH, "%s: cannot resolve: %s", request->host, ares_strerror(status));
	}
}

/* Whether the host is an address itself; c-ares would ask name servers about some. It is added when it is of the right
 * family. */
static bool take_literal(const struct resolve_request *request, struct addresses *addresses)
{
	union address address = {0};
	int family = AF_INET;

	if (inet_pton(AF_INET, request->host, &address.v4.sin_addr) == 1) {
		address.v4.sin_port = htons(request->port);
	} else if (inet_pton(AF_INET6, request->host, &address.v6.sin6_addr) == 1) {
		family = AF_INET6;
		address.v6.sin6_port = htons(request->port);
	} else {
		return false;
	}
	address.any.sa_family = (sa_family_t)family;
	if (request->family == AF_UNSPEC || request->family == family)
		addresses->list[addresses->count++] = address;
	return true;
}

static void send_question(ares_channel channel, const struct resolve_request *request,
	ares_addrinfo_callback answer, void *userdata)
{
	struct ares_addrinfo_hints hints = {
		.ai_flags = ARES_AI_NOSORT | ARES_AI_NUMERICSERV,
		.ai_family = request->family,
		.ai_socktype = SOCK_STREAM,
	};
	char port[8];

	snprintf(port, sizeof port, "%u", request->port);
	ares_getaddrinfo(channel, request->host, port, &hints, answer, userdata);
}

/* Asks on an open channel. */
static int ask(ares_channel channel, const struct resolve_request *request, struct question *question,
	struct error *error)
{
	int r;

	send_question(channel, request, on_answer, question);
	r = wait_for(channel, request, question);
	if (r < 0) {
		ares_cancel(channel);
		return error_set(error, r, "%s: %s", request->host,
			r == -ECANCELED ? "resolving was cancelled" : "no name server answered in time");
	}
	return judge(request, question->status, question->addresses->count, error);
}

int resolve(const struct resolve_request *request, struct addresses *ret_addresses, struct error *error)
{
	struct addresses addresses = {0};
	struct question question = {.addresses = &addresses};
	struct ares_options options = {.timeout = 2000, .tries = 3};
	ares_channel channel;
	int r;

	if (str_empty(request->host))
		return error_set(error, -EINVAL, "the name of a host is empty");
	if (take_literal(request, &addresses)) {
		r = judge(request, ARES_SUCCESS, addresses.count, error);
		if (r == 0)
			*ret_addresses = addresses;
		return r;
	}
	r = ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (r != ARES_SUCCESS)
		return error_set(error, r == ARES_ENOMEM ? -ENOMEM : -EHOSTUNREACH, "%s: cannot resolve: %s",
			request->host, ares_strerror(r));
	r = ask(channel, request, &question, error);
	ares_destroy(channel);
	if (r < 0)
		return r;
	*ret_addresses = addresses;
	return 0;
}

/* ---- Many at once ---- */

struct resolver {
	ares_channel channel;
	struct resolver_hooks hooks;
};

/* One of many questions under way; frees itself with its answer. */
struct asked {
	struct resolve_request request; /* with a host of its own */
	resolver_answer_t answer;
	void *userdata;
};

static void on_watch(void *userdata, ares_socket_t fd, int readable, int writable)
{
	struct resolver *resolver = userdata;

	resolver->hooks.watch(resolver->hooks.userdata, fd, readable, writable);
}

int resolver_new(const struct resolver_hooks *hooks, struct resolver **ret_resolver, struct error *error)
{
	struct resolver *resolver = calloc(1, sizeof *resolver);
	struct ares_options options = {.timeout = 2000, .tries = 3, .sock_state_cb = on_watch};
	int r;

	if (!resolver)
		return error_set(error, -ENOMEM, "out of memory");
	options.sock_state_cb_data = resolver;
	resolver->hooks = *hooks;
	r = ares_init_options(
		&resolver->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (r != ARES_SUCCESS) {
		free(resolver);
		return error_set(error, r == ARES_ENOMEM ? -ENOMEM : -EHOSTUNREACH,
			"cannot resolve names: %s", ares_strerror(r));
	}
	*ret_resolver = resolver;
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	ares_destroy(resolver->channel);
	free(resolver);
}

static void on_one_answer(void *userdata, int status, int timeouts, struct ares_addrinfo *info)
{
	struct asked *asked = userdata;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct addresses addresses = {0};
	int r;

	(void)timeouts;
	take_addresses(info, &addresses);
	r = judge(&asked->request, status, addresses.count, &error);
	asked->answer(asked->userdata, r, &addresses, &error);
	free((char *)asked->request.host);
	free(asked);
}

void resolver_ask(struct resolver *resolver, const struct resolve_request *request, resolver_answer_t answer,
	void *userdata)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct addresses addresses = {0};
	struct asked *asked;
	char *host;

	if (request->host && take_literal(request, &addresses)) {
		int r = judge(request, ARES_SUCCESS, addresses.count, &error);

		answer(userdata, r, &addresses, &error);
		return;
	}
	asked = calloc(1, sizeof *asked);
	host = strdup(request->host ? request->host : "");
	if (!asked || !host || !*host) {
		int r = host && !*host ? -EINVAL : -ENOMEM;

		error_set(&error, r, r == -EINVAL ? "the name of a host is empty" : "out of memory");
		free(asked);
		free(host);
		answer(userdata, r, &addresses, &error);
		return;
	}
	*asked = (struct asked){*request, answer, userdata};
	asked->request.host = host;
	send_question(resolver->channel, &asked->request, on_one_answer, asked);
}

void resolver_process(struct resolver *resolver, int fd, bool readable, bool writable)
{
	ares_process_fd(resolver->channel, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
}

int resolver_patience(struct resolver *resolver, int bound)
{
	struct timeval most = {.tv_sec = bound / 1000, .tv_usec = bound % 1000 * 1000}, own;
	struct timeval *left = ares_timeout(resolver->channel, &most, &own);

	return (int)(left->tv_sec * 1000 + (left->tv_usec + 999) / 1000);
}

socklen_t address_size(const union address *address)
{
	return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

char *address_text(char buffer[static RESOLVE_TEXT_SIZE], const union address *address)
{
	const void *bytes = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
							      : (const void *)&address->v6.sin6_addr;

	if (!inet_ntop(address->any.sa_family, bytes, buffer, RESOLVE_TEXT_SIZE))
		buffer[0] = '\0';
	return buffer;
}

char *address_text_port(char buffer[static RESOLVE_TEXT_SIZE], const union address *address)
{
	char host[RESOLVE_TEXT_SIZE];
	unsigned port =
		ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);

	snprintf(buffer, RESOLVE_TEXT_SIZE, address->any.sa_family == AF_INET ? "%s:%u" : "[%s]:%u",
		address_text(host, address), port);
	return buffer;
}
