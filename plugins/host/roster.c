/* SPDX-License-Identifier: Apache-2.0 */
#include "roster.h"

#include "base/util.h"

void roster_init(struct roster *roster, size_t width)
{
	*roster = (struct roster){.width = width};
}

static void entry_done(struct roster_entry *entry)
{
	free(entry->name);
	free(entry->series);
	free(entry->last);
}

void roster_done(struct roster *roster)
{
	for (size_t i = 0; i < roster->count; i++)
		entry_done(&roster->entries[i]);
	free(roster->entries);
	*roster = (struct roster){.width = roster->width};
}

void roster_begin(struct roster *roster)
{
	roster->next = 0;
	roster->round++;
}

static bool entry_is(const struct roster_entry *entry, const char *name, size_t size)
{
	return entry->size == size && memcmp(entry->name, name, size) == 0;
}

struct roster_entry *roster_find(struct roster *roster, const char *name, size_t size)
{
	size_t i = roster->next;

	if (i >= roster->count || !entry_is(&roster->entries[i], name, size)) {
		for (i = 0; i < roster->count; i++)
			if (entry_is(&roster->entries[i], name, size))
				break;
		if (i == roster->count)
			return NULL;
	}
	roster->next = i + 1;
	roster->entries[i].round = roster->round;
	return &roster->entries[i];
}

struct roster_entry *roster_add(struct roster *roster, const char *name, size_t size)
{
	struct roster_entry entry = {.size = size, .round = roster->round};

	if (GROW(roster->entries, roster->count, roster->room) < 0)
		return NULL;
	entry.name = strndup(name, size);
	entry.series = calloc(roster->width, sizeof(*entry.series));
	entry.last = calloc(roster->width, sizeof(*entry.last));
	if (!entry.name || !entry.series || !entry.last) {
		entry_done(&entry);
		return NULL;
	}
	roster->entries[roster->count] = entry;
	return &roster->entries[roster->count++];
}

void roster_end(struct roster *roster)
{
	size_t kept = 0;

	for (size_t i = 0; i < roster->count; i++) {
		if (roster->entries[i].round != roster->round)
			entry_done(&roster->entries[i]);
		else
			roster->entries[kept++] = roster->entries[i];
	}
	roster->count = kept;
}
