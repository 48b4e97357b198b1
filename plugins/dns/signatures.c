/* SPDX-License-Identifier: Apache-2.0 */
#include "signatures.h"

#include <stdio.h>

enum {
	RRSIG_TYPE = 0,
	RRSIG_ALGORITHM = 1,
	RRSIG_EXPIRATION = 4,
	RRSIG_INCEPTION = 5,
	RRSIG_FIELDS = 9,
	DS_TAG = 0,
	DS_ALGORITHM = 1,
	DS_DIGEST_TYPE = 2,
	DS_DIGEST = 3,
	DS_FIELDS = 4,
	DNSKEY_FIELDS = 4,
};

static uint32_t number(const ldns_rr *rr, size_t field)
{
	const ldns_rdf *value = ldns_rr_rdf(rr, field);
	size_t size = value ? ldns_rdf_size(value) : 0;
	uint32_t result = 0;

	for (size_t i = 0; i < size && i < 4; i++)
		result = result << 8 | ldns_rdf_data(value)[i];
	return result;
}

/* Times in signatures have 32 bits and wrap around (RFC 4034, section 3.1.5). */
static int64_t distance(uint32_t time, int64_t now)
{
	return (int32_t)(time - (uint32_t)now);
}

static bool is_signature(const ldns_rr *rr)
{
	return ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG && ldns_rr_rd_count(rr) == RRSIG_FIELDS;
}

/* Whether two signatures are over the same records by the same algorithm: one of them is enough. */
static bool same_work(const ldns_rr *a, const ldns_rr *b)
{
	return number(a, RRSIG_TYPE) == number(b, RRSIG_TYPE) &&
		number(a, RRSIG_ALGORITHM) == number(b, RRSIG_ALGORITHM) &&
		ldns_dname_compare(ldns_rr_owner(a), ldns_rr_owner(b)) == 0;
}

/* The longest that one of those that do the same work holds. */
static int64_t best_left(const ldns_rr_list *list, const ldns_rr *one, int64_t now)
{
	int64_t best = INT64_MIN;

	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		int64_t left;

		if (!is_signature(rr) || !same_work(rr, one))
			continue;
		left = distance(number(rr, RRSIG_EXPIRATION), now);
		/* What is not valid yet is no help now. */
		if (distance(number(rr, RRSIG_INCEPTION), now) > 0)
			left = -1;
		if (left > best)
			best = left;
	}
	return best;
}

void signature_life_take(struct signature_life *life, const ldns_pkt *packet, int64_t now)
{
	const ldns_rr_list *list = ldns_pkt_answer(packet);

	for (size_t i = 0; list && i < ldns_rr_list_rr_count(list) && i < 256; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		int64_t left;

		if (!is_signature(rr))
			continue;
		left = best_left(list, rr, now);
		if (left == -1 && distance(number(rr, RRSIG_INCEPTION), now) > 0)
			life->early = true;
		if (!life->any || left < life->left) {
			life->left = left;
			life->covers = (ldns_rr_type)number(rr, RRSIG_TYPE);
		}
		life->any = true;
	}
}

static bool fits(const ldns_rr *ds, const ldns_rr *key)
{
	ldns_rr *made;
	bool same;

	if (ldns_rr_get_type(key) != LDNS_RR_TYPE_DNSKEY || ldns_rr_rd_count(key) != DNSKEY_FIELDS)
		return false;
	made = ldns_key_rr2ds(key, (ldns_hash)number(ds, DS_DIGEST_TYPE));
	same = made && number(ds, DS_TAG) == number(made, DS_TAG) &&
		number(ds, DS_ALGORITHM) == number(made, DS_ALGORITHM) &&
		ldns_rdf_compare(ldns_rr_rdf(ds, DS_DIGEST), ldns_rr_rdf(made, DS_DIGEST)) == 0;
	ldns_rr_free(made);
	return same;
}

size_t signature_ds_matches(const ldns_rr_list *ds, const ldns_rr_list *keys)
{
	size_t matches = 0;

	for (size_t i = 0; i < ldns_rr_list_rr_count(ds) && i < 64; i++) {
		const ldns_rr *one = ldns_rr_list_rr(ds, i);
		bool found = false;

		if (ldns_rr_rd_count(one) != DS_FIELDS)
			continue;
		for (size_t k = 0; !found && k < ldns_rr_list_rr_count(keys) && k < 64; k++)
			found = fits(one, ldns_rr_list_rr(keys, k));
		matches += found;
	}
	return matches;
}

const char *signature_ds_text(const ldns_rr *ds, char buffer[static 64])
{
	snprintf(buffer, 64, "key tag %u, algorithm %u, digest type %u", (unsigned)number(ds, DS_TAG),
		(unsigned)number(ds, DS_ALGORITHM), (unsigned)number(ds, DS_DIGEST_TYPE));
	return buffer;
}
