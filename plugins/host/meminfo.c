/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/meminfo: each line becomes node_memory_KEY_bytes, or node_memory_KEY for those that are counts. */
#include "collector.h"
#include "roster.h"
#include "scan.h"

#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

enum {
	KEY_MAX = 100,
};

struct meminfo {
	struct roster keys;
};

static int meminfo_open(void *state, struct collection *collection)
{
	struct meminfo *meminfo = state;

	(void)collection;
	roster_init(&meminfo->keys, 1);
	return 0;
}

static void meminfo_close(void *state)
{
	struct meminfo *meminfo = state;

	roster_done(&meminfo->keys);
}

/* "Active(anon)" becomes node_memory_Active_anon_bytes. */
static void metric_name(char *name, size_t room, const char *key, bool bytes)
{
	int used = snprintf(name, room, "node_memory_");
	size_t at = (size_t)used;

	for (; *key; key++)
		if (*key != ')')
			name[at++] = (char)(isalnum((unsigned char)*key) ? *key : '_');
	snprintf(name + at, room - at, "%s", bytes ? "_bytes" : "");
}

static struct roster_entry *meminfo_add(
	struct meminfo *meminfo, struct collection *collection, const char *key, size_t size, bool bytes)
{
	struct roster_entry *entry = roster_add(&meminfo->keys, key, size);
	char name[KEY_MAX + 32];
	char help[KEY_MAX + 32];
	struct metric metric = {name, GAVEA_GAUGE, bytes ? "bytes" : NULL, help};

	if (!entry)
		return NULL;
	metric_name(name, sizeof(name), entry->name, bytes);
	snprintf(help, sizeof(help), "%s of /proc/meminfo", entry->name);
	entry->series[0] = declare(collection, &metric, NULL, 0);
	return entry;
}

static void remember(struct facts *facts, const char *key, size_t size, double value)
{
	if (size == strlen("MemTotal") && memcmp(key, "MemTotal", size) == 0)
		facts->memory_total = value;
	else if (size == strlen("MemAvailable") && memcmp(key, "MemAvailable", size) == 0)
		facts->memory_available = value;
}

static int meminfo_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct meminfo *meminfo = state;

	(void)file;
	roster_begin(&meminfo->keys);
	for (const char *line = text; line; line = scan_line(line)) {
		size_t size = strcspn(line, ":\n");
		struct roster_entry *entry;
		const char *unit;
		uint64_t number;
		double value;
		bool bytes;

		if (line[size] != ':' || !size || size > KEY_MAX ||
			!(unit = scan_u64(line + size + 1, &number)))
			return -EBADMSG;
		bytes = strncmp(unit, " kB", 3) == 0;
		value = bytes ? (double)number * 1024 : (double)number;
		entry = roster_find(&meminfo->keys, line, size);
		if (!entry && !(entry = meminfo_add(meminfo, collection, line, size, bytes)))
			return -ENOMEM;
		collect(collection, entry->series[0], value);
		remember(&collection->facts, line, size, value);
	}
	roster_end(&meminfo->keys);
	collection->facts.memory_seen = true;
	return 0;
}

const struct collector collector_meminfo = {
	"meminfo", {"meminfo"}, sizeof(struct meminfo), meminfo_open, meminfo_collect, meminfo_close, NULL};
