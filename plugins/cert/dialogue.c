/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogue.h"
#include "dialogue_binary.h"
#include "dialogue_text.h"

#include <errno.h>

int dialogue_begin(struct dialogue *dialogue, enum starttls starttls, const char *host, struct buf *out)
{
	*dialogue = (struct dialogue){.starttls = starttls, .host = host};
	switch (starttls) {
	case STARTTLS_NONE:
		return DIALOGUE_READY;
	case STARTTLS_LDAP:
		ldap_begin(out);
		return DIALOGUE_MORE;
	case STARTTLS_POSTGRES:
		postgres_begin(out);
		return DIALOGUE_MORE;
	case STARTTLS_XMPP:
	case STARTTLS_XMPP_SERVER:
		xmpp_begin(dialogue, out);
		return DIALOGUE_MORE;
	default:
		return DIALOGUE_MORE; /* the server speaks first */
	}
}

static int feed(struct dialogue *dialogue, struct buf *in, struct buf *out, struct error *error)
{
	switch (dialogue->starttls) {
	case STARTTLS_LDAP:
		return ldap_feed(in, error);
	case STARTTLS_POSTGRES:
		return postgres_feed(in, error);
	case STARTTLS_MYSQL:
		return mysql_feed(dialogue, in, out, error);
	case STARTTLS_XMPP:
	case STARTTLS_XMPP_SERVER:
		return xmpp_feed(dialogue, in, out, error);
	default:
		return lines_feed(dialogue, in, out, error);
	}
}

int dialogue_feed(struct dialogue *dialogue, struct buf *in, struct buf *out, struct error *error)
{
	int r = feed(dialogue, in, out, error);

	/* Plain text behind the server's consent would be taken for encrypted by a careless client (CVE-2011-0411). */
	if (r == DIALOGUE_READY && in->size)
		return error_set(error, -EPROTO,
			"the server sent %zu bytes in the clear behind its consent to TLS", in->size);
	if (r == DIALOGUE_MORE && in->size >= DIALOGUE_INPUT_MAX)
		return error_set(
			error, -EPROTO, "the server sent %d bytes that are no answer", DIALOGUE_INPUT_MAX);
	return r;
}

int dialogue_farewell(struct dialogue *dialogue, struct buf *out)
{
	switch (dialogue->starttls) {
	case STARTTLS_SMTP:
	case STARTTLS_POP3:
	case STARTTLS_FTP:
		buf_add_str(out, "QUIT\r\n");
		return DIALOGUE_READY;
	case STARTTLS_IMAP:
		buf_add_str(out, "b LOGOUT\r\n");
		return DIALOGUE_READY;
	case STARTTLS_SIEVE:
		buf_add_str(out, "LOGOUT\r\n");
		return DIALOGUE_READY;
	case STARTTLS_LDAP:
		ldap_farewell(out);
		return DIALOGUE_READY;
	case STARTTLS_MYSQL:
		mysql_farewell(dialogue, out);
		return DIALOGUE_MORE;
	default:
		return DIALOGUE_READY;
	}
}

int dialogue_farewell_feed(struct dialogue *dialogue, struct buf *in, struct buf *out)
{
	return dialogue->starttls == STARTTLS_MYSQL ? mysql_farewell_feed(dialogue, in, out) : DIALOGUE_READY;
}
