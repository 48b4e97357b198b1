/* SPDX-License-Identifier: Apache-2.0 */
/* What a server's answer to a report means. Everything in it is somebody else's word: judged, bounded, made
 * presentable. */
#ifndef FLEET_ANSWER_H
#define FLEET_ANSWER_H

#include "kit/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer answer is not read. */
#define ANSWER_MAX ((size_t)64 * 1024)

/* No server may silence an agent for longer. Nanoseconds. */
#define ANSWER_RETRY_AFTER_MAX (INT64_C(3600) * 1000000000)

enum format {
	FORMAT_PROTOBUF,
	FORMAT_JSON,
};

/* "application/x-protobuf", "application/json". */
const char *format_content_type(enum format format);

enum verdict_kind {
	VERDICT_STORED, /* acked_seq counts */
	VERDICT_DECLARE, /* nothing was stored: again, with declarations */
	VERDICT_TOO_LARGE, /* again, in smaller pieces */
	VERDICT_MALFORMED, /* the server can't read it: something in it is at fault */
	VERDICT_DENIED, /* token or certificate are not good */
	VERDICT_FAILED, /* anything else: later */
};

struct verdict {
	enum verdict_kind kind;
	int error; /* a negative errno for all but VERDICT_STORED and VERDICT_DECLARE */
	uint64_t acked_seq;
	int64_t retry_after; /* nanoseconds; 0: not asked for */
	char *text; /* for people; NULL for VERDICT_STORED, or when memory ran out. Owned. */
	bool identity_refused; /* VERDICT_DENIED, and it is the certificate that does not count */
};

#define VERDICT_INIT \
	{ \
		VERDICT_FAILED, 0, 0, 0, NULL, false \
	}
void verdict_done(struct verdict *verdict);
#define _cleanup_verdict_ _cleanup_(verdict_done)

/* Fills kind, error and text. */
void verdict_set(struct verdict *verdict, enum verdict_kind kind, int error, const char *format, ...)
	_printf_(4, 5);

/* Judges an answer to a report that was sent in that format. *ret_verdict must be empty. */
void answer_judge(const struct http_answer *answer, enum format format, struct verdict *ret_verdict);

#endif
