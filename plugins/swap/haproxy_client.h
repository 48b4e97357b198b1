/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions and orders to one HAProxy that both of its drivers need. All block until the deadline (CLOCK_MONOTONIC,
 * nanoseconds) at most; errors name the socket.
 */
#ifndef SWAP_HAPROXY_CLIENT_H
#define SWAP_HAPROXY_CLIENT_H

#include "haproxy_stat.h"
#include "traffic.h"

/* What is remembered from one look to the next. */
struct haproxy_client {
	const char *socket;
	uint64_t process; /* of the last look; 0: none yet */
	uint64_t dropped_logs;
	int64_t requests[COLOURS];
	unsigned resets; /* of counters while the process stayed the same */
};

/* "show info". -EAGAIN: a process that is ending answered, as may be in the middle of a reload. */
int haproxy_client_info(
	struct haproxy_client *client, int64_t deadline, struct haproxy_info *ret_info, struct error *error);

/* "show stat" and "show servers state" of a backend. */
int haproxy_client_stat(const struct haproxy_client *client, const char *backend, int64_t deadline,
	struct haproxy_stat *stat, struct error *error);

/* -EAGAIN: a server whose health HAProxy only assumes, because it has just started. That is neither up nor down. */
int haproxy_client_settled(const struct haproxy_client *client, const char *backend,
	const struct haproxy_row *row, struct error *error);

/* "set server BACKEND/SERVER state STATE": "ready", "drain" or "maint". */
int haproxy_client_server_state(const struct haproxy_client *client, const char *backend, const char *server,
	const char *state, int64_t deadline, struct error *error);

/* "maint", then "shutdown sessions server". */
int haproxy_client_server_cut(const struct haproxy_client *client, const char *backend, const char *server,
	int64_t deadline, struct error *error);

/*
 * Looks until one process has answered all: calls look() between two "show info" of the same process, and again if it
 * changed or look() says -EAGAIN, for a second or so. Then fills in the generation and dropped_logs. A process whose counters began anew is another generation.
 */
int haproxy_client_observe(struct haproxy_client *client,
	int (*look)(void *userdata, struct traffic_view *view, int64_t deadline, struct error *error),
	void *userdata, struct traffic_view *ret_view, int64_t deadline, struct error *error);

/* Whether this server must be told so: what is done already, or is not ours to undo, is left as it is. */
bool haproxy_needs_drain(const struct haproxy_row *row);
bool haproxy_needs_ready(const struct haproxy_row *row);

#endif
