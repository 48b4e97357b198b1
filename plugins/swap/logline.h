/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of a proxy's log about one request, as proxies.md has its format: one flat JSON object, perhaps behind a syslog
 * header. Reads in place, without memory of its own: what it returns points into the line.
 *
 * HAProxy: b backend, s server, st status, ts termination state, tw, tc, tr milliseconds of queue, connect and answer,
 *          rc retries ("+1": served by another server than the one that was meant)
 * nginx:   b the colour's upstream, st status, us $upstream_status, ut $upstream_response_time
 */
#ifndef SWAP_LOGLINE_H
#define SWAP_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGLINE_MAX 8192 /* bytes; a longer line is not read */

struct logtext {
	const char *at; /* without quotes; escapes are left as they are */
	size_t size;
};

struct logline {
	struct logtext backend;
	struct logtext server; /* empty: the log does not say */
	int64_t wait; /* nanoseconds from the request to the answer's beginning (nginx: end); -1: there was none */
	bool aborted; /* by the client, before the proxy had a word of failure */
	bool failed;
	bool redispatched; /* the first server that was tried failed, and another one answered */
	bool local; /* answered by the proxy itself, as its rules say */
};

/* 0, or -EBADMSG: no JSON object, a field of another type than it should be, or one of b and st missing. */
int logline_parse(const char *line, size_t size, struct logline *ret_line);

#endif
