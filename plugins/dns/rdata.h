/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of record data: what is expected, and what a server answered, in one canonical form, so that order, the case of
 * names, and how a text was cut into strings make no difference.
 */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include "base/buf.h"
#include "base/error.h"

#include <ldns/ldns.h>

struct rdata {
	uint8_t *bytes; /* canonical */
	size_t size;
	char *text; /* for people; printable ASCII */
};

/* Sorted, each one once. */
struct rdata_set {
	struct rdata *list;
	size_t count;
	size_t room;
};

#define RDATA_SET_INIT \
	{ \
		NULL, 0, 0 \
	}

/* How a set must stand to the one that is expected. */
enum rdata_match {
	RDATA_EXACT, /* the same set */
	RDATA_INCLUDES, /* everything that is expected, and maybe more */
	RDATA_SUBSET, /* something, and nothing that is not expected */
	RDATA_ANY, /* at least one that is expected */
};

/* Adds a record as it stands in a zone file behind its type, such as "10 mail.example.com". Names are taken as
 * complete with and without the dot at their end; a text may stand without quotes. -EINVAL with an error that quotes the
 * value, or -ENOMEM. */
int rdata_set_add_text(struct rdata_set *set, ldns_rr_type type, const char *value, struct error *error);

/* Adds the data of a record that came from a server. 0 or -ENOMEM. */
int rdata_set_add(struct rdata_set *set, const ldns_rr *rr);

/* Adds all of a list. */
int rdata_set_add_list(struct rdata_set *set, const ldns_rr_list *list);

bool rdata_set_contains(const struct rdata_set *set, const struct rdata *rdata);
bool rdata_set_equal(const struct rdata_set *a, const struct rdata_set *b);
bool rdata_set_matches(const struct rdata_set *set, const struct rdata_set *expected, enum rdata_match match);

/* Appends "a, b, c and 4 more". Those that are also in `without` (may be NULL) are left out. Returns how many there
 * were to tell. */
size_t rdata_set_print(const struct rdata_set *set, const struct rdata_set *without, struct buf *out);

void rdata_set_done(struct rdata_set *set);
#define _cleanup_rdata_set_ _cleanup_(rdata_set_done)

#endif
