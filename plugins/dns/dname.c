/* SPDX-License-Identifier: Apache-2.0 */
#include "dname.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

/* "192.0.2.1" to "1.2.0.192.in-addr.arpa", and the same for IPv6. False: it is not an address. */
static bool reverse(const char *text, char out[static DNAME_TEXT_SIZE])
{
	uint8_t bytes[sizeof(struct in6_addr)];
	char *at = out;

	if (inet_pton(AF_INET, text, bytes) == 1) {
		snprintf(out, DNAME_TEXT_SIZE, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2], bytes[1],
			bytes[0]);
		return true;
	}
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	for (size_t i = sizeof(bytes); i-- > 0;)
		at += sprintf(at, "%x.%x.", bytes[i] & 15u, bytes[i] >> 4u);
	memcpy(at, "ip6.arpa", sizeof("ip6.arpa"));
	return true;
}

int dname_parse(const char *text, bool reverse_addresses, ldns_rdf **ret_name, struct error *error)
{
	char reversed[DNAME_TEXT_SIZE];
	const char *name = text;
	ldns_rdf *rdf;

	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~')
			return error_set(error, -EINVAL,
				"a name has characters other than printable ASCII; write an international "
				"name as xn--…");
	if (reverse_addresses && reverse(text, reversed))
		name = reversed;
	rdf = *name ? ldns_dname_new_frm_str(name) : NULL;
	if (!rdf)
		return error_set(error, -EINVAL, "\"%.100s\" is not the name of a domain", text);
	*ret_name = rdf;
	return 0;
}

const char *dname_text(const ldns_rdf *name, char buffer[static DNAME_TEXT_SIZE])
{
	char *text = name ? ldns_rdf2str(name) : NULL;
	size_t size = text ? strlen(text) : 0;

	if (size > 1 && text[size - 1] == '.')
		text[size - 1] = '\0';
	snprintf(buffer, DNAME_TEXT_SIZE, "%s", text ? text : "?");
	free(text);
	return buffer;
}
