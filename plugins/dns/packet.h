/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few bytes of a DNS message that the exchange itself must understand: a question as it goes out, and whether a
 * message that came in is an answer to it. Everything else about answers is in answer.h.
 */
#ifndef DNS_PACKET_H
#define DNS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PACKET_HEADER = 12,
	PACKET_QUERY_MAX = PACKET_HEADER + 255 + 4 + 11,
	PACKET_UDP_MAX = 1232, /* what we say that we take: fits into any path without fragments */
};

enum packet_flag {
	PACKET_RECURSE = 1 << 0,
	PACKET_CHECKING_DISABLED = 1 << 1,
	PACKET_EDNS = 1 << 2,
	PACKET_DNSSEC = 1 << 3, /* with PACKET_EDNS only */
};

/* The numbers of response codes that the exchange acts on. */
enum packet_rcode {
	PACKET_FORMERR = 1,
	PACKET_NOTIMP = 4,
};

/* name is in wire form, uncompressed, name_size bytes (at most 255). Returns the size of the message. */
size_t packet_build(uint8_t out[static PACKET_QUERY_MAX], uint16_t id, const uint8_t *name, size_t name_size,
	uint16_t type, unsigned flags);

/* Whether these bytes answer that question: an answer, with its id, to that name, type and class. A server that could
 * not read the question may leave it out. */
bool packet_answers(const uint8_t *answer, size_t size, const uint8_t *question, size_t question_size);

/* Of a message that packet_answers(). */
bool packet_truncated(const uint8_t *answer);
unsigned packet_rcode(const uint8_t *answer);

#endif
