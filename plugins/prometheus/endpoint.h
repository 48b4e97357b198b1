/* SPDX-License-Identifier: Apache-2.0 */
/* Where to listen: an IP address and a port. */
#ifndef PROMETHEUS_ENDPOINT_H
#define PROMETHEUS_ENDPOINT_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/socket.h>

#define ENDPOINT_TEXT_MAX 64

struct endpoint {
	struct sockaddr_storage address;
	socklen_t size;
	bool any; /* of both families, if there are both */
};

/* "127.0.0.1:9469", "[::1]:9469", ":9469". Names are not resolved. 0 or -EINVAL. */
int endpoint_parse(const char *text, struct endpoint *ret_endpoint, struct error *error);

/* Listens there; *endpoint gets the port when it was 0. */
int endpoint_listen(struct endpoint *endpoint, int *ret_fd, struct error *error);

void endpoint_format(const struct endpoint *endpoint, char text[static ENDPOINT_TEXT_MAX]);

/* Whether it is an address of the loopback. */
bool endpoint_is_local(const struct endpoint *endpoint);

#endif
