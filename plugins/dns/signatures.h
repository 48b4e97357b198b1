/* SPDX-License-Identifier: Apache-2.0 */
/* How long signatures still hold, and whether a DS record fits a key. Over records that were received; no network. */
#ifndef DNS_SIGNATURES_H
#define DNS_SIGNATURES_H

#include <ldns/ldns.h>
#include <stdbool.h>

struct signature_life {
	bool any; /* there are signatures */
	bool early; /* one is not valid yet */
	int64_t left; /* seconds until the first set of records is without a valid signature; negative: it is */
	ldns_rr_type covers; /* the type of those records */
};

/* Takes the signatures in the answer section of a packet into life. now: seconds since 1970. */
void signature_life_take(struct signature_life *life, const ldns_pkt *packet, int64_t now);

/* How many of the DS records fit one of the keys. */
size_t signature_ds_matches(const ldns_rr_list *ds, const ldns_rr_list *keys);

/* "key tag 20326, algorithm 8, digest type 2"; returns buffer. */
const char *signature_ds_text(const ldns_rr *ds, char buffer[static 64]);

#endif
