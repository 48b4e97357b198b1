/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "base/buf.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>

enum {
	SOA_SERIAL = 2,
	SOA_EXPIRE = 5,
	SOA_MINIMUM = 6,
	SOA_FIELDS = 7,
	OPTION_EXTENDED_ERROR = 15,
	ERROR_STALE = 3,
	ERROR_STALE_NXDOMAIN = 19,
};

static uint32_t soa_field(const ldns_rr *soa, size_t field)
{
	const ldns_rdf *value;

	if (!soa || ldns_rr_rd_count(soa) != SOA_FIELDS)
		return 0;
	value = ldns_rr_rdf(soa, field);
	return value && ldns_rdf_size(value) == 4 ? ldns_read_uint32(ldns_rdf_data(value)) : 0;
}

uint32_t answer_soa_serial(const ldns_rr *soa)
{
	return soa_field(soa, SOA_SERIAL);
}

uint32_t answer_soa_expire(const ldns_rr *soa)
{
	return soa_field(soa, SOA_EXPIRE);
}

const char *answer_rcode_name(unsigned rcode, char buffer[static 16])
{
	const ldns_lookup_table *known = ldns_lookup_by_id(ldns_rcodes, (int)rcode);

	if (known)
		return known->name;
	snprintf(buffer, 16, "RCODE%u", rcode % 65536);
	return buffer;
}

/* Printable ASCII alone gets through: it ends on terminals and pages. */
static void explain(struct answer *answer, const uint8_t *bytes, size_t size)
{
	static const char *const known[] = {"other", "unsupported DNSKEY algorithm", "unsupported DS digest",
		"stale answer", "forged answer", "DNSSEC indeterminate", "DNSSEC bogus", "signature expired",
		"signature not yet valid", "DNSKEY missing", "RRSIGs missing", "no zone key bit set",
		"NSEC missing", "cached error", "not ready", "blocked", "censored", "filtered", "prohibited",
		"stale NXDOMAIN", "not authoritative", "not supported", "no reachable authority",
		"network error", "invalid data"};
	unsigned code = (unsigned)bytes[0] << 8 | bytes[1];
	size_t used;

	answer->stale |= code == ERROR_STALE || code == ERROR_STALE_NXDOMAIN;
	if (code < ARRAY_SIZE(known))
		used = (size_t)snprintf(answer->explanation, ANSWER_EXPLANATION_SIZE, "%s", known[code]);
	else
		used = (size_t)snprintf(
			answer->explanation, ANSWER_EXPLANATION_SIZE, "extended error %u", code);
	if (size <= 2)
		return;
	used += (size_t)snprintf(answer->explanation + used, ANSWER_EXPLANATION_SIZE - used, ": ");
	for (size_t i = 2; i < size && bytes[i] && used < ANSWER_EXPLANATION_SIZE - 1; i++)
		answer->explanation[used++] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '?';
	answer->explanation[used] = '\0';
}

static void read_options(struct answer *answer)
{
	const ldns_rdf *data = ldns_pkt_edns_data(answer->packet);
	const uint8_t *bytes = data ? ldns_rdf_data(data) : NULL;
	size_t size = data ? ldns_rdf_size(data) : 0;

	while (size >= 4) {
		unsigned code = (unsigned)bytes[0] << 8 | bytes[1];
		size_t length = (size_t)bytes[2] << 8 | bytes[3];

		if (length > size - 4)
			return;
		if (code == OPTION_EXTENDED_ERROR && length >= 2) {
			explain(answer, bytes + 4, length);
			return;
		}
		bytes += 4 + length;
		size -= 4 + length;
	}
}

static const ldns_rr *find(const ldns_rr_list *list, const ldns_rdf *owner, ldns_rr_type type)
{
	for (size_t i = 0; list && i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);

		if (ldns_rr_get_type(rr) == type && ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
			(!owner || ldns_dname_compare(ldns_rr_owner(rr), owner) == 0))
			return rr;
	}
	return NULL;
}

