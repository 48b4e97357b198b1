/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/collect.h"
#include "base/status.h"
#include "base/util.h"
#include "wire/convert.h"
#include "wire/segment.h"

#include <stdio.h>

#define ITEMS_MAX 10000
#define HEAD_MAX_BYTES 512 /* of a record with a result, but for its summary and items */
#define ITEM_HEAD_BYTES 4 /* tag and length; no item is larger than a frame */

void collect_reset(struct collect *collect)
{
	for (size_t i = 0; i < collect->count; i++)
		gavea__v1__item__free_unpacked(collect->items[i], NULL);
	free(collect->items);
	*collect = (struct collect){.items = NULL};
}

void collect_items(struct collect *collect, Gavea__Worker__V1__Output *output)
{
	size_t taken = 0;

	while (taken < output->n_items && collect->count < ITEMS_MAX &&
		GROW(collect->items, collect->count, collect->room) == 0)
		collect->items[collect->count++] = output->items[taken++];
	collect->left_out += (uint32_t)(output->n_items - taken);
	/* The rest stays with the message. */
	if (taken < output->n_items)
		memmove(output->items, output->items + taken,
			(output->n_items - taken) * sizeof *output->items);
	output->n_items -= taken;
}

void collect_complain(struct collect *collect, const char *text)
{
	if (!collect->complaint)
		collect->complaint = text;
}

/* What the items say when the run itself gave no summary: the worst one, and how many there are. */
static char *summarize(const struct collect *collect, enum gavea_status worst)
{
	size_t bad = 0;
	const Gavea__V1__Item *first = NULL;
	char *text;

	for (size_t i = 0; i < collect->count; i++) {
		enum gavea_status status = status_from_wire(collect->items[i]->status);

		bad += status != GAVEA_OK;
		if (!first && status == worst)
			first = collect->items[i];
	}
	if (!first)
		return strdup("the plugin gave no result");
	if (bad == 0) {
		if (asprintf(&text, "%zu items, all ok", collect->count) < 0)
			return NULL;
	} else if (asprintf(&text, "%zu of %zu items not ok; %s: %s", bad, collect->count, first->name,
			   first->summary) < 0) {
		return NULL;
	}
	return text;
}

/* Leaves out the last ones, and those that are well before the others, until the result fits into a record. */
static void leave_out(struct collect *collect, size_t bytes, size_t room)
{
	size_t kept = 0;

	for (int only_ok = 1; only_ok >= 0; only_ok--)
		for (size_t i = collect->count; i > 0 && bytes > room; i--) {
			Gavea__V1__Item *item = collect->items[i - 1];

			if (!item || (only_ok && status_from_wire(item->status) != GAVEA_OK))
				continue;
			bytes -= gavea__v1__item__get_packed_size(item) + ITEM_HEAD_BYTES;
			gavea__v1__item__free_unpacked(item, NULL);
			collect->items[i - 1] = NULL;
		}
	for (size_t i = 0; i < collect->count; i++)
		if (collect->items[i])
			collect->items[kept++] = collect->items[i];
	collect->left_out += (uint32_t)(collect->count - kept);
	collect->count = kept;
}

static void fit_items(struct collect *collect, const char *summary)
{
	size_t head = HEAD_MAX_BYTES + strlen(summary), bytes = 0;
	size_t room = head < SEGMENT_RECORD_MAX ? SEGMENT_RECORD_MAX - head : 0;

	for (size_t i = 0; i < collect->count; i++)
		bytes += gavea__v1__item__get_packed_size(collect->items[i]) + ITEM_HEAD_BYTES;
	if (bytes > room)
		leave_out(collect, bytes, room);
}

static Gavea__V1__Result *make(struct collect *collect, enum gavea_status status, char *summary)
{
	Gavea__V1__Result *result = malloc(sizeof *result);

	if (!result || !summary) {
		free(result);
		free(summary);
		return NULL;
	}
	fit_items(collect, summary);
	gavea__v1__result__init(result);
	result->status = status_to_wire((int)status);
	result->summary = summary;
	result->items = TAKE_PTR(collect->items);
	result->n_items = collect->count;
	result->items_left_out = collect->left_out;
	collect->count = 0;
	collect_reset(collect);
	return result;
}

const char *collect_reason(const Gavea__Worker__V1__Done *done)
{
	const char *name;

	if (!str_empty(done->message))
		return done->message;
	/* A worker may say any number. */
	name = done->error < 0 && done->error > -4096 ? strerrordesc_np(-done->error) : NULL;
	return name ? name : "failed without a reason";
}

Gavea__V1__Result *collect_result(struct collect *collect, Gavea__Worker__V1__Done *done)
{
	enum gavea_status status = status_from_wire(done->status);
	bool gave_status = done->status != GAVEA__V1__STATUS__STATUS_UNSPECIFIED;
	enum gavea_status worst = gave_status ? status : GAVEA_OK;
	char *summary = NULL;

	collect->left_out += done->items_left_out;
	if (done->error)
		return collect_cause(collect, collect_reason(done));
	if (collect->complaint) {
		if (asprintf(&summary, "the plugin %s", collect->complaint) < 0)
			summary = NULL;
		return make(collect, GAVEA_UNKNOWN, summary);
	}
	for (size_t i = 0; i < collect->count; i++)
		worst = status_worst(worst, status_from_wire(collect->items[i]->status));
	if (!gave_status && collect->count == 0)
		worst = GAVEA_UNKNOWN;
	if (str_empty(done->summary))
		summary = summarize(collect, worst);
	else
		summary = strdup(done->summary);
	return make(collect, worst, summary);
}

Gavea__V1__Result *collect_cause(struct collect *collect, const char *cause)
{
	return make(collect, GAVEA_UNKNOWN, strdup(cause));
}
