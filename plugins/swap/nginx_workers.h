/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nginx's worker processes on this host, by their titles in /proc. An old one that is shutting down still has clients
 * from before a reload. Several nginx are not told apart.
 */
#ifndef SWAP_NGINX_WORKERS_H
#define SWAP_NGINX_WORKERS_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define NGINX_WORKERS_MAX 1024

struct nginx_workers {
	unsigned shutting_down;
	unsigned count; /* of those that serve new clients; up to NGINX_WORKERS_MAX are kept */
	pid_t pid[NGINX_WORKERS_MAX];
};

/* Reads /proc. */
int nginx_workers_read(struct nginx_workers *ret_workers, struct error *error);

/* Whether there is one that was not there before. */
bool nginx_workers_fresh(const struct nginx_workers *before, const struct nginx_workers *now);

#endif
