/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the proxy's log arrives: a unix datagram socket at a path, or UDP at "127.0.0.1:PORT" or "[::1]:PORT".
 *
 * The kernel drops no datagram of a unix socket, so that neither SO_RCVBUF nor SO_RXQ_OVFL mean anything for it: its queue
 * is of net.unix.max_dgram_qlen datagrams, and a sender is told that it is full. For UDP both matter.
 */
#ifndef SWAP_COUNTS_SOCKET_H
#define SWAP_COUNTS_SOCKET_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct counts_socket {
	int fd; /* -EBADF: closed */
	bool named; /* by a path */
	dev_t device; /* of what was bound there */
	ino_t inode;
};

/* Binds, nonblocking; the socket may be open already, and stays so on error. A path that a dead socket left is taken over;
 * -EADDRINUSE: somebody receives there. */
int counts_socket_open(struct counts_socket *socket, const char *where, struct error *error);

/* Whether what is at the path is still what was bound there. */
bool counts_socket_stands(const struct counts_socket *socket, const char *where);

void counts_socket_close(struct counts_socket *socket, const char *where);

#endif
