/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <ctype.h>
#include <string.h>

enum {
	BIT_QR = 0x80, /* in byte 2 */
	BITS_OPCODE = 0x78,
	BIT_TC = 0x02,
	BIT_RD = 0x01,
	BIT_CD = 0x10, /* in byte 3 */
	TYPE_OPT = 41,
	CLASS_IN = 1,
	OPT_SIZE = 11,
	OPT_DO = 0x80,
};

static uint8_t *put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint8_t *put_opt(uint8_t *at, bool dnssec)
{
	*at++ = 0; /* the root's name */
	at = put16(at, TYPE_OPT);
	at = put16(at, PACKET_UDP_MAX);
	at = put16(at, 0); /* extended rcode, version */
	*at++ = dnssec ? OPT_DO : 0;
	*at++ = 0;
	return put16(at, 0);
}

size_t packet_build(uint8_t out[static PACKET_QUERY_MAX], uint16_t id, const uint8_t *name, size_t name_size,
	uint16_t type, unsigned flags)
{
	uint8_t *at = put16(out, id);

	*at++ = flags & PACKET_RECURSE ? BIT_RD : 0;
	*at++ = flags & PACKET_CHECKING_DISABLED ? BIT_CD : 0;
	at = put16(at, 1);
	at = put16(at, 0);
	at = put16(at, 0);
	at = put16(at, flags & PACKET_EDNS ? 1 : 0);
	memcpy(at, name, name_size);
	at = put16(at + name_size, type);
	at = put16(at, CLASS_IN);
	if (flags & PACKET_EDNS)
		at = put_opt(at, flags & PACKET_DNSSEC);
	return (size_t)(at - out);
}

static size_t question_end(const uint8_t *question, size_t size)
{
	size_t at = PACKET_HEADER;

	while (at < size && question[at])
		at += 1u + question[at];
	return at + 1 + 4;
}

bool packet_answers(const uint8_t *answer, size_t size, const uint8_t *question, size_t question_size)
{
	size_t end = question_end(question, question_size);

	if (size < PACKET_HEADER || memcmp(answer, question, 2) != 0)
		return false;
	if (!(answer[2] & BIT_QR) || (answer[2] & BITS_OPCODE))
		return false;
	if (get16(answer + 4) == 0)
		return packet_rcode(answer) == PACKET_FORMERR || packet_rcode(answer) == PACKET_NOTIMP;
	if (get16(answer + 4) != 1 || size < end)
		return false;
	/* Lengths of labels are below 'A', so lower case changes letters alone; type and class are compared as they are. */
	for (size_t i = PACKET_HEADER; i < end - 4; i++)
		if (tolower(answer[i]) != tolower(question[i]))
			return false;
	return memcmp(answer + end - 4, question + end - 4, 4) == 0;
}

bool packet_truncated(const uint8_t *answer)
{
	return answer[2] & BIT_TC;
}

unsigned packet_rcode(const uint8_t *answer)
{
	return answer[3] & 0x0f;
}
