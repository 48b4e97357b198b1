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

/* ---- outcome.c ---- */

/* Takes the output out of its message, and the series that it declares. 0, -ENOMEM, or -E2BIG: more than a run
 * may say. */
int outcome_take_output(struct session *session, struct outcome *outcome, Gavea__Worker__V1__Output **output);

/* Makes the result of what a run said: the worst of its own status and its items'. */
void outcome_take_done(struct outcome *outcome, const Gavea__Worker__V1__Done *done);

/* The run came to no result of its own, for this reason. */
void outcome_fail(struct outcome *outcome, enum outcome_end end, const char *format, ...) _printf_(3, 4);

/* Forgets what the run said. */
void outcome_discard(struct outcome *outcome);

#endif
