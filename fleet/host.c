/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/internal.h"

#include <errno.h>

#define GRACE_MIN_MS 2000

int text_set(char **text, const char *value)
{
	char *copy;

	if (*text && streq(*text, value))
		return 0;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

/* The generated pair types all have this form (judge.c asserts it). */
struct pair {
	ProtobufCMessage base;
	char *key;
	char *value;
};

static int compare_pairs(const void *a, const void *b)
{
	return strcmp((*(struct pair *const *)a)->key, (*(struct pair *const *)b)->key);
}

void labels_free(struct model_label *labels, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(labels[i].name);
		free(labels[i].value);
	}
	free(labels);
}

int labels_set(struct model_label **labels, size_t *count, void *entries, size_t entry_count)
{
	struct pair **pairs = entries;

	if (entry_count > 1)
		qsort(pairs, entry_count, sizeof *pairs, compare_pairs);
	if (*count != entry_count) {
		labels_free(*labels, *count);
		*labels = entry_count ? calloc(entry_count, sizeof **labels) : NULL;
		*count = *labels ? entry_count : 0;
		if (*count != entry_count)
			return -ENOMEM;
	}
	for (size_t i = 0; i < entry_count; i++) {
		int r = text_set(&(*labels)[i].name, pairs[i]->key);

		if (r == 0)
			r = text_set(&(*labels)[i].value, pairs[i]->value);
		if (r < 0) { /* whole ones only */
			for (size_t j = i; j < entry_count; j++) {
				free((*labels)[j].name);
				free((*labels)[j].value);
			}
			*count = i;
			return r;
		}
	}
	return 0;
}

struct host *host_get(const struct model *model, const char *id)
{
	return strmap_get(&model->by_id, id);
}

static void source_done(struct source *source)
{
	free(source->machine_id);
	free(source->boot_id);
	free(source->address);
	free(source->checks.at);
	free(source->series.at);
	*source = (struct source){};
}

static void check_free(struct model_check *check)
{
	free(check->name);
	free(check->summary);
	for (size_t i = 0; i < check->item_count; i++) {
		free(check->items[i].name);
		free(check->items[i].summary);
		labels_free(check->items[i].attributes, check->items[i].attribute_count);
	}
	free(check->items);
	labels_free(check->labels, check->label_count);
	free(check);
}

void series_free(struct strmap *texts, struct series *series)
{
	texts_drop(texts, series->public.name);
	texts_drop(texts, series->public.labels);
	texts_drop(texts, series->public.unit);
	free(series);
}

void host_free(struct host *host)
{
	if (!host)
		return;
	for (size_t i = 0; i < host->public.check_count; i++)
		check_free(host->public.checks[i]);
	for (size_t i = 0; i < host->public.series_count; i++)
		series_free(host->texts, (struct series *)host->public.series[i]);
	for (size_t i = 0; i < host->source_count; i++)
		source_done(&host->sources[i]);
	plots_of_host_done(&host->plots);
	labels_free(host->public.labels, host->public.label_count);
	free(host->public.checks);
	free(host->public.series);
	free(host->sources);
	free(host->public.name);
	free(host->public.version);
	free(host->public.address);
	free(host->public.machine_id);
	free(host);
}

static void renumber(struct model *model, size_t from)
{
	for (size_t i = from; i < model->host_count; i++)
		model->hosts[i]->place = i;
}

/* There must be room. */
static void put_in_place(struct model *model, struct host *host)
{
	const struct model_host *next = model_host_after(model, host->public.name, host->public.id);
	size_t place = next ? host_of(next)->place : model->host_count;

	memmove(&model->hosts[place + 1], &model->hosts[place],
		(model->host_count - place) * sizeof *model->hosts);
	model->hosts[place] = host;
	model->host_count++;
	renumber(model, place);
}

static struct host *make(struct model *model, const char *id, const char *name)
{
	struct host *host = calloc(1, sizeof *host);

	if (!host)
		return NULL;
	host->texts = &model->texts;
	memcpy(host->public.id, id, sizeof host->public.id);
	if (plots_of_host_init(&model->plots, &host->plots) < 0 || text_set(&host->public.name, name) < 0 ||
		text_set(&host->public.version, "") < 0 || text_set(&host->public.address, "") < 0 ||
		text_set(&host->public.machine_id, "") < 0) {
		host_free(host);
		return NULL;
	}
	return host;
}

struct host *host_add(struct model *model, const char *id, const char *name)
{
	struct host *host;

	if (GROW(model->hosts, model->host_count, model->hosts_room) < 0)
		return NULL;
	host = make(model, id, name);
	if (!host)
		return NULL;
	if (strmap_set(&model->by_id, id, host, NULL) < 0) {
		host_free(host);
		return NULL;
	}
	put_in_place(model, host);
	return host;
}

