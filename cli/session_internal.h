/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a session share. */
#ifndef CLI_SESSION_INTERNAL_H
#define CLI_SESSION_INTERNAL_H

#include "cli/session.h"

#define SESSION_CHECK 1 /* the number of the one check */

struct session {
	struct link *link;
	hello_t *hello;
	bool quiet;
	uint64_t jobs;
	Gavea__V1__Series **series; /* declared so far */
	size_t series_count;
	size_t series_room;
};

/* The next message that is no log line. 0 with *ret_message; -ETIMEDOUT; -EINTR: signals became readable
 * (pass -1 for none); else -errno with error, -EPIPE for a worker that died. */
int session_next(struct session *session, int64_t deadline, int signals,
	Gavea__Worker__V1__FromWorker **ret_message, struct error *error);

/* Says how the worker died. Returns -EPIPE. */
int session_died(struct session *session, struct error *error);

#endif
