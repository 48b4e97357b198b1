/* SPDX-License-Identifier: Apache-2.0 */
/* The files of TLS: read, judged, and watched. */
#ifndef PROMETHEUS_TLS_H
#define PROMETHEUS_TLS_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>

struct tls_files {
	const char *certificate, *key; /* paths; NULL: none */
	const char *client_ca;
};

struct tls {
	struct buf certificate, key, client_ca; /* contents; empty: none */
};

/* Reads the files that are set. 0, or an error that names the option. Blocks. */
int tls_load(const struct tls_files *files, struct tls *ret_tls, struct error *error);

/* Zeroes the key. */
void tls_done(struct tls *tls);

bool tls_same(const struct tls *a, const struct tls *b);

#endif
