/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/snapshot.h"

#include "fleet/arena.h"
#include "fleet/internal.h"
#include "proto/store.pb-c.h"
#include "wire/convert.h"

#include <errno.h>
#include <math.h>
#include <zstd.h>

#define MEMORY_MAX ((size_t)256 << 20)

/* A host that is too large is saved with less: else nothing could be written any more, or not be loaded again. */
enum detail {
	DETAIL_HEAD, /* who it is, and how far each spool came; the agent is asked for its declarations */
	DETAIL_CHECKS, /* all but items */
	DETAIL_ALL,
};

/* ---- Encoding. Strings are borrowed from the model, everything else lies in the arena; NULL: no memory.
 * ---- */

/* The generated pair types all have this form (judge.c asserts it). */
struct pair {
	ProtobufCMessage base;
	char *key;
	char *value;
};

static void *make_pairs(
	struct arena *arena, const struct model_label *labels, size_t count, void (*init)(struct pair *pair))
{
	struct pair **pairs = arena_array(arena, count + 1, sizeof *pairs);
	struct pair *all = arena_array(arena, count + 1, sizeof *all);

	if (!pairs || !all)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		init(&all[i]);
		all[i].key = labels[i].name;
		all[i].value = labels[i].value;
		pairs[i] = &all[i];
	}
	return pairs;
}

static void init_agent_pair(struct pair *pair)
{
	gavea__v1__agent__labels_entry__init((Gavea__V1__Agent__LabelsEntry *)pair);
}

static void init_check_pair(struct pair *pair)
{
	gavea__v1__check__labels_entry__init((Gavea__V1__Check__LabelsEntry *)pair);
}

static void init_item_pair(struct pair *pair)
{
	gavea__v1__item__attributes_entry__init((Gavea__V1__Item__AttributesEntry *)pair);
}

static Gavea__V1__Agent *make_agent(struct arena *arena, const struct model_host *host)
{
	Gavea__V1__Agent *agent = arena_array(arena, 1, sizeof *agent);

	if (!agent)
		return NULL;
	gavea__v1__agent__init(agent);
	agent->name = host->name;
	agent->version = host->version;
	agent->machine_id = host->machine_id;
	agent->n_labels = host->label_count;
	agent->labels = make_pairs(arena, host->labels, host->label_count, init_agent_pair);
	return agent->labels ? agent : NULL;
}

static Gavea__V1__Item **make_items(struct arena *arena, const struct model_check *check)
{
	Gavea__V1__Item **items = arena_array(arena, check->item_count + 1, sizeof *items);

	for (size_t i = 0; items && i < check->item_count; i++) {
		const struct model_item *from = &check->items[i];
		Gavea__V1__Item *item = items[i] = arena_array(arena, 1, sizeof *item);

		if (!item)
			return NULL;
		gavea__v1__item__init(item);
		item->name = from->name;
		item->status = status_to_wire(from->status);
		item->summary = from->summary;
		item->n_attributes = from->attribute_count;
		item->attributes = make_pairs(arena, from->attributes, from->attribute_count, init_item_pair);
		if (!item->attributes)
			return NULL;
	}
	return items;
}

static Gavea__V1__Result *make_result(
	struct arena *arena, const struct model_check *check, enum detail detail)
{
	Gavea__V1__Result *result = arena_array(arena, 1, sizeof *result);

	if (!result)
		return NULL;
	gavea__v1__result__init(result);
	result->status = status_to_wire(check->status);
	result->state = status_to_wire(check->state);
	result->attempt = check->attempt;
	result->flapping = check->flapping;
	result->summary = check->summary;
	result->started_at_ms = check->started_ms;
	result->duration_us = check->duration_us;
	result->state_since_ms = check->since_ms;
	result->items_left_out = (uint32_t)check->items_left_out;
	if (detail < DETAIL_ALL) {
		result->items_left_out += (uint32_t)check->item_count;
		return result;
	}
	result->n_items = check->item_count;
	result->items = make_items(arena, check);
	return result->items ? result : NULL;
}

static Gavea__Store__V1__Check *make_check(
	struct arena *arena, const struct model_check *from, enum detail detail)
{
	Gavea__Store__V1__Check *check = arena_array(arena, 1, sizeof *check);
	Gavea__V1__Check *declaration = arena_array(arena, 1, sizeof *declaration);

