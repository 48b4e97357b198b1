/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said before TLS begins (STARTTLS in its many tongues) and when it is over, so that no server logs us as a
 * client that hung up. Pure: bytes in, bytes out; every answer is bounded and hostile until read.
 */
#ifndef CERT_DIALOGUE_H
#define CERT_DIALOGUE_H

#include "endpoint.h"

#include "base/buf.h"

#include <stdbool.h>

#define DIALOGUE_INPUT_MAX 65536 /* bytes that a server may send outside of the handshake */

struct dialogue {
	enum starttls starttls;
	const char *host; /* whom it is for, for those who ask. Borrowed. */
	unsigned step;
	bool offered; /* the server said that it can do STARTTLS */
	uint8_t sequence; /* MySQL: of the next packet */
	uint8_t capabilities[4]; /* MySQL: what the server can do */
};

enum dialogue_state {
	DIALOGUE_MORE = 0, /* wants more input */
	DIALOGUE_READY = 1, /* TLS begins now; or, after it, all is said */
};

/* Prepares it, and puts into out what is to be sent first (perhaps nothing). READY: TLS begins at once. */
int dialogue_begin(struct dialogue *dialogue, enum starttls starttls, const char *host, struct buf *out);

/*
 * Takes whole answers from the front of in and adds what is to be sent to out. DIALOGUE_MORE, DIALOGUE_READY, or
 * -EPROTO with an error that says what the server did instead. On failure out may hold a farewell.
 */
int dialogue_feed(struct dialogue *dialogue, struct buf *in, struct buf *out, struct error *error);

/* TLS stands: puts the farewell into out. MORE: the server's answers go to dialogue_farewell_feed(). */
int dialogue_farewell(struct dialogue *dialogue, struct buf *out);

/* MORE, or READY when all is said, whatever the server says. */
int dialogue_farewell_feed(struct dialogue *dialogue, struct buf *in, struct buf *out);

#endif
