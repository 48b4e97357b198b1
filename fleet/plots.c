/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/internal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

/* A series that was not measured for so long is no part of a sum any more. */
#define GONE_AFTER_MS 60000

enum plot_kind {
	PLOT_VALUE, /* the sum of the values; of counters, of their rates */
	PLOT_RATE, /* the sum of the rates */
	PLOT_RATIO, /* the sum of the values over that of the denominator */
	PLOT_BUSY, /* 1 - the mean of the rates */
};

struct plot_rule {
	enum plot_kind kind;
	const char *series;
	const char *with; /* must be part of the series' labels; NULL: any */
	const char *without; /* must not be */
	const char *denominator;
};

static const struct model_plot default_plots[] = {
	{"load", "Load", ""},
	{"cpu", "CPU busy", "ratio"},
	{"memory", "Memory available", "ratio"},
	{"root_fs", "Root filesystem available", "ratio"},
	{"net_in", "Network received", "bytes_per_s"},
	{"net_out", "Network sent", "bytes_per_s"},
};

static const struct plot_rule default_rules[] = {
	{PLOT_VALUE, "node_load1", NULL, NULL, NULL},
	{PLOT_BUSY, "node_cpu_seconds_total", "mode=\"idle\"", NULL, NULL},
	{PLOT_RATIO, "node_memory_MemAvailable_bytes", NULL, NULL, "node_memory_MemTotal_bytes"},
	{PLOT_RATIO, "node_filesystem_avail_bytes", "mountpoint=\"/\"", NULL, "node_filesystem_size_bytes"},
	{PLOT_RATE, "node_network_receive_bytes_total", NULL, "device=\"lo\"", NULL},
	{PLOT_RATE, "node_network_transmit_bytes_total", NULL, "device=\"lo\"", NULL},
};
_Static_assert(ARRAY_SIZE(default_plots) == ARRAY_SIZE(default_rules), "a rule for each plot");

static bool is_metric(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_' && *name != ':')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != ':')
			return false;
	return true;
}

int plots_init(struct plots *plots, const char *const *names, size_t count)
{
	size_t defaults = ARRAY_SIZE(default_plots);

	if (count > PLOTS_MAX - defaults)
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (!is_metric(names[i]))
			return -EINVAL;
	plots->plots = calloc(defaults + count, sizeof *plots->plots);
	plots->rules = calloc(defaults + count, sizeof *plots->rules);
	if (!plots->plots || !plots->rules)
		return -ENOMEM;
	memcpy(plots->plots, default_plots, sizeof default_plots);
	memcpy(plots->rules, default_rules, sizeof default_rules);
	plots->count = defaults;
	for (size_t i = 0; i < count; i++) {
		char *name = strdup(names[i]);

		if (!name)
			return -ENOMEM;
		plots->plots[plots->count] = (struct model_plot){name, name, ""};
		plots->rules[plots->count++] = (struct plot_rule){.kind = PLOT_VALUE, .series = name};
	}
	return 0;
}

void plots_done(struct plots *plots)
{
	for (size_t i = ARRAY_SIZE(default_plots); i < plots->count; i++)
		free((char *)plots->plots[i].name);
	free(plots->plots);
	free(plots->rules);
	*plots = (struct plots){};
}

int plots_of_host_init(const struct plots *plots, struct plots_of_host *host)
{
	*host = (struct plots_of_host){.rings = calloc(plots->count, sizeof *host->rings)};
	return host->rings ? 0 : -ENOMEM;
}

void plots_of_host_done(struct plots_of_host *host)
{
	free(host->rings);
	free(host->series);
	*host = (struct plots_of_host){};
}

static bool fits(const struct plot_rule *rule, const char *name, const struct series *series)
{
	const char *labels = series->public.labels;

	return name && streq(series->public.name, name) && (!rule->with || strstr(labels, rule->with)) &&
		(!rule->without || !strstr(labels, rule->without));
}

int plots_bind(const struct plots *plots, struct plots_of_host *host, struct series *series)
{
	int r;

	for (size_t i = 0; i < plots->count; i++) {
		if (fits(&plots->rules[i], plots->rules[i].series, series))
			series->numerator |= 1u << i;
		if (fits(&plots->rules[i], plots->rules[i].denominator, series))
			series->denominator |= 1u << i;
	}
	if (!(series->numerator | series->denominator))
		return 0;
	r = GROW(host->series, host->series_count, host->series_room);
	if (r < 0) {
		series->numerator = series->denominator = 0;
		return r;
	}
	host->series[host->series_count++] = series;
	return 0;
}

void plots_unbind(struct plots_of_host *host, const struct series *series)
{
	for (size_t i = 0; i < host->series_count; i++)
		if (host->series[i] == series) {
			host->series[i] = host->series[--host->series_count];
			return;
		}
}

struct sums {
	double values, rates, denominators;
	size_t value_count, rate_count;
};

static struct sums add_up(const struct plots_of_host *host, uint32_t bit, int64_t time_ms)
{
	struct sums sums = {};

	for (size_t i = 0; i < host->series_count; i++) {
		const struct series *series = host->series[i];
		const struct model_series *public = &series->public;

		if (public->time_ms < time_ms - GONE_AFTER_MS || public->time_ms == 0)
			continue;
		if (series->denominator & bit)
			sums.denominators += public->value;
		if (!(series->numerator & bit))
			continue;
		sums.values += public->value;
		sums.value_count++;
		if (!isnan(public->rate)) {
			sums.rates += public->rate;
			sums.rate_count++;
		}
	}
	return sums;
}

static double compute(
	const struct plot_rule *rule, const struct plots_of_host *host, uint32_t bit, int64_t time_ms)
{
	struct sums sums = add_up(host, bit, time_ms);

	switch (rule->kind) {
	case PLOT_RATIO:
		return sums.value_count && sums.denominators > 0 ? sums.values / sums.denominators : NAN;
	case PLOT_BUSY:
		return sums.rate_count ? MAX(0.0, MIN(1.0, 1 - sums.rates / (double)sums.rate_count)) : NAN;
	case PLOT_RATE:
		return sums.rate_count ? sums.rates : NAN;
	case PLOT_VALUE:
	default:
		if (sums.rate_count)
			return sums.rates;
		return sums.value_count ? sums.values : NAN;
	}
}

void plots_compute(const struct plots *plots, struct plots_of_host *host, uint32_t which,
	int64_t series_time_ms, int64_t time_ms)
{
	for (size_t i = 0; i < plots->count; i++) {
		double value;

		if (!(which & 1u << i))
			continue;
		value = compute(&plots->rules[i], host, 1u << i, series_time_ms);
		if (isfinite(value))
			plot_ring_put(&host->rings[i], time_ms / MODEL_STEP_MS, (float)value);
	}
}

void plot_ring_put(struct plot_ring *ring, int64_t slot, float value)
{
	if (slot <= 0 || slot <= ring->last_slot - MODEL_POINTS)
		return;
	if (slot > ring->last_slot) {
		int64_t from = MAX(ring->last_slot + 1, slot - MODEL_POINTS + 1);

		for (int64_t i = from; i < slot; i++)
			ring->points[i % MODEL_POINTS] = NAN;
		ring->last_slot = slot;
	}
	ring->points[slot % MODEL_POINTS] = value;
}

float plot_ring_get(const struct plot_ring *ring, int64_t slot)
{
	if (slot <= 0 || ring->last_slot == 0 || slot > ring->last_slot ||
		slot <= ring->last_slot - MODEL_POINTS)
		return NAN;
	return ring->points[slot % MODEL_POINTS];
}
