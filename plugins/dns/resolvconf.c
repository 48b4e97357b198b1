/* SPDX-License-Identifier: Apache-2.0 */
#include "resolvconf.h"

#include "base/fd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>

/* "fe80::1%eth0" too: the zone is for whoever asks. */
static bool is_address(const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	char plain[RESOLVCONF_ADDRESS_SIZE];

	snprintf(plain, sizeof(plain), "%s", text);
	plain[strcspn(plain, "%")] = '\0';
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, plain, bytes) == 1;
}

static bool contains(const struct resolvconf *conf, const char *server)
{
	for (size_t i = 0; i < conf->count; i++)
		if (streq(conf->servers[i], server))
			return true;
	return false;
}

static int add(struct resolvconf *conf, const char *start, size_t size, unsigned line, struct error *error)
{
	char server[RESOLVCONF_ADDRESS_SIZE];

	if (size == 0 || size >= sizeof(server))
		return error_set(
			error, -EINVAL, "line %u: the address of a name server is missing or too long", line);
	memcpy(server, start, size);
	server[size] = '\0';
	if (!is_address(server))
		return error_set(error, -EINVAL, "line %u: a name server is not an IP address", line);
	if (contains(conf, server))
		return 0;
	if (conf->count == RESOLVCONF_SERVERS_MAX)
		return error_set(
			error, -EINVAL, "line %u: more than %d name servers", line, RESOLVCONF_SERVERS_MAX);
	memcpy(conf->servers[conf->count++], server, size + 1);
	return 0;
}

static int take_line(struct resolvconf *conf, const char *text, unsigned line, struct error *error)
{
	const char *rest = startswith(text, "nameserver");

	if (!rest || (*rest != ' ' && *rest != '\t'))
		return 0;
	rest += strspn(rest, " \t");
	return add(conf, rest, strcspn(rest, " \t\r\n#;"), line, error);
}

int resolvconf_parse(const char *text, struct resolvconf *ret, struct error *error)
{
	struct resolvconf conf = {0};
	unsigned line = 1;
	int r;

	while (*text) {
		r = take_line(&conf, text, line++, error);
		if (r < 0)
			return r;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	if (!conf.count)
		return error_set(error, -ENOENT, "no name server is listed");
	*ret = conf;
	return 0;
}

int resolvconf_read(const char *path, struct resolvconf *ret, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, path, RESOLVCONF_SIZE_MAX, &text);

	if (r < 0)
		return error_set(error, r, "%s: %s", path, r == -EFBIG ? "larger than 64 KiB" : strerror(-r));
	r = resolvconf_parse(buf_str(&text), ret, error);
	if (r < 0)
		error_prefix(error, "%s", path);
	return r;
}
