/* SPDX-License-Identifier: Apache-2.0 */
#include "keyed.h"

#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static struct roster_entry *keyed_add(struct keyed *keyed, struct collection *collection, const char *prefix,
	const char *key, size_t size, enum gavea_sample_type type)
{
	struct roster_entry *entry = roster_add(&keyed->keys, key, size);
	char name[KEY_MAX + 64], help[KEY_MAX + 64];
	struct metric metric = {name, type, NULL, help};

	if (!entry)
		return NULL;
	entry->ignored = keyed->include && !filter_includes(keyed->include, entry->name);
	if (entry->ignored)
		return entry;
	snprintf(name, sizeof(name), "%s%s", prefix, entry->name);
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) || (unsigned char)*p >= 128)
			*p = '_';
	snprintf(help, sizeof(help), "%s of %s", entry->name, keyed->file);
	for (char *p = help; *p; p++)
		if ((unsigned char)*p >= 127 || (unsigned char)*p < ' ')
			*p = '?';
	entry->series[0] = declare(collection, &metric, NULL, 0);
	return entry;
}

int keyed_collect(struct keyed *keyed, struct collection *collection, const char *prefix, const char *key,
	size_t size, enum gavea_sample_type type, double value)
{
	struct roster_entry *entry;

	if (!size || size > KEY_MAX)
		return 0;
	entry = roster_find(&keyed->keys, key, size);
	if (!entry && !(entry = keyed_add(keyed, collection, prefix, key, size, type)))
		return -ENOMEM;
	if (!entry->ignored)
		collect(collection, entry->series[0], value);
	return 0;
}
