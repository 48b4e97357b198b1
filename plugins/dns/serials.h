/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do the zone's servers have the same version of it? Decisions over SOA serials, with the history that lasts between
 * runs: how long ago the newest one was first seen. Pure: time comes in, text goes out.
 */
#ifndef DNS_SERIALS_H
#define DNS_SERIALS_H

#include "base/buf.h"

#include <stdbool.h>

/* What is remembered of a zone. */
struct serial_history {
	bool known;
	uint32_t newest;
	int64_t since; /* when it was first seen, milliseconds since 1970; 0: before we began to look */
};

enum serial_step { SERIAL_SAME, SERIAL_FORWARD, SERIAL_BACKWARD };

/* Whether serial a is older than b (RFC 1982). */
bool serial_older(uint32_t a, uint32_t b);

/* By how much a is behind b; 0 when it is not. */
uint32_t serial_behind(uint32_t a, uint32_t b);

/* Takes the newest serial of this run. */
enum serial_step serial_history_take(struct serial_history *history, uint32_t newest, int64_t now_ms);

/* Whether a server that is behind the newest may still be: the newest is known to be younger than grace. */
bool serial_in_grace(const struct serial_history *history, int64_t grace_ms, int64_t now_ms);

/* As text that lasts, and back. -EINVAL: it is none. */
void serial_history_format(const struct serial_history *history, struct buf *out);
int serial_history_parse(const char *text, size_t size, struct serial_history *ret);

#endif
