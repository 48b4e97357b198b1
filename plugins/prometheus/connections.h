/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of scrapers: how many there may be, whose, and for how long. Pure decisions, but for shutdown() of a
 * connection whose time is over. Used by one thread.
 *
 * One that asks at once and reads what it asked for is never the one that has to go: room for a new one is made by
 * ending the one that has been silent for longest, of the same peer when that has as many as it may have.
 */
#ifndef PROMETHEUS_CONNECTIONS_H
#define PROMETHEUS_CONNECTIONS_H

#include "own.h"

#include <sys/socket.h>

#define CONNECTIONS_MAX 32u
#define CONNECTIONS_PER_PEER 8u

#define PEER_SIZE 16

struct connection {
	struct connection *next, *previous;
	int fd; /* borrowed */
	uint8_t peer[PEER_SIZE];
	int64_t since; /* CLOCK_MONOTONIC: of the present state */
	int64_t deadline; /* when it must have left that */
	bool answering; /* a request is whole, and its answer on its way */
	bool ending;
};

struct connections {
	struct connection *first;
	struct scrape_counters *counters;
};

/* An address as peers are told apart: of IPv6 the first 64 bits, since one host may have all the others. */
void connections_peer(const struct sockaddr *address, uint8_t ret_peer[static PEER_SIZE]);

/* Whether a connection of that peer may come in; makes room for it if need be. */
bool connections_admit(struct connections *connections, const uint8_t peer[static PEER_SIZE]);

/* NULL: no memory. */
struct connection *connections_add(
	struct connections *connections, int fd, const uint8_t peer[static PEER_SIZE], int64_t now);
void connections_remove(struct connections *connections, struct connection *connection);

/* A request is whole; its answer is out. */
void connection_answers(struct connection *connection, int64_t now);
void connection_waits(struct connection *connection, int64_t now);

/* Ends the one whose answer has been on its way for longest, to get back the memory that it holds. */
void connections_end_slowest(struct connections *connections);

/* Ends those whose time is over. Returns when to look again; INT64_MAX: there are none. */
int64_t connections_reap(struct connections *connections, int64_t now);

#endif
