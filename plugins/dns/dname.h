/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup of ldns' names, and names as people write them. */
#ifndef DNS_DNAME_H
#define DNS_DNAME_H

#include "base/error.h"

#include <ldns/ldns.h>

enum {
	DNAME_TEXT_SIZE = 256,
};

static inline void dname_freep(ldns_rdf **name)
{
	ldns_rdf_deep_free(*name);
}
#define _cleanup_dname_ _cleanup_(dname_freep)

/* A name of a domain; with reverse_addresses an IP address stands for its name below in-addr.arpa or ip6.arpa. -EINVAL
 * with an error that says what is wrong, or -ENOMEM. */
int dname_parse(const char *text, bool reverse_addresses, ldns_rdf **ret_name, struct error *error);

/* "www.example.com", "." for the root; returns buffer. Bytes that are no text are escaped. */
const char *dname_text(const ldns_rdf *name, char buffer[static DNAME_TEXT_SIZE]);

#endif