	if (!check || !declaration)
		return NULL;
	gavea__store__v1__check__init(check);
	gavea__v1__check__init(declaration);
	declaration->name = from->name;
	declaration->every_ms = from->every_ms;
	declaration->timeout_ms = from->timeout_ms;
	declaration->n_labels = from->label_count;
	declaration->labels = make_pairs(arena, from->labels, from->label_count, init_check_pair);
	check->declaration = declaration;
	check->received_ms = from->received_ms;
	if (from->has_result)
		check->result = make_result(arena, from, detail);
	return declaration->labels && (check->result || !from->has_result) ? check : NULL;
}

static uint32_t check_place(const struct model_host *host, const char *name)
{
	for (size_t i = 0; *name && i < host->check_count; i++)
		if (host->checks[i]->name == name)
			return (uint32_t)i + 1;
	return 0;
}

static Gavea__Store__V1__Series *make_series(
	struct arena *arena, const struct model_host *host, const struct model_series *from)
{
	Gavea__Store__V1__Series *series = arena_array(arena, 1, sizeof *series);

	if (!series)
		return NULL;
	gavea__store__v1__series__init(series);
	series->name = from->name;
	series->labels = from->labels;
	series->unit = from->unit;
	series->type = from->type;
	series->check = check_place(host, from->check);
	series->value = from->value;
	series->count = from->count;
	series->time_ms = from->time_ms;
	return series;
}

static int make_check_numbers(struct arena *arena, const struct model_host *host, const struct numbers *from,
	Gavea__Store__V1__Source *to)
{
	uint32_t *numbers = arena_array(arena, from->room + 1, sizeof *numbers);
	uint32_t *places = arena_array(arena, from->room + 1, sizeof *places);

	if (!numbers || !places)
		return -ENOMEM;
	to->check_numbers = numbers;
	to->check_places = places;
	for (size_t number = 0; number < from->room; number++) {
		const struct model_check *check = from->at[number];

		if (!check || !check->name)
			continue; /* the dropped one has no name */
		numbers[to->n_check_numbers++] = (uint32_t)number;
		places[to->n_check_places++] = check_place(host, check->name);
	}
	return 0;
}

static int make_series_numbers(struct arena *arena, const struct numbers *from, Gavea__Store__V1__Source *to)
{
	uint32_t *numbers = arena_array(arena, from->room + 1, sizeof *numbers);
	uint32_t *places = arena_array(arena, from->room + 1, sizeof *places);

	if (!numbers || !places)
		return -ENOMEM;
	to->series_numbers = numbers;
	to->series_places = places;
	for (size_t number = 0; number < from->room; number++) {
		const struct series *series = from->at[number];

		if (!series || !series->public.name)
			continue;
		numbers[to->n_series_numbers++] = (uint32_t)number;
		places[to->n_series_places++] = series->place;
	}
	return 0;
}

static Gavea__Store__V1__Source *make_source(
	struct arena *arena, const struct model_host *host, struct source *from, enum detail detail)
{
	Gavea__Store__V1__Source *source = arena_array(arena, 1, sizeof *source);

	if (!source)
		return NULL;
	gavea__store__v1__source__init(source);
	source->spool_id = from->spool_id;
	source->last_seq = from->last_seq;
	source->stream = from->stream;
	source->last_seen_ms = from->last_seen_ms;
	source->machine_id = from->machine_id ? from->machine_id : (char *)"";
	source->boot_id = from->boot_id ? from->boot_id : (char *)"";
	source->address = from->address ? from->address : (char *)"";
	if (detail == DETAIL_HEAD)
		return source;
	if (make_check_numbers(arena, host, &from->checks, source) < 0 ||
		make_series_numbers(arena, &from->series, source) < 0)
		return NULL;
	return source;
}

static Gavea__Store__V1__Plot *make_plot(struct arena *arena, const char *name, const struct plot_ring *ring)
{
	Gavea__Store__V1__Plot *plot = arena_array(arena, 1, sizeof *plot);

	if (!plot)
		return NULL;
	gavea__store__v1__plot__init(plot);
	plot->name = (char *)name;
	plot->last_slot = ring->last_slot;
	plot->points = arena_array(arena, MODEL_POINTS, sizeof *plot->points);
	if (!plot->points)
		return NULL;
	plot->n_points = ring->last_slot ? MODEL_POINTS : 0;
	for (int64_t i = 0; i < MODEL_POINTS; i++)
		plot->points[i] = plot_ring_get(ring, ring->last_slot - MODEL_POINTS + 1 + i);
	return plot;
}

