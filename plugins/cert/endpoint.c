/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include "base/buf.h"
#include "base/parse.h"

#include <arpa/inet.h>
#include <errno.h>

#define HOST_MAX 253

struct protocol {
	const char *name;
	enum starttls starttls;
	uint16_t port;
};

/* The words of STARTTLS_WORDS first, in their order; then those that begin with TLS. */
static const struct protocol protocols[] = {
	{"none", STARTTLS_NONE, 0},
	{"smtp", STARTTLS_SMTP, 25},
	{"imap", STARTTLS_IMAP, 143},
	{"pop3", STARTTLS_POP3, 110},
	{"ftp", STARTTLS_FTP, 21},
	{"ldap", STARTTLS_LDAP, 389},
	{"postgres", STARTTLS_POSTGRES, 5432},
	{"mysql", STARTTLS_MYSQL, 3306},
	{"xmpp", STARTTLS_XMPP, 5222},
	{"xmpp-server", STARTTLS_XMPP_SERVER, 5269},
	{"sieve", STARTTLS_SIEVE, 4190},
	{"tls", STARTTLS_NONE, 0},
	{"https", STARTTLS_NONE, 443},
	{"smtps", STARTTLS_NONE, 465},
	{"imaps", STARTTLS_NONE, 993},
	{"pop3s", STARTTLS_NONE, 995},
	{"ftps", STARTTLS_NONE, 990},
	{"ldaps", STARTTLS_NONE, 636},
};

enum {
	STARTTLS_COUNT = STARTTLS_SIEVE + 1,
};

const char *starttls_name(enum starttls starttls)
{
	return protocols[starttls].name;
}

static const struct protocol *find(const char *name, size_t size, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(protocols[i].name) == size && memcmp(protocols[i].name, name, size) == 0)
			return &protocols[i];
	return NULL;
}

int starttls_from_name(const char *name, size_t size)
{
	const struct protocol *protocol = find(name, size, STARTTLS_COUNT);

	return protocol ? (int)protocol->starttls : -EINVAL;
}

static bool is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static int judge_host(const char *key, const char *text, const char *host, struct error *error)
{
	size_t size = strlen(host);

	if (size == 0)
		return error_set(error, -EINVAL, "%s: \"%.128s\" has no host", key, text);
	if (size > HOST_MAX)
		return error_set(error, -EINVAL, "%s: \"%.64s...\": the host is longer than %d bytes", key,
			text, HOST_MAX);
	for (const char *c = host; *c; c++) {
		if ((unsigned char)*c >= 0x80)
			return error_set(error, -EINVAL,
				"%s: \"%.128s\": write the name in its ASCII form (xn--...)", key, text);
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:", *c))
			return error_set(error, -EINVAL, "%s: \"%.128s\" is not HOST:PORT", key, text);
	}
	return 0;
}

/* Splits "[v6]:port", "host:port", "host"; *ret_port is NULL when there is none. Writes into text. */
static int split(char *text, char **ret_host, char **ret_port)
{
	char *colon;

	*ret_host = text;
	*ret_port = NULL;
	if (*text == '[') {
		char *end = strchr(text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		*ret_host = text + 1;
		*ret_port = end[1] ? end + 2 : NULL;
		*end = '\0';
		return 0;
	}
	colon = strchr(text, ':');
	if (colon && strchr(colon + 1, ':')) /* an IPv6 address without brackets has no port */
		return is_address(text) ? 0 : -EINVAL;
	if (colon) {
		*colon = '\0';
		*ret_port = colon + 1;
	}
	return 0;
}

static int take_port(const char *key, const char *text, const char *port, uint16_t fallback,
	uint16_t *ret_port, struct error *error)
{
	uint64_t number;

	if (!port) {
		if (fallback == 0)
			return error_set(
				error, -EINVAL, "%s: \"%.128s\" has no port: write HOST:PORT", key, text);
		*ret_port = fallback;
		return 0;
	}
	if (parse_uint64(port, &number) < 0 || number < 1 || number > 65535)
		return error_set(error, -EINVAL, "%s: \"%.128s\": the port must be 1 to 65535", key, text);
	*ret_port = (uint16_t)number;
	return 0;
}

static int take_protocol(const char *key, const char *text, enum starttls fallback,
	const struct protocol **ret_protocol, const char **ret_rest, struct error *error)
{
	const char *mark = strstr(text, "://");

	*ret_protocol = &protocols[fallback];
	*ret_rest = text;
	if (!mark)
		return 0;
	*ret_protocol = find(text, (size_t)(mark - text), ARRAY_SIZE(protocols));
	*ret_rest = mark + 3;
	if (!*ret_protocol)
		return error_set(error, -EINVAL, "%s: \"%.128s\": no such protocol; there are https, tls, %s",
			key, text, "smtp, imap, pop3, ftp, ldap, postgres, mysql, xmpp, xmpp-server, sieve");
	return 0;
}

int endpoint_parse(const char *key, const char *text, enum starttls fallback, struct endpoint *ret_endpoint,
	struct error *error)
{
	const struct protocol *protocol;
	_cleanup_free_ char *copy = NULL;
	_cleanup_buf_ struct buf label = BUF_INIT;
	struct endpoint endpoint = {0};
	const char *rest;
	char *host, *port;
	size_t size;
	int r = take_protocol(key, text, fallback, &protocol, &rest, error);

	if (r < 0)
		return r;
	copy = strdup(rest);
	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	if (split(copy, &host, &port) < 0)
		return error_set(error, -EINVAL, "%s: \"%.128s\" is not HOST:PORT", key, text);
	size = strlen(host);
	if (size > 1 && host[size - 1] == '.')
		host[size - 1] = '\0';
	endpoint.is_address = is_address(host);
	r = judge_host(key, text, host, error);
	if (r == 0 && strchr(host, ':') && !endpoint.is_address)
		r = error_set(error, -EINVAL, "%s: \"%.128s\" is not HOST:PORT", key, text);
	if (r == 0)
		r = take_port(key, text, port, protocol->port, &endpoint.port, error);
	if (r < 0)
		return r;
	endpoint.starttls = protocol->starttls;
	buf_printf(&label, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, endpoint.port);
	endpoint.host = strdup(host);
	endpoint.label = buf_take(&label);
	if (!endpoint.host || !endpoint.label) {
		endpoint_done(&endpoint);
		return error_set(error, -ENOMEM, "out of memory");
	}
	*ret_endpoint = endpoint;
	return 0;
}

void endpoint_done(struct endpoint *endpoint)
{
	free(endpoint->host);
	free(endpoint->label);
	*endpoint = (struct endpoint){0};
}
