/* SPDX-License-Identifier: Apache-2.0 */
#include "referral.h"

bool referral_within(const ldns_rdf *name, const ldns_rdf *zone)
{
	return ldns_dname_compare(name, zone) == 0 || ldns_dname_is_subdomain(name, zone);
}

/* The owner of the first NS record in the authority section. */
static const ldns_rdf *delegated(const struct answer *answer)
{
	const ldns_rr_list *authority = ldns_pkt_authority(answer->packet);

	for (size_t i = 0; authority && i < ldns_rr_list_rr_count(authority); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(authority, i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NS && ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN)
			return ldns_rr_owner(rr);
	}
	return NULL;
}

enum referral_kind referral_read(
	const struct answer *answer, const ldns_rdf *name, const ldns_rdf *current, const ldns_rdf **ret_zone)
{
	const ldns_rdf *zone;

	if (!answer->packet || (answer->rcode != LDNS_RCODE_NOERROR && answer->rcode != LDNS_RCODE_NXDOMAIN))
		return REFERRAL_USELESS;
	if (answer->authoritative && answer->aliases)
		return REFERRAL_ALIAS;
	if (answer->authoritative) {
		zone = answer->soa ? ldns_rr_owner(answer->soa) : NULL;
		if (!zone || !referral_within(name, zone) || !referral_within(zone, current))
			return REFERRAL_USELESS;
		*ret_zone = zone;
		return REFERRAL_APEX;
	}
	zone = delegated(answer);
	/* Closer to the name each time, or it is not believed: so no chain of referrals goes on for ever. */
	if (!zone || answer->kind == ANSWER_RECORDS || !ldns_dname_is_subdomain(zone, current) ||
		!referral_within(name, zone))
		return REFERRAL_USELESS;
	*ret_zone = zone;
	return REFERRAL_DOWN;
}

ldns_rr_list *referral_glue(const struct answer *answer, const ldns_rdf *name)
{
	const ldns_rr_list *additional = ldns_pkt_additional(answer->packet);
	ldns_rr_list *glue = ldns_rr_list_new();

	for (size_t i = 0; glue && additional && i < ldns_rr_list_rr_count(additional); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(additional, i);
		ldns_rr_type type = ldns_rr_get_type(rr);
		ldns_rr *copy;

		if ((type != LDNS_RR_TYPE_A && type != LDNS_RR_TYPE_AAAA) || ldns_rr_rd_count(rr) != 1 ||
			ldns_dname_compare(ldns_rr_owner(rr), name) != 0)
			continue;
		copy = ldns_rr_clone(rr);
		if (!copy || !ldns_rr_list_push_rr(glue, copy)) {
			ldns_rr_free(copy);
			ldns_rr_list_deep_free(glue);
			return NULL;
		}
	}
	return glue;
}
