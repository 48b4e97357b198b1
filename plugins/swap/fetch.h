/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the bytes of a URL or a path into a file of ours. Over HTTP five redirects are followed, never from https to
 * http; TLS is verified. The bytes are hostile until their digest was seen.
 */
#ifndef SWAP_FETCH_H
#define SWAP_FETCH_H

#include "base/error.h"
#include "patience.h"

#include <stdint.h>

/* http:// or https:// */
bool fetch_is_url(const char *source);

/*
 * Appends to the file at fd what it lacks: what is there from an earlier call is gone on with, if the server can. 0;
 * -EAGAIN: the time is up and the rest is for another call; -EFBIG: more than size_max bytes; or -errno, all with an
 * error that names the source (of a URL without user, password and query).
 */
int fetch(
	const char *source, int fd, uint64_t size_max, const struct patience *patience, struct error *error);

#endif
