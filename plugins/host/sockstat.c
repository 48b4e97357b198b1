/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/net/sockstat and sockstat6: sockets in use and their memory, by protocol. */
#include "keyed.h"
#include "scan.h"

#include "base/util.h"

#include <errno.h>
#include <unistd.h>

enum {
	FILES = 2,
};

struct sockstat {
	struct keyed keyed[FILES];
	long page_size;
};

static int sockstat_open(void *state, struct collection *collection)
{
	struct sockstat *sockstat = state;

	(void)collection;
	keyed_init(&sockstat->keyed[0], "/proc/net/sockstat", NULL);
	keyed_init(&sockstat->keyed[1], "/proc/net/sockstat6", NULL);
	sockstat->page_size = sysconf(_SC_PAGESIZE);
	return 0;
}

static void sockstat_close(void *state)
{
	struct sockstat *sockstat = state;

	for (size_t i = 0; i < FILES; i++)
		roster_done(&sockstat->keyed[i].keys);
}

/* A value of a protocol; memory, which is counted in pages, also in bytes. */
static int take(const struct sockstat *sockstat, struct keyed *keyed, struct collection *collection,
	char *key, size_t size, double value)
{
	int r = keyed_collect(keyed, collection, "node_sockstat_", key, size, GAVEA_GAUGE, value);

	if (r < 0 || size < 4 || memcmp(key + size - 4, "_mem", 4) != 0)
		return r;
	memcpy(key + size, "_bytes", 6);
	return keyed_collect(keyed, collection, "node_sockstat_", key, size + 6, GAVEA_GAUGE,
		value * (double)sockstat->page_size);
}

/* "TCP: inuse 4 orphan 0 tw 4 alloc 17 mem 1" */
static int sockstat_line(
	const struct sockstat *sockstat, struct keyed *keyed, struct collection *collection, const char *line)
{
	size_t protocol_size = strcspn(line, ":\n");
	const char *p = line + protocol_size;
	char key[KEY_MAX + 8];

	if (*p != ':')
		return -EBADMSG;
	for (p++;;) {
		size_t size;
		const char *name = scan_word(p, &size);
		double value;
		int r;

		if (!name)
			return 0;
		p = scan_signed(name + size, &value);
		if (!p)
			return -EBADMSG;
		if (protocol_size + 1 + size > KEY_MAX)
			continue;
		memcpy(key, line, protocol_size);
		key[protocol_size] = '_';
		memcpy(key + protocol_size + 1, name, size);
		r = take(sockstat, keyed, collection, key, protocol_size + 1 + size, value);
		if (r < 0)
			return r;
	}
}

static int sockstat_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct sockstat *sockstat = state;
	struct keyed *keyed = &sockstat->keyed[file];
	int r = 0;

	roster_begin(&keyed->keys);
	for (const char *line = *text ? text : NULL; line && r == 0; line = scan_line(line))
		r = sockstat_line(sockstat, keyed, collection, line);
	roster_end(&keyed->keys);
	return r;
}

const struct collector collector_sockstat = {"sockstat", {"net/sockstat", "net/sockstat6"},
	sizeof(struct sockstat), sockstat_open, sockstat_collect, sockstat_close, NULL};
