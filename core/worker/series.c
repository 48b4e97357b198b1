/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/series.h"
#include "base/utf8.h"
#include "base/util.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define NAME_MAX_BYTES 200
#define HELP_MAX_BYTES 512

/* One block of memory: this, its labels, and their strings. */
struct entry {
	Gavea__V1__Series message;
	uint64_t hash;
	uint32_t told; /* the check that is to send the declaration */
	bool sent;
};

struct series_registry {
	pthread_mutex_t lock;
	struct entry **entries; /* by number less 1 */
	size_t room;
	atomic_int count;
	uint32_t *table; /* numbers by hash, 0: empty; slots is a power of two */
	size_t slots;
};

typedef Gavea__V1__Series__LabelsEntry Label;

struct series_registry *series_registry_new(void)
{
	struct series_registry *registry = calloc(1, sizeof *registry);

	if (registry)
		pthread_mutex_init(&registry->lock, NULL);
	return registry;
}

void series_registry_free(struct series_registry *registry)
{
	if (!registry)
		return;
	for (int i = 0; i < registry->count; i++)
		free(registry->entries[i]);
	free(registry->entries);
	free(registry->table);
	pthread_mutex_destroy(&registry->lock);
	free(registry);
}

/* [a-zA-Z_][a-zA-Z0-9_]*, with colons for the names of metrics. */
static bool word_valid(const char *word, bool colons)
{
	size_t n = word ? strnlen(word, NAME_MAX_BYTES + 1) : 0;

	if (n == 0 || n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = word[i];
		bool letter =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':');

		if (!letter && !(i > 0 && c >= '0' && c <= '9'))
			return false;
	}
	return true;
}

static bool arguments_valid(const char *name, int type, const struct gavea_pair *labels, size_t count)
{
	if (!word_valid(name, true) || type < GAVEA_GAUGE || type > GAVEA_HISTOGRAM ||
		count > SERIES_LABELS_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!word_valid(labels[i].name, false) || startswith(labels[i].name, "__"))
			return false;
		for (size_t j = 0; j < i; j++)
			if (streq(labels[i].name, labels[j].name))
				return false;
	}
	return true;
}

static size_t bounded(const char *text, size_t limit)
{
	size_t size = text ? strnlen(text, limit + 1) : 0;

	return size > limit ? utf8_cut(text, size, limit) : size;
}

static char *put(char **at, const char *text, size_t limit)
{
	size_t size = bounded(text, limit);
	char *start = *at;

	if (size)
		memcpy(start, text, size);
	start[size] = 0;
	utf8_repair(start, size);
	*at = start + size + 1;
	return start;
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp((*(Label *const *)a)->key, (*(Label *const *)b)->key);
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (;; text++) {
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
		if (!*text)
			return hash;
	}
}

static struct entry *entry_new(uint32_t check, const char *name, const char *unit, const char *help,
	const struct gavea_pair *labels, size_t count)
{
	size_t size = sizeof(struct entry) + count * (sizeof(Label *) + sizeof(Label)) + strlen(name) + 1 +
		bounded(unit, NAME_MAX_BYTES) + 1 + bounded(help, HELP_MAX_BYTES) + 1;
	struct entry *entry;
	Label **list, *label;
	char *at;

	for (size_t i = 0; i < count; i++)
		size += strlen(labels[i].name) + 1 + bounded(labels[i].value, SERIES_LABEL_VALUE_MAX) + 1;
	entry = malloc(size);
	if (!entry)
		return NULL;
	list = (Label **)(entry + 1);
	label = (Label *)(list + count);
	at = (char *)(label + count);
	*entry = (struct entry){.message = GAVEA__V1__SERIES__INIT};
	entry->message.name = put(&at, name, NAME_MAX_BYTES);
	entry->message.unit = put(&at, unit, NAME_MAX_BYTES);
	entry->message.help = put(&at, help, HELP_MAX_BYTES);
	for (size_t i = 0; i < count; i++) {
		label[i] = (Label)GAVEA__V1__SERIES__LABELS_ENTRY__INIT;
		label[i].key = put(&at, labels[i].name, NAME_MAX_BYTES);
		label[i].value = put(&at, labels[i].value, SERIES_LABEL_VALUE_MAX);
		list[i] = &label[i];
	}
	/* Labels are a set: the order in which a plugin gives them means nothing. */
	if (count > 0)
		qsort(list, count, sizeof *list, compare_labels);
	entry->message.labels = list;
	entry->message.n_labels = count;
	entry->message.check = check;
	entry->hash = hash_text(UINT64_C(0xcbf29ce484222325) ^ check, name);
	for (size_t i = 0; i < count; i++)
		entry->hash = hash_text(hash_text(entry->hash, list[i]->key), list[i]->value);
	return entry;
}

