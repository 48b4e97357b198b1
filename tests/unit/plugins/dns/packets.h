/* SPDX-License-Identifier: Apache-2.0 */
/* Messages made of records as they stand in zone files, for tests. */
#ifndef TEST_DNS_PACKETS_H
#define TEST_DNS_PACKETS_H

#include "plugins/dns/answer.h"

#include <stdarg.h>
#include <stdlib.h>

/* What a message has besides its question. Records are separated by newlines; NULL: none. */
struct message {
	const char *name;
	ldns_rr_type type;
	unsigned rcode;
	bool authoritative;
	const char *answer;
	const char *authority;
	const char *additional;
};

static inline void add_records(ldns_pkt *packet, ldns_pkt_section section, const char *text)
{
	char *copy = strdup(text ? text : ""), *rest = copy;

	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		ldns_rr *rr = NULL;

		if (!*line)
			continue;
		if (ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL) != LDNS_STATUS_OK)
			abort();
		ldns_pkt_push_rr(packet, section, rr);
	}
	free(copy);
}

static inline ldns_rdf *name_of(const char *text)
{
	ldns_rdf *name = ldns_dname_new_frm_str(text);

	if (!name)
		abort();
	return name;
}

/* The message in wire form, to be freed. */
static inline uint8_t *message_make(const struct message *message, size_t *ret_size)
{
	ldns_pkt *packet = ldns_pkt_query_new(name_of(message->name), message->type, LDNS_RR_CLASS_IN, 0);
	uint8_t *bytes = NULL;

	ldns_pkt_set_qr(packet, true);
	ldns_pkt_set_aa(packet, message->authoritative);
	ldns_pkt_set_rcode(packet, (uint8_t)message->rcode);
	add_records(packet, LDNS_SECTION_ANSWER, message->answer);
	add_records(packet, LDNS_SECTION_AUTHORITY, message->authority);
	add_records(packet, LDNS_SECTION_ADDITIONAL, message->additional);
	if (ldns_pkt2wire(&bytes, packet, ret_size) != LDNS_STATUS_OK)
		abort();
	ldns_pkt_free(packet);
	return bytes;
}

static inline void message_read(struct answer *answer, const struct message *message)
{
	ldns_rdf *name = name_of(message->name);
	size_t size;
	uint8_t *bytes = message_make(message, &size);

	if (answer_read(answer, bytes, size, name, message->type) < 0)
		abort();
	free(bytes);
	ldns_rdf_deep_free(name);
}

#endif
