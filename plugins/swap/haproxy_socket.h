/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HAProxy's runtime socket: one connection a command. What comes back is of no more than HAPROXY_REPLY_MAX bytes, and
 * the whole exchange ends at the deadline (CLOCK_MONOTONIC, nanoseconds). Blocks until then at most. Errors name the
 * socket and what to do.
 */
#ifndef SWAP_HAPROXY_SOCKET_H
#define SWAP_HAPROXY_SOCKET_H

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>

#define HAPROXY_REPLY_MAX (1024 * 1024)

/* Sends a command and puts its answer, at least a line feed, into reply, which is emptied first. A connection that is
 * closed without one is -EPIPE; "Permission denied" is -EACCES. */
int haproxy_ask(
	const char *socket, const char *command, int64_t deadline, struct buf *reply, struct error *error);

/* The same for commands that answer nothing when they succeed. Any text is an error, -EREMOTEIO, that quotes it;
 * HAProxy's "entry not found." is -ENOENT. */
int haproxy_order(const char *socket, const char *command, int64_t deadline, struct error *error);

#endif