static bool same_series(const struct entry *a, const struct entry *b)
{
	if (a->hash != b->hash || a->message.check != b->message.check ||
		a->message.n_labels != b->message.n_labels || !streq(a->message.name, b->message.name))
		return false;
	for (size_t i = 0; i < a->message.n_labels; i++)
		if (!streq(a->message.labels[i]->key, b->message.labels[i]->key) ||
			!streq(a->message.labels[i]->value, b->message.labels[i]->value))
			return false;
	return true;
}

static uint32_t *find_slot(struct series_registry *registry, const struct entry *entry)
{
	for (size_t i = (size_t)entry->hash & (registry->slots - 1);; i = (i + 1) & (registry->slots - 1)) {
		uint32_t number = registry->table[i];

		if (number == 0 || same_series(registry->entries[number - 1], entry))
			return &registry->table[i];
	}
}

static int grow_table(struct series_registry *registry)
{
	size_t slots = registry->slots ? registry->slots * 2 : 64;
	uint32_t *table = calloc(slots, sizeof *table);

	if (!table)
		return -ENOMEM;
	free(registry->table);
	registry->table = table;
	registry->slots = slots;
	for (int i = 0; i < registry->count; i++)
		*find_slot(registry, registry->entries[i]) = (uint32_t)i + 1;
	return 0;
}

/* Adds a new one, which is the registry's then. Its number or -errno. */
static int add(
	struct series_registry *registry, struct entry *entry, uint32_t *slot, uint32_t check, int type)
{
	int number = registry->count + 1;

	if (number > SERIES_MAX)
		return -ENOSPC;
	if (GROW(registry->entries, (size_t)registry->count, registry->room) < 0)
		return -ENOMEM;
	entry->message.number = (uint32_t)number;
	entry->message.type = (Gavea__V1__SampleType)type;
	entry->told = check;
	registry->entries[number - 1] = entry;
	registry->count = number;
	*slot = (uint32_t)number;
	return number;
}

static int declare_locked(
	struct series_registry *registry, uint32_t check, struct entry **entry, int type, bool *ret_to_send)
{
	uint32_t *slot;
	struct entry *known;
	int number;

	if ((size_t)registry->count * 2 >= registry->slots && grow_table(registry) < 0)
		return -ENOMEM;
	slot = find_slot(registry, *entry);
	if (*slot == 0) {
		number = add(registry, *entry, slot, check, type);
		if (number > 0) {
			*entry = NULL;
			*ret_to_send = true;
		}
		return number;
	}
	known = registry->entries[*slot - 1];
	if (known->message.type != (Gavea__V1__SampleType)type)
		return -EINVAL;
	*ret_to_send = !known->sent && known->told != check;
	if (*ret_to_send)
		known->told = check;
	return (int)*slot;
}

int series_declare(struct series_registry *registry, uint32_t check, const char *name, int type,
	const char *unit, const char *help, const struct gavea_pair *labels, size_t label_count,
	bool *ret_to_send)
{
	struct entry *entry;
	int r;

	if (!arguments_valid(name, type, labels, label_count))
		return -EINVAL;
	entry = entry_new(check, name, unit, help, labels, label_count);
	if (!entry)
		return -ENOMEM;
	pthread_mutex_lock(&registry->lock);
	r = declare_locked(registry, check, &entry, type, ret_to_send);
	pthread_mutex_unlock(&registry->lock);
	free(entry);
	return r;
}

Gavea__V1__Series *series_get(struct series_registry *registry, int number)
{
	Gavea__V1__Series *message = NULL;

	pthread_mutex_lock(&registry->lock);
	if (number >= 1 && number <= registry->count)
		message = &registry->entries[number - 1]->message;
	pthread_mutex_unlock(&registry->lock);
	return message;
}

int series_count(const struct series_registry *registry)
{
	return atomic_load_explicit(&registry->count, memory_order_relaxed);
}

void series_sent(struct series_registry *registry, int number)
{
	pthread_mutex_lock(&registry->lock);
	if (number >= 1 && number <= registry->count)
		registry->entries[number - 1]->sent = true;
	pthread_mutex_unlock(&registry->lock);
}

void series_forget(struct series_registry *registry, uint32_t check)
{
	pthread_mutex_lock(&registry->lock);
	for (int i = 0; i < registry->count; i++)
		if (registry->entries[i]->told == check)
			registry->entries[i]->told = 0;
	pthread_mutex_unlock(&registry->lock);
}
