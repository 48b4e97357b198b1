/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include "base/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>

enum {
	HOST_MAX = 255,
};

bool endpoint_same(const union address *a, const union address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
		memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

static char *make_label(const union address *address, const char *host)
{
	uint16_t port =
		ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
	char text[RESOLVE_TEXT_SIZE], scope[IF_NAMESIZE] = "";
	char *label;

	if (address->any.sa_family == AF_INET6 && address->v6.sin6_scope_id)
		if_indextoname(address->v6.sin6_scope_id, scope);

	if (port == DNS_PORT)
		address_text(text, address);
	else
		address_text_port(text, address);
	if (asprintf(&label, "%s%s%s%s%s", host ? host : "", host ? "/" : "", text, *scope ? "%" : "",
		    scope) < 0)
		return NULL;
	return label;
}

int endpoints_add(struct endpoints *endpoints, enum endpoint_group group, const union address *address,
	const char *host)
{
	char *label;

	for (size_t i = 0; i < endpoints->count; i++)
		if (endpoints->list[i].group == group && endpoint_same(&endpoints->list[i].address, address))
			return 0;
	if (endpoints->count == ENDPOINTS_MAX) {
		endpoints->left_out++;
		return 0;
	}
	if (GROW(endpoints->list, endpoints->count, endpoints->room) < 0)
		return -ENOMEM;
	label = make_label(address, host);
	if (!label)
		return -ENOMEM;
	endpoints->list[endpoints->count++] = (struct endpoint){group, *address, label};
	return 0;
}

static int parse_port(const char *text, uint16_t *ret_port)
{
	uint64_t port;

	if (parse_uint64(text, &port) < 0 || port < 1 || port > 65535)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

/* Where the port begins (behind its colon), or NULL; *ret_host and *ret_size: what stands before it. -EINVAL for a
 * bracket that does not close. */
static int split(const char *text, const char **ret_host, size_t *ret_size, const char **ret_port)
{
	const char *colon = strchr(text, ':');

	*ret_port = NULL;
	*ret_host = text;
	*ret_size = strlen(text);
	if (*text == '[') {
		const char *end = strchr(text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		*ret_host = text + 1;
		*ret_size = (size_t)(end - text - 1);
		*ret_port = end[1] ? end + 2 : NULL;
	} else if (colon && !strchr(colon + 1, ':')) {
		*ret_size = (size_t)(colon - text);
		*ret_port = colon + 1;
	}
	return 0;
}

static bool is_host(const char *host)
{
	static const char *const letters =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	union address address;

	return endpoint_address(host, DNS_PORT, &address) || host[strspn(host, letters)] == '\0';
}

int endpoint_parse(
	const char *text, uint16_t default_port, char **ret_host, uint16_t *ret_port, struct error *error)
{
	const char *start, *port_text;
	uint16_t port = default_port;
	size_t size;
	_cleanup_free_ char *host = NULL;

	if (split(text, &start, &size, &port_text) < 0 || size == 0 || size > HOST_MAX)
		return error_set(error, -EINVAL,
			"\"%.100s\" is not a server: want ADDRESS, NAME, ADDRESS:PORT or [IPV6]:PORT", text);
	if (port_text && parse_port(port_text, &port) < 0)
		return error_set(
			error, -EINVAL, "\"%.100s\": the port is not a number from 1 to 65535", text);
	host = strndup(start, size);
	if (!host)
		return -ENOMEM;
	if (!is_host(host))
		return error_set(
			error, -EINVAL, "\"%.100s\": neither an address nor the name of a host", text);
	*ret_host = TAKE_PTR(host);
	*ret_port = port;
	return 0;
}

bool endpoint_address(const char *host, uint16_t port, union address *ret_address)
{
	const char *scope = strchr(host, '%');
	union address address = {0};
	char plain[INET6_ADDRSTRLEN];

	if (inet_pton(AF_INET, host, &address.v4.sin_addr) == 1) {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons(port);
		*ret_address = address;
		return true;
	}
	if (strcspn(host, "%") >= sizeof(plain))
		return false;
	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(host, "%"), host);
	if (inet_pton(AF_INET6, plain, &address.v6.sin6_addr) != 1)
		return false;
	address.v6.sin6_family = AF_INET6;
	address.v6.sin6_port = htons(port);
	address.v6.sin6_scope_id = scope ? if_nametoindex(scope + 1) : 0;
	*ret_address = address;
	return true;
}

void endpoints_done(struct endpoints *endpoints)
{
	for (size_t i = 0; i < endpoints->count; i++)
		free(endpoints->list[i].label);
	free(endpoints->list);
	*endpoints = (struct endpoints)ENDPOINTS_INIT;
}
