/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/arena.h"
#include "fleet/decode.h"
#include "fleet/internal.h"
#include "fleet/snapshot.h"
#include "proto/store.pb-c.h"

#include <errno.h>
#include <math.h>
#include <zstd.h>
#include <zstd_errors.h>

#define MEMORY_MAX ((size_t)1 << 30) /* decoding what fitted into less when it was encoded */

static Gavea__Store__V1__Host *decode(struct arena *arena, const void *bytes, size_t size)
{
	unsigned long long plain_size = ZSTD_getFrameContentSize(bytes, size);
	void *plain;
	size_t n;

	if (plain_size == ZSTD_CONTENTSIZE_ERROR || plain_size == ZSTD_CONTENTSIZE_UNKNOWN ||
		plain_size > SNAPSHOT_PLAIN_MAX)
		return NULL;
	plain = arena_alloc(arena, plain_size + 1);
	if (!plain)
		return NULL;
	n = ZSTD_decompress(plain, plain_size, bytes, size);
	if (ZSTD_isError(n)) {
		arena->starved |= ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation;
		return NULL;
	}
	return gavea__store__v1__host__unpack(&arena->allocator, n, plain);
}

static int load_check(struct model *model, struct host *host, const Gavea__Store__V1__Check *from)
{
	struct model_check *check = from->declaration ? declare_check(model, host, from->declaration) : NULL;

	if (!from->declaration)
		return -EBADMSG;
	if (!check)
		return -ENOMEM;
	if (from->result && check != &model->dropped_check)
		set_result(check, from->result, from->received_ms);
	return 0;
}

static int load_series(struct model *model, struct host *host, const Gavea__Store__V1__Host *message,
	const Gavea__Store__V1__Series *from)
{
	struct series *series = declare_series_text(model, host, from->name, from->labels);

	if (!series)
		return -ENOMEM;
	if (series == &model->dropped_series)
		return 0;
	if (from->check > message->n_checks)
		return -EBADMSG;
	if (from->check > 0) {
		const struct model_check *check =
			model_check_find(&host->public, message->checks[from->check - 1]->declaration->name);

		series->public.check = check ? check->name : "";
	}
	series->public.type = (enum gavea_sample_type)from->type;
	series->public.value = from->time_ms ? from->value : NAN;
	series->public.count = from->count;
	series->public.time_ms = from->time_ms;
	return texts_set(&model->texts, &series->public.unit, from->unit);
}

static int load_numbers(struct host *host, struct source *source, const Gavea__Store__V1__Host *message,
	const Gavea__Store__V1__Source *from)
{
	int r = 0;

	if (from->n_check_numbers != from->n_check_places || from->n_series_numbers != from->n_series_places)
		return -EBADMSG;
	for (size_t i = 0; i < from->n_check_numbers && r == 0; i++) {
		uint32_t place = from->check_places[i];

		if (place == 0 || place > message->n_checks || from->check_numbers[i] > REPORT_NUMBER_MAX)
			return -EBADMSG;
		r = numbers_set(&source->checks, from->check_numbers[i],
			(void *)model_check_find(
				&host->public, message->checks[place - 1]->declaration->name));
	}
	for (size_t i = 0; i < from->n_series_numbers && r == 0; i++) {
		uint32_t place = from->series_places[i];

		if (place == 0 || place > message->n_series || from->series_numbers[i] > REPORT_NUMBER_MAX)
			return -EBADMSG;
		r = numbers_set(&source->series, from->series_numbers[i],
			(void *)model_series_find(&host->public, message->series[place - 1]->name,
				message->series[place - 1]->labels));
	}
	return r;
}

static int load_source(
	struct host *host, const Gavea__Store__V1__Host *message, const Gavea__Store__V1__Source *from)
{
	struct source *source;

	if (strlen(from->spool_id) != 32)
		return -EBADMSG;
	source = source_add(host, from->spool_id);
	if (!source || text_set(&source->machine_id, from->machine_id) < 0 ||
		text_set(&source->boot_id, from->boot_id) < 0 ||
		text_set(&source->address, from->address) < 0)
		return -ENOMEM;
	source->last_seq = from->last_seq;
	source->stream = from->stream;
	source->last_seen_ms = from->last_seen_ms;
	return load_numbers(host, source, message, from);
}

/* By name: the list of plots may be another one now. */
static void load_plot(const struct model *model, struct host *host, const Gavea__Store__V1__Plot *from)
{
	for (size_t i = 0; i < model->plots.count; i++) {
		if (!streq(model->plots.plots[i].name, from->name))
			continue;
		for (size_t j = 0; j < from->n_points; j++)
			plot_ring_put(&host->plots.rings[i],
				from->last_slot - (int64_t)from->n_points + 1 + (int64_t)j, from->points[j]);
	}
}

static int load_host(struct model *model, struct host *host, const Gavea__Store__V1__Host *from)
{
	struct model_host *public = &host->public;
	int r = text_set(&public->version, from->agent->version);

	if (r == 0)
		r = text_set(&public->address, from->address);
	if (r == 0)
		r = text_set(&public->machine_id, from->agent->machine_id);
	if (r == 0)
		r = labels_set(
			&public->labels, &public->label_count, from->agent->labels, from->agent->n_labels);
	public->first_seen_ms = from->first_seen_ms;
	public->last_seen_ms = from->last_seen_ms;
	public->liveness = from->lost ? MODEL_LOST : MODEL_LIVE;
	public->liveness_since_ms = from->liveness_since_ms;
	public->next_within_ms = from->next_within_ms;
	public->skew_ms = from->skew_ms;
	public->conflict = from->conflict_ms > 0;
	host->conflict_ms = from->conflict_ms;
	for (size_t i = 0; i < from->n_checks && r == 0; i++)
		r = load_check(model, host, from->checks[i]);
	for (size_t i = 0; i < from->n_series && r == 0; i++)
		r = load_series(model, host, from, from->series[i]);
	for (size_t i = 0; i < from->n_sources && r == 0; i++)
		r = load_source(host, from, from->sources[i]);
	for (size_t i = 0; i < from->n_plots; i++)
		load_plot(model, host, from->plots[i]);
	host_touch(model, host);
	return r;
}

int snapshot_load(
	struct model *model, const char *agent_id, const void *bytes, size_t size, struct error *error)
{
	const Gavea__Store__V1__Host *message;
	struct host *host;
	struct arena arena;
	int r = -EBADMSG;

	arena_init(&arena, MEMORY_MAX);
	message = decode(&arena, bytes, size);
	if (message && message->agent && strlen(agent_id) == 32) {
		host = host_add(model, agent_id, message->agent->name);
		r = host ? load_host(model, host, message) : -ENOMEM;
		if (host && r < 0)
			host_remove(model, host);
	}
	if (!message && arena.starved)
		r = -ENOMEM;
	arena_done(&arena);
	if (r == -EBADMSG)
		error_set(error, r, "the snapshot of host %s is damaged", agent_id);
	return r;
}
