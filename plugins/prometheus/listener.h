/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener: one thread that takes in connections and runs libmicrohttpd on them. Nothing outside waits for it: it
 * shares only the picture, whose lock it holds while it writes metrics from memory.
 */
#ifndef PROMETHEUS_LISTENER_H
#define PROMETHEUS_LISTENER_H

#include "answer.h"
#include "tls.h"

struct listener;

/* Listens on address, "127.0.0.1:9469", "[::]:9469" or ":9469" (all); port 0: any free one. pages (its cache and
 * counters are the listener's until it is stopped) and tls are borrowed. 0, or an error that names the option. */
int listener_start(const char *address, const struct tls *tls, struct pages *pages,
	struct listener **ret_listener, struct error *error);

/* Ends all connections and the thread, at once. */
void listener_stop(struct listener *listener);

/* Where it listens, with the port: "127.0.0.1:9469". Borrowed. */
const char *listener_address(const struct listener *listener);

/* Whether only this host can come. */
bool listener_is_local(const struct listener *listener);

#endif
