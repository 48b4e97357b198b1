/* SPDX-License-Identifier: Apache-2.0 */
/* A server's answer to a request for a certificate. Apart from what writes JSON: its names are those of jansson. */
#ifndef KIT_ENROLL_ANSWER_H
#define KIT_ENROLL_ANSWER_H

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>

struct enroll_answer {
	char *certificate, *ca; /* PEM */
	int64_t server_time_ms;
};

#define ENROLL_ANSWER_INIT \
	{ \
		NULL, NULL, 0 \
	}
void enroll_answer_done(struct enroll_answer *answer);

/* -EBADMSG: it is not of the form; -ENOMEM. */
int enroll_answer_parse(const void *bytes, size_t size, struct enroll_answer *ret_answer);

/* What a refusal says, with what to do about it: the text is appended, and its code copied, "" when there is none. */
void enroll_refusal_parse(const void *bytes, size_t size, struct buf *text, char *code, size_t code_size);

#endif