/* Follows the aliases in this message. Returns the name at their end, or NULL when there are too many. */
static const ldns_rdf *follow(struct answer *answer, const ldns_rdf *name, ldns_rr_type type)
{
	const ldns_rr_list *section = ldns_pkt_answer(answer->packet);
	const ldns_rr *alias;

	if (type == LDNS_RR_TYPE_CNAME || type == LDNS_RR_TYPE_ANY)
		return name;
	while ((alias = find(section, name, LDNS_RR_TYPE_CNAME)) && ldns_rr_rd_count(alias) == 1) {
		if (answer->aliases == ANSWER_ALIASES_MAX)
			return NULL;
		answer->aliases++;
		answer->ttl = MIN(answer->ttl, ldns_rr_ttl(alias));
		name = ldns_rr_rdf(alias, 0);
	}
	return name;
}

static int take_records(struct answer *answer, const ldns_rdf *name, ldns_rr_type type)
{
	const ldns_rr_list *section = ldns_pkt_answer(answer->packet);

	for (size_t i = 0; section && i < ldns_rr_list_rr_count(section); i++) {
		ldns_rr *rr = ldns_rr_list_rr(section, i);

		if (ldns_rr_get_type(rr) != type || ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN ||
			ldns_dname_compare(ldns_rr_owner(rr), name) != 0)
			continue;
		if (!ldns_rr_list_push_rr(answer->records, rr))
			return -ENOMEM;
		answer->ttl = MIN(answer->ttl, ldns_rr_ttl(rr));
	}
	return 0;
}

/* How long an absence may be kept (RFC 2308, section 5). */
static uint32_t negative_ttl(const struct answer *answer)
{
	if (!answer->soa)
		return 0;
	return MIN(ldns_rr_ttl(answer->soa), soa_field(answer->soa, SOA_MINIMUM));
}

static enum answer_kind sort(const struct answer *answer)
{
	if (answer->rcode == LDNS_RCODE_NXDOMAIN)
		return ANSWER_NXDOMAIN;
	if (answer->rcode != LDNS_RCODE_NOERROR)
		return ANSWER_ERROR;
	if (ldns_rr_list_rr_count(answer->records))
		return ANSWER_RECORDS;
	if (answer->aliases && !answer->soa)
		return ANSWER_ALIAS;
	if (!answer->authoritative && !answer->soa &&
		find(ldns_pkt_authority(answer->packet), NULL, LDNS_RR_TYPE_NS))
		return ANSWER_REFERRAL;
	return ANSWER_NODATA;
}

static void read_header(struct answer *answer)
{
	const ldns_pkt *packet = answer->packet;

	answer->rcode =
		(unsigned)ldns_pkt_get_rcode(packet) | (unsigned)ldns_pkt_edns_extended_rcode(packet) << 4;
	answer->authoritative = ldns_pkt_aa(packet);
	answer->authenticated = ldns_pkt_ad(packet);
	answer->recursive = ldns_pkt_ra(packet);
	answer->edns = ldns_pkt_edns(packet);
	answer->soa = find(ldns_pkt_answer(packet), NULL, LDNS_RR_TYPE_SOA);
	if (!answer->soa)
		answer->soa = find(ldns_pkt_authority(packet), NULL, LDNS_RR_TYPE_SOA);
	read_options(answer);
}

int answer_read(
	struct answer *answer, const uint8_t *bytes, size_t size, const ldns_rdf *name, ldns_rr_type type)
{
	const ldns_rdf *end;
	int r;

	*answer = (struct answer)ANSWER_INIT;
	if (ldns_wire2pkt(&answer->packet, bytes, size) != LDNS_STATUS_OK) {
		answer->packet = NULL;
		return 0;
	}
	answer->records = ldns_rr_list_new();
	if (!answer->records)
		return -ENOMEM;
	read_header(answer);
	answer->ttl = UINT32_MAX;
	end = follow(answer, name, type);
	if (!end) {
		answer->kind = ANSWER_CIRCLE;
		answer->ttl = 0;
		return 0;
	}
	r = take_records(answer, end, type);
	if (r < 0)
		return r;
	answer->kind = sort(answer);
	if (answer->kind != ANSWER_RECORDS && answer->kind != ANSWER_ALIAS)
		answer->ttl = MIN(answer->ttl, negative_ttl(answer));
	return 0;
}

void answer_done(struct answer *answer)
{
	ldns_rr_list_free(answer->records);
	ldns_pkt_free(answer->packet);
	*answer = (struct answer)ANSWER_INIT;
}
