/* SPDX-License-Identifier: Apache-2.0 */
/* A server as it stands in the configuration: [PROTOCOL://]HOST[:PORT]. */
#ifndef CERT_ENDPOINT_H
#define CERT_ENDPOINT_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* What is spoken before TLS begins. */
enum starttls {
	STARTTLS_NONE,
	STARTTLS_SMTP,
	STARTTLS_IMAP,
	STARTTLS_POP3,
	STARTTLS_FTP,
	STARTTLS_LDAP,
	STARTTLS_POSTGRES,
	STARTTLS_MYSQL,
	STARTTLS_XMPP,
	STARTTLS_XMPP_SERVER,
	STARTTLS_SIEVE,
};

/* The range of the option. */
#define STARTTLS_WORDS "none|smtp|imap|pop3|ftp|ldap|postgres|mysql|xmpp|xmpp-server|sieve"

struct endpoint {
	char *host; /* a name without a trailing dot, or an address without brackets. Owned. */
	char *label; /* "host:port" or "[2001:db8::1]:443". Owned. */
	uint16_t port;
	bool is_address;
	enum starttls starttls;
};

/* "smtp"; "none". */
const char *starttls_name(enum starttls starttls);

/* A word of STARTTLS_WORDS, or -EINVAL. */
int starttls_from_name(const char *name, size_t size);

/*
 * Reads text. A protocol in it goes before fallback, and gives the port when there is none. Errors name key.
 * 0, -EINVAL or -ENOMEM.
 */
int endpoint_parse(const char *key, const char *text, enum starttls fallback, struct endpoint *ret_endpoint,
	struct error *error);
void endpoint_done(struct endpoint *endpoint);

#endif
