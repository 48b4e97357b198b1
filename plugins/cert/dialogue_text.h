/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols of lines (SMTP, IMAP, POP3, FTP, ManageSieve), and XMPP. The contract is that of dialogue_feed(). */
#ifndef CERT_DIALOGUE_TEXT_H
#define CERT_DIALOGUE_TEXT_H

#include "dialogue.h"

int lines_feed(struct dialogue *dialogue, struct buf *in, struct buf *out, struct error *error);

void xmpp_begin(const struct dialogue *dialogue, struct buf *out);
int xmpp_feed(struct dialogue *dialogue, struct buf *in, struct buf *out, struct error *error);

#endif
