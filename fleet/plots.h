/* SPDX-License-Identifier: Apache-2.0 */
/* Plots: numbers made of one or more series, kept for an hour. Part of the model. */
#ifndef FLEET_PLOTS_H
#define FLEET_PLOTS_H

#include "fleet/model.h"

#define PLOTS_MAX 32

struct series;

/* How a plot is made; [i] describes what struct model_plot shows at i. */
struct plot_rule;

struct plots {
	struct model_plot *plots;
	struct plot_rule *rules;
	size_t count;
};

struct plot_ring {
	int64_t last_slot; /* time / MODEL_STEP_MS of the newest point */
	float points[MODEL_POINTS]; /* by slot modulo MODEL_POINTS */
};

struct plots_of_host {
	struct plot_ring *rings;
	struct series **series; /* those that any plot is made of */
	size_t series_count, series_room;
};

/* The default plots and one for each of these series' names: 0, -EINVAL (too many, or no name of a metric) or
 * -ENOMEM. */
int plots_init(struct plots *plots, const char *const *names, size_t count);
void plots_done(struct plots *plots);

int plots_of_host_init(const struct plots *plots, struct plots_of_host *host);
void plots_of_host_done(struct plots_of_host *host);

/* A series was declared: marks it with the plots that it belongs to. */
int plots_bind(const struct plots *plots, struct plots_of_host *host, struct series *series);
void plots_unbind(struct plots_of_host *host, const struct series *series);

/* Computes these plots (a bit each) from the series as they are now; series_time_ms is when (agent's clock),
 * time_ms the same by the server's clock. */
void plots_compute(const struct plots *plots, struct plots_of_host *host, uint32_t which,
	int64_t series_time_ms, int64_t time_ms);

void plot_ring_put(struct plot_ring *ring, int64_t slot, float value);

/* NaN: none. */
float plot_ring_get(const struct plot_ring *ring, int64_t slot);

#endif
