/* SPDX-License-Identifier: Apache-2.0 */
#include "restarts.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>

void restarts_done(struct restarts *restarts)
{
	free(restarts->list);
	*restarts = (struct restarts){0};
}

void restarts_begin(struct restarts *restarts)
{
	restarts->run++;
	restarts->full = false;
}

static struct restart_entry *find(struct restarts *restarts, const char *name)
{
	for (size_t i = 0; i < restarts->count; i++)
		if (streq(restarts->list[i].name, name))
			return &restarts->list[i];
	return NULL;
}

static struct restart_entry *add(struct restarts *restarts, const char *name)
{
	struct restart_entry *entry;

	if (restarts->count == RESTARTS_UNITS || strlen(name) >= sizeof entry->name ||
		GROW(restarts->list, restarts->count, restarts->room) < 0)
		return NULL;
	entry = &restarts->list[restarts->count++];
	memset(entry, 0, sizeof *entry);
	memcpy(entry->name, name, strlen(name) + 1);
	return entry;
}

static void add_time(struct restart_entry *entry, int64_t now)
{
	if (entry->count == RESTARTS_TIMES)
		memmove(entry->times, entry->times + 1, sizeof entry->times[0] * --entry->count);
	entry->times[entry->count++] = now;
}

static void forget_old(struct restart_entry *entry, int64_t since)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < entry->count; i++)
		if (entry->times[i] >= since)
			entry->times[kept++] = entry->times[i];
	entry->count = kept;
}

uint32_t restarts_note(
	struct restarts *restarts, const char *name, uint32_t counter, int64_t now, int64_t window)
{
	struct restart_entry *entry = find(restarts, name);
	uint32_t grown;

	if (!entry && counter == 0)
		return 0;
	if (!entry) {
		entry = add(restarts, name);
		restarts->full |= !entry;
		if (!entry)
			return 0;
		/* What happened before our first look may be long ago. */
		entry->counter = restarts->known ? 0 : counter;
	}
	/* It begins anew when somebody starts the unit by hand. */
	grown = counter >= entry->counter ? counter - entry->counter : counter;
	for (uint32_t i = 0; i < grown && i < RESTARTS_TIMES; i++)
		add_time(entry, now);
	entry->counter = counter;
	entry->seen = restarts->run;
	forget_old(entry, now - window);
	return entry->count;
}

/* One line a unit: "name counter time time …"; the first line says that there was a run. */
char *restarts_save(struct restarts *restarts)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t kept = 0;

	restarts->known = 1;
	buf_add_str(&text, "1\n");
	for (size_t i = 0; i < restarts->count; i++) {
		struct restart_entry *entry = &restarts->list[i];

		if (entry->seen != restarts->run)
			continue;
		buf_printf(&text, "%s %" PRIu32, entry->name, entry->counter);
		for (uint32_t j = 0; j < entry->count; j++)
			buf_printf(&text, " %" PRId64, entry->times[j]);
		buf_add_char(&text, '\n');
		if (kept != i)
			restarts->list[kept] = *entry;
		kept++;
	}
	restarts->count = kept;
	return buf_take(&text);
}

static void load_line(struct restarts *restarts, char *line)
{
	char *name = strsep(&line, " "), *counter = strsep(&line, " "), *word;
	struct restart_entry *entry;

	if (str_empty(name) || str_empty(counter) || find(restarts, name))
		return;
	entry = add(restarts, name);
	if (!entry)
		return;
	entry->counter = (uint32_t)strtoul(counter, NULL, 10);
	while ((word = strsep(&line, " ")) && entry->count < RESTARTS_TIMES)
		entry->times[entry->count++] = strtoll(word, NULL, 10);
}

void restarts_load(struct restarts *restarts, const char *text, size_t size)
{
	_cleanup_buf_ struct buf copy = BUF_INIT;
	char *rest, *line;

	buf_add(&copy, text, size);
	rest = copy.data;
	line = strsep(&rest, "\n");

	if (!line || !streq(line, "1"))
		return;
	restarts->known = 1;
	while ((line = strsep(&rest, "\n")))
		load_line(restarts, line);
}
