/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of a server on the way down means: the zone's own word, a delegation further down, or nothing of
 * use. No network here. */
#ifndef DNS_REFERRAL_H
#define DNS_REFERRAL_H

#include "answer.h"

enum referral_kind {
	REFERRAL_USELESS, /* an error, sideways, upwards, or no sense at all */
	REFERRAL_DOWN, /* a delegation to zone, which is closer to the name */
	REFERRAL_APEX, /* the server serves zone, to which the name belongs */
	REFERRAL_ALIAS, /* the server serves the name, but an alias hides where its zone begins */
};

/* Sorts an answer to a question for name's SOA, from a server of the zone `current`. *ret_zone is borrowed from the
 * answer. */
enum referral_kind referral_read(const struct answer *answer, const ldns_rdf *name, const ldns_rdf *current,
	const ldns_rdf **ret_zone);

/* Whether name is zone or lies below it. */
bool referral_within(const ldns_rdf *name, const ldns_rdf *zone);

/* The addresses (A and AAAA) for that name in the additional section; NULL when memory ran out. Owned, with its records. */
ldns_rr_list *referral_glue(const struct answer *answer, const ldns_rdf *name);

#endif
