/* SPDX-License-Identifier: Apache-2.0 */
/* "/events/stream": server-sent events that say which hosts have changed. */
#ifndef FLEET_WEB_STREAM_H
#define FLEET_WEB_STREAM_H

#include "fleet/model.h"
#include "net/httpd.h"

#define STREAMS_MAX 100

struct streams;

/* instance names this start of the server: what a client has seen of another start counts for nothing. Both are
 * borrowed. NULL: no memory. Starts a thread. */
struct streams *streams_new(struct model *model, const char *instance);

/* When all streams have ended. NULL is fine. */
void streams_free(struct streams *streams);

/* Answers the request with a stream, or with 503 when there are too many. */
void streams_answer(struct streams *streams, struct httpd_request *request);

/*
 * Writes what a client is told that has seen everything up to a generation: an event "change" whose data is
 * {"hosts":["ID",…]}, or {"all":true} when that would be long. Returns the generation that it has seen then.
 */
uint64_t streams_write_change(struct model *model, const char *instance, uint64_t seen, struct buf *out);

/* The generation in "INSTANCE-GENERATION"; 0 when it is not of this instance or nothing at all (NULL is fine). */
uint64_t streams_seen(const char *instance, const char *last_event_id);

#endif
