/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nginx's worker processes on this host, by their titles in /proc. An old one that is shutting down still has clients
 * from before a reload.
 */
#ifndef SWAP_NGINX_WORKERS_H
#define SWAP_NGINX_WORKERS_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define NGINX_WORKERS_MAX 1024

struct nginx_worker {
	pid_t pid;
	pid_t master;
};

struct nginx_workers {
	unsigned shutting_down;
	unsigned count; /* of those that serve new clients; up to NGINX_WORKERS_MAX are kept */
	struct nginx_worker worker[NGINX_WORKERS_MAX];
};

/* Reads /proc. */
int nginx_workers_read(struct nginx_workers *ret_workers, struct error *error);

/* Whether one of the masters has workers that were not there before, and they alone serve new clients. */
bool nginx_workers_replaced(const struct nginx_workers *before, const struct nginx_workers *now);

#endif
