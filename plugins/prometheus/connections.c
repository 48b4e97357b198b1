/* SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

#include "base/clock.h"

#include <netinet/in.h>

#define FIRST_REQUEST (10 * NSEC_PER_SEC) /* with the handshake of TLS */
#define NEXT_REQUEST (150 * NSEC_PER_SEC) /* scrapers that come each minute keep their connection */
#define ANSWER (60 * NSEC_PER_SEC) /* no scraper waits for longer */

#define IPV6_SITE 8 /* bytes */

void connections_peer(const struct sockaddr *address, uint8_t ret_peer[static PEER_SIZE])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

	memset(ret_peer, 0, PEER_SIZE);
	if (address->sa_family == AF_INET)
		memcpy(ret_peer + PEER_SIZE - sizeof(v4->sin_addr), &v4->sin_addr, sizeof(v4->sin_addr));
	else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		memcpy(ret_peer + PEER_SIZE - sizeof(v4->sin_addr), &v6->sin6_addr.s6_addr[12],
			sizeof(v4->sin_addr));
	else if (address->sa_family == AF_INET6)
		memcpy(ret_peer, &v6->sin6_addr, IPV6_SITE);
}

static void end(struct connections *connections, struct connection *connection, enum scrape_drop reason)
{
	connection->ending = true;
	connections->counters->drops[reason]++;
	(void)shutdown(connection->fd, SHUT_RDWR);
}

struct census {
	size_t all, peers; /* that are not ending */
	struct connection *idlest, *idlest_of_peer; /* waiting for longest */
};

static bool is_idler(const struct connection *connection, const struct connection *than)
{
	return !connection->answering && (!than || connection->since < than->since);
}

static struct census count(const struct connections *connections, const uint8_t peer[static PEER_SIZE])
{
	struct census census = {0};

	for (struct connection *c = connections->first; c; c = c->next) {
		if (c->ending)
			continue;
		census.all++;
		if (is_idler(c, census.idlest))
			census.idlest = c;
		if (memcmp(c->peer, peer, PEER_SIZE) != 0)
			continue;
		census.peers++;
		if (is_idler(c, census.idlest_of_peer))
			census.idlest_of_peer = c;
	}
	return census;
}

bool connections_admit(struct connections *connections, const uint8_t peer[static PEER_SIZE])
{
	struct census census = count(connections, peer);
	bool peer_full = census.peers >= CONNECTIONS_PER_PEER;
	struct connection *victim = peer_full ? census.idlest_of_peer : census.idlest;
	enum scrape_drop reason = peer_full ? DROP_PEER : DROP_FULL;

	if (!peer_full && census.all < CONNECTIONS_MAX)
		return true;
	if (victim)
		end(connections, victim, reason);
	else
		connections->counters->drops[reason]++;
	return victim != NULL;
}

struct connection *connections_add(
	struct connections *connections, int fd, const uint8_t peer[static PEER_SIZE], int64_t now)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->fd = fd;
	memcpy(connection->peer, peer, PEER_SIZE);
	connection->since = now;
	connection->deadline = now + FIRST_REQUEST;
	connection->next = connections->first;
	if (connection->next)
		connection->next->previous = connection;
	connections->first = connection;
	connections->counters->connections++;
	return connection;
}

void connections_remove(struct connections *connections, struct connection *connection)
{
	if (connection->next)
		connection->next->previous = connection->previous;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		connections->first = connection->next;
	connections->counters->connections--;
	free(connection);
}

void connection_answers(struct connection *connection, int64_t now)
{
	connection->answering = true;
	connection->since = now;
	connection->deadline = now + ANSWER;
}

void connection_waits(struct connection *connection, int64_t now)
{
	connection->answering = false;
	connection->since = now;
	connection->deadline = now + NEXT_REQUEST;
}

void connections_end_slowest(struct connections *connections)
{
	struct connection *slowest = NULL;

	for (struct connection *c = connections->first; c; c = c->next)
		if (c->answering && !c->ending && (!slowest || c->since < slowest->since))
			slowest = c;
	if (slowest)
		end(connections, slowest, DROP_MEMORY);
}

int64_t connections_reap(struct connections *connections, int64_t now)
{
	int64_t next = INT64_MAX;

	for (struct connection *c = connections->first; c; c = c->next) {
		if (!c->ending && c->deadline <= now)
			end(connections, c, DROP_TIME);
		else if (!c->ending)
			next = MIN(next, c->deadline);
	}
	return next;
}
