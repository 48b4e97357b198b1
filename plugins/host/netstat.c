/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/net/netstat, snmp and snmp6: those counters of the protocols that netstat_fields names. */
#include "keyed.h"
#include "scan.h"

#include "base/util.h"

#include <errno.h>

enum {
	FILES = 3, /* netstat, snmp, snmp6 */
	SNMP6 = 2,
};

struct netstat {
	struct keyed keyed[FILES];
	struct filter fields;
};

static int netstat_open(void *state, struct collection *collection)
{
	static const char *const files[FILES] = {"/proc/net/netstat", "/proc/net/snmp", "/proc/net/snmp6"};
	struct netstat *netstat = state;

	for (size_t i = 0; i < FILES; i++)
		keyed_init(&netstat->keyed[i], files[i], &netstat->fields);
	return filter_open(&netstat->fields, collection->check, "netstat_fields");
}

static void netstat_close(void *state)
{
	struct netstat *netstat = state;

	for (size_t i = 0; i < FILES; i++)
		roster_done(&netstat->keyed[i].keys);
	filter_close(&netstat->fields);
}

/* What is no counter. */
static bool is_level(const char *key)
{
	const char *name = strchr(key, '_') + 1;

	return startswith(name, "Rto") || startswith(name, "Curr") || startswith(name, "MPCurr") ||
		streq(name, "MaxConn") || streq(name, "Forwarding") || streq(name, "DefaultTTL");
}

static int take(struct keyed *keyed, struct collection *collection, const char *protocol,
	size_t protocol_size, const char *name, size_t name_size, double value)
{
	char key[KEY_MAX + 1];

	if (protocol_size + 1 + name_size > KEY_MAX)
		return 0;
	memcpy(key, protocol, protocol_size);
	key[protocol_size] = '_';
	memcpy(key + protocol_size + 1, name, name_size);
	key[protocol_size + 1 + name_size] = '\0';
	return keyed_collect(keyed, collection, "node_netstat_", key, protocol_size + 1 + name_size,
		is_level(key) ? GAVEA_GAUGE : GAVEA_COUNTER, value);
}

/* Two lines: "Tcp: InSegs OutSegs" and "Tcp: 12 34". */
static int pair_collect(
	struct keyed *keyed, struct collection *collection, const char *names, const char *values)
{
	size_t protocol_size = strcspn(names, ":\n");
	const char *protocol = names;

	if (names[protocol_size] != ':' || strncmp(names, values, protocol_size + 1) != 0)
		return -EBADMSG;
	names += protocol_size + 1;
	values += protocol_size + 1;
	for (;;) {
		size_t size;
		const char *name = scan_word(names, &size);
		double value;
		int r;

		if (!name)
			return 0;
		values = scan_signed(values, &value);
		if (!values)
			return -EBADMSG;
		r = take(keyed, collection, protocol, protocol_size, name, size, value);
		if (r < 0)
			return r;
		names = name + size;
	}
}

/* "Ip6InOctets 460" and its like: the protocol ends with the first 6. */
static int snmp6_line(struct keyed *keyed, struct collection *collection, const char *line)
{
	size_t size;
	const char *word = scan_word(line, &size);
	const char *six = word ? memchr(word, '6', size) : NULL;
	double value;

	if (!word || !scan_signed(word + size, &value))
		return -EBADMSG;
	if (!six)
		return 0;
	return take(keyed, collection, word, (size_t)(six - word) + 1, six + 1,
		size - (size_t)(six - word) - 1, value);
}

static int netstat_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct netstat *netstat = state;
	struct keyed *keyed = &netstat->keyed[file];
	int r = 0;

	roster_begin(&keyed->keys);
	for (const char *line = *text ? text : NULL; line && r == 0; line = scan_line(line)) {
		const char *names = line;

		if (file == SNMP6) {
			r = snmp6_line(keyed, collection, line);
			continue;
		}
		line = scan_line(line);
		r = line ? pair_collect(keyed, collection, names, line) : -EBADMSG;
		if (!line)
			break;
	}
	roster_end(&keyed->keys);
	return r;
}

const struct collector collector_netstat = {"netstat", {"net/netstat", "net/snmp", "net/snmp6"},
	sizeof(struct netstat), netstat_open, netstat_collect, netstat_close, NULL};