void host_remove(struct model *model, struct host *host)
{
	(void)strmap_remove(&model->by_id, host->public.id);
	model->host_count--;
	memmove(&model->hosts[host->place], &model->hosts[host->place + 1],
		(model->host_count - host->place) * sizeof *model->hosts);
	renumber(model, host->place);
	host_free(host);
}

int host_rename(struct model *model, struct host *host, const char *name)
{
	int r;

	if (streq(host->public.name, name))
		return 0;
	r = text_set(&host->public.name, name);
	if (r < 0)
		return r;
	model->host_count--;
	memmove(&model->hosts[host->place], &model->hosts[host->place + 1],
		(model->host_count - host->place) * sizeof *model->hosts);
	renumber(model, host->place);
	put_in_place(model, host);
	return 0;
}

struct source *source_find(const struct host *host, const char *spool_id)
{
	for (size_t i = 0; i < host->source_count; i++)
		if (streq(host->sources[i].spool_id, spool_id))
			return &host->sources[i];
	return NULL;
}

struct source *source_add(struct host *host, const char *spool_id)
{
	struct source *source = NULL;

	if (host->source_count < SOURCES_MAX) {
		if (GROW(host->sources, host->source_count, host->sources_room) < 0)
			return NULL;
		source = &host->sources[host->source_count++];
	} else {
		source = &host->sources[0];
		for (size_t i = 1; i < host->source_count; i++)
			if (host->sources[i].last_seen_ms < source->last_seen_ms)
				source = &host->sources[i];
		source_done(source);
	}
	*source = (struct source){};
	memcpy(source->spool_id, spool_id, sizeof source->spool_id);
	return source;
}

void source_begin_stream(struct source *source, uint64_t stream)
{
	free(source->checks.at);
	free(source->series.at);
	source->checks = source->series = (struct numbers){};
	source->stream = stream;
}

void *numbers_get(const struct numbers *numbers, uint32_t number)
{
	return number < numbers->room ? numbers->at[number] : NULL;
}

int numbers_set(struct numbers *numbers, uint32_t number, void *value)
{
	if (number >= numbers->room) {
		size_t room = MAX(MAX(numbers->room * 2, (size_t)16), (size_t)number + 1);
		void **at = realloc(numbers->at, room * sizeof *at);

		if (!at)
			return -ENOMEM;
		memset(at + numbers->room, 0, (room - numbers->room) * sizeof *at);
		numbers->at = at;
		numbers->room = room;
	}
	numbers->at[number] = value;
	return 0;
}

/* Goes through all numbers once, however many series go: there may be many of both. */
static void forget_check(struct source *source, const struct model_check *check)
{
	for (size_t i = 0; i < source->checks.room; i++)
		if (source->checks.at[i] == check)
			source->checks.at[i] = NULL;
	for (size_t i = 0; i < source->series.room; i++) {
		const struct series *series = source->series.at[i];

		if (series && series->public.check == check->name)
			source->series.at[i] = NULL;
	}
}

void remove_check(struct host *host, struct model_check *check)
{
	struct model_host *public = &host->public;
	size_t kept = 0;

	for (size_t i = 0; i < host->source_count; i++)
		forget_check(&host->sources[i], check);
	for (size_t i = 0; i < public->series_count; i++) {
		struct series *series = (struct series *)public->series[i];

		if (series->public.check != check->name) {
			public->series[kept++] = public->series[i];
			continue;
		}
		plots_unbind(&host->plots, series);
		series_free(host->texts, series);
	}
	public->series_count = kept;
	for (size_t i = 0; i < public->check_count; i++)
		if (public->checks[i] == check) {
			public->check_count--;
			memmove(&public->checks[i], &public->checks[i + 1],
				(public->check_count - i) * sizeof *public->checks);
			break;
		}
	check_free(check);
}

void host_touch(struct model *model, struct host *host)
{
	host->public.generation = atomic_fetch_add(&model->generation, 1) + 1;
}

int64_t host_patience_ms(const struct host *host)
{
	int64_t within = host->public.next_within_ms;

	return within + MAX(within / 2, GRACE_MIN_MS);
}

/* An agent whose disk fails goes on with a spool in memory and returns to the one on the disk. */
static bool same_agent(const struct source *a, const struct source *b)
{
	return a->machine_id && *a->machine_id && a->boot_id && *a->boot_id && b->machine_id && b->boot_id &&
		a->address && b->address && streq(a->machine_id, b->machine_id) &&
		streq(a->boot_id, b->boot_id) && streq(a->address, b->address);
}

bool source_returned(const struct host *host, const struct source *source, int64_t received_ms,
	const struct source **ret_other)
{
	for (size_t i = 0; i < host->source_count; i++) {
		const struct source *other = &host->sources[i];

		if (other != source && !same_agent(source, other) &&
			other->last_seen_ms >= source->last_seen_ms &&
			other->last_seen_ms + host_patience_ms(host) > received_ms &&
			source->last_seen_ms > 0) {
			*ret_other = other;
			return true;
		}
	}
	return false;
}
