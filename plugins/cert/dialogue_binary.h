/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols of packets: LDAP, PostgreSQL, MySQL. The contract is that of dialogue_feed(). */
#ifndef CERT_DIALOGUE_BINARY_H
#define CERT_DIALOGUE_BINARY_H

#include "dialogue.h"

void ldap_begin(struct buf *out);
int ldap_feed(struct buf *in, struct error *error);
void ldap_farewell(struct buf *out);

void postgres_begin(struct buf *out);
int postgres_feed(struct buf *in, struct error *error);

/* A MySQL server counts clients that leave before they logged in, and then shuts their host out. So we try to log in,
 * with a user that is not there and without a password, and leave when that is refused. */
int mysql_feed(struct dialogue *dialogue, struct buf *in, struct buf *out, struct error *error);
void mysql_farewell(struct dialogue *dialogue, struct buf *out);
int mysql_farewell_feed(struct dialogue *dialogue, struct buf *in, struct buf *out);

#endif