static int fill_checks(struct arena *arena, const struct model *model, const struct host *host,
	enum detail detail, Gavea__Store__V1__Host *to)
{
	const struct model_host *public = &host->public;

	to->checks = arena_array(arena, public->check_count + 1, sizeof *to->checks);
	to->series = arena_array(arena, public->series_count + 1, sizeof *to->series);
	to->plots = arena_array(arena, model->plots.count + 1, sizeof *to->plots);
	if (!to->checks || !to->series || !to->plots)
		return -ENOMEM;
	for (; to->n_checks < public->check_count; to->n_checks++)
		if (!(to->checks[to->n_checks] = make_check(arena, public->checks[to->n_checks], detail)))
			return -ENOMEM;
	for (; to->n_series < public->series_count; to->n_series++) {
		struct series *series = (struct series *)public->series[to->n_series];

		series->place = (uint32_t)to->n_series + 1;
		if (!(to->series[to->n_series] = make_series(arena, public, &series->public)))
			return -ENOMEM;
	}
	for (; to->n_plots < model->plots.count; to->n_plots++)
		if (!(to->plots[to->n_plots] = make_plot(
			      arena, model->plots.plots[to->n_plots].name, &host->plots.rings[to->n_plots])))
			return -ENOMEM;
	return 0;
}

static int fill_sources(
	struct arena *arena, const struct host *host, enum detail detail, Gavea__Store__V1__Host *to)
{
	to->sources = arena_array(arena, host->source_count + 1, sizeof *to->sources);
	for (; to->sources && to->n_sources < host->source_count; to->n_sources++)
		if (!(to->sources[to->n_sources] =
				    make_source(arena, &host->public, &host->sources[to->n_sources], detail)))
			return -ENOMEM;
	return to->sources ? 0 : -ENOMEM;
}

static Gavea__Store__V1__Host *make_host(
	struct arena *arena, const struct model *model, const struct host *host, enum detail detail)
{
	const struct model_host *public = &host->public;
	Gavea__Store__V1__Host *to = arena_array(arena, 1, sizeof *to);

	if (!to)
		return NULL;
	gavea__store__v1__host__init(to);
	to->agent = make_agent(arena, public);
	to->address = public->address;
	to->first_seen_ms = public->first_seen_ms;
	to->last_seen_ms = public->last_seen_ms;
	to->lost = public->liveness == MODEL_LOST;
	to->liveness_since_ms = public->liveness_since_ms;
	to->next_within_ms = public->next_within_ms;
	to->skew_ms = public->skew_ms;
	to->conflict_ms = public->conflict ? host->conflict_ms : 0;
	if (!to->agent || (detail > DETAIL_HEAD && fill_checks(arena, model, host, detail, to) < 0) ||
		fill_sources(arena, host, detail, to) < 0)
		return NULL;
	return to;
}

static int compress(const void *plain, size_t size, struct buf *out)
{
	size_t room = ZSTD_compressBound(size), n;
	char *at = buf_extend(out, room);

	if (!at)
		return buf_error(out);
	n = ZSTD_compress(at, room, plain, size, 1);
	if (ZSTD_isError(n))
		return -ENOMEM;
	out->size += n;
	return 0;
}

/* -EFBIG: it takes too much room in this detail. */
static int encode(const struct model *model, const struct host *host, enum detail detail, struct buf *out)
{
	const Gavea__Store__V1__Host *message;
	struct arena arena;
	uint8_t *plain;
	size_t size;
	int r = -ENOMEM;

	arena_init(&arena, MEMORY_MAX);
	message = make_host(&arena, model, host, detail);
	size = message ? gavea__store__v1__host__get_packed_size(message) : 0;
	plain = message && size <= SNAPSHOT_PLAIN_MAX ? arena_alloc(&arena, size) : NULL;
	if (plain) {
		gavea__store__v1__host__pack(message, plain);
		r = compress(plain, size, out);
	} else if (arena.full || size > SNAPSHOT_PLAIN_MAX) {
		r = -EFBIG;
	}
	arena_done(&arena);
	return r;
}

int snapshot_encode(const struct model *model, const struct host *host, struct buf *out)
{
	int r = -EFBIG;

	for (int detail = DETAIL_ALL; r == -EFBIG && detail >= DETAIL_HEAD; detail--) {
		r = encode(model, host, (enum detail)detail, out);
		if (r == 0 && detail < DETAIL_ALL)
			return 1;
	}
	return r;
}
