/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/status.h"
#include "fleet/internal.h"

#include <math.h>

struct model_time model_time_now(void)
{
	return (struct model_time){clock_unix_ms(), clock_ns(CLOCK_MONOTONIC) / NSEC_PER_MSEC};
}

void model_lock(struct model *model)
{
	pthread_rwlock_rdlock(&model->lock);
}

void model_unlock(struct model *model)
{
	pthread_rwlock_unlock(&model->lock);
}

const struct model_host *model_host_first(const struct model *model)
{
	return model->host_count ? &model->hosts[0]->public : NULL;
}

const struct model_host *model_host_next(const struct model *model, const struct model_host *host)
{
	size_t next = host_of(host)->place + 1;

	return next < model->host_count ? &model->hosts[next]->public : NULL;
}

const struct model_host *model_host_after(const struct model *model, const char *name, const char *id)
{
	size_t low = 0, high = model->host_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct model_host *host = &model->hosts[middle]->public;
		int order = strcmp(host->name, name);

		if (order > 0 || (order == 0 && strcmp(host->id, id) > 0))
			high = middle;
		else
			low = middle + 1;
	}
	return low < model->host_count ? &model->hosts[low]->public : NULL;
}

const struct model_host *model_host_find(const struct model *model, const char *id_or_name)
{
	const struct host *host = strmap_get(&model->by_id, id_or_name);
	const struct model_host *public;

	if (host)
		return &host->public;
	public = model_host_after(model, id_or_name, "");
	return public && streq(public->name, id_or_name) ? public : NULL;
}

const struct model_check *model_check_find(const struct model_host *host, const char *name)
{
	size_t low = 0, high = host->check_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(host->checks[middle]->name, name);

		if (order == 0)
			return host->checks[middle];
		if (order > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct model_series *model_series_find(
	const struct model_host *host, const char *name, const char *labels)
{
	size_t low = 0, high = host->series_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(host->series[middle]->name, name);

		if (order == 0)
			order = strcmp(host->series[middle]->labels, labels);
		if (order == 0)
			return host->series[middle];
		if (order > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool model_check_overdue(
	const struct model_host *host, const struct model_check *check, struct model_time now)
{
	return host->liveness == MODEL_LIVE && check->every_ms > 0 &&
		now.mono_ms > check->overdue_after_mono_ms;
}

enum gavea_status model_check_shown(
	const struct model_host *host, const struct model_check *check, struct model_time now)
{
	return !check->has_result || model_check_overdue(host, check, now) ? GAVEA_UNKNOWN : check->state;
}

enum gavea_status model_host_status(const struct model_host *host, struct model_time now)
{
	enum gavea_status worst = GAVEA_OK;

	for (size_t i = 0; i < host->check_count; i++)
		worst = status_worst(worst, model_check_shown(host, host->checks[i], now));
	return worst;
}

int64_t model_host_deadline_ms(const struct model_host *host, struct model_time now)
{
	return now.unix_ms + host->deadline_mono_ms - now.mono_ms;
}

void model_count(const struct model *model, struct model_time now, struct model_counts *ret_counts)
{
	struct model_counts counts = {.hosts = model->host_count};

	for (size_t i = 0; i < model->host_count; i++) {
		const struct model_host *host = &model->hosts[i]->public;

		counts.lost += host->liveness == MODEL_LOST;
		counts.conflicts += host->conflict;
		for (size_t j = 0; j < host->check_count; j++) {
			counts.checks[model_check_shown(host, host->checks[j], now)]++;
			counts.overdue += model_check_overdue(host, host->checks[j], now);
		}
	}
	*ret_counts = counts;
}

size_t model_plots(const struct model *model, const struct model_plot **ret_plots)
{
	*ret_plots = model->plots.plots;
	return model->plots.count;
}

size_t model_host_points(const struct model *model, const struct model_host *host, size_t plot,
	struct model_time now, double ret_points[static MODEL_POINTS])
{
	int64_t slot = now.unix_ms / MODEL_STEP_MS - MODEL_POINTS + 1;
	size_t count = 0;

	for (size_t i = 0; i < MODEL_POINTS; i++, slot++) {
		ret_points[i] = plot < model->plots.count
			? (double)plot_ring_get(&host_of(host)->plots.rings[plot], slot)
			: NAN;
		count += !isnan(ret_points[i]);
	}
	return count;
}

uint64_t model_generation(const struct model *model)
{
	return atomic_load(&model->generation);
}
