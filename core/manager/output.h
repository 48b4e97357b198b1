/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One output: gets what the spool has behind its cursor, in batches, every so often or at once when something
 * urgent came; after a failure with growing pauses. One output never holds another back. When much has piled up
 * behind its cursor, it first gets how everything is now, and then what happened at a bounded rate.
 */
#ifndef MANAGER_OUTPUT_H
#define MANAGER_OUTPUT_H

#include "core/manager/recorder.h"
#include "core/manager/worker.h"
#include "proto/control.pb-c.h"

struct output;

struct output_env {
	sd_event *event;
	struct recorder *recorder;
	Gavea__Worker__V1__Fact **facts; /* about the agent, for every batch; those of a batch are added */
	size_t fact_count;
	uint64_t backlog_rate; /* bytes of the spool a second, while more than a batch waits; 0: no bound */
	/* How everything is now (present_make()). */
	int (*present)(struct spool_batch *ret_batch, void *userdata);
	void (*changed)(struct output *output, void *userdata);
	void *userdata;
};

int output_new(const struct output_env *env, uint32_t number, const struct config_check *config,
	struct worker *worker, struct output **ret_output);
void output_free(struct output *output);
DEFINE_CLEANUP(struct output *, output_free);

void output_start(struct output *output);
void output_set_config(struct output *output, const struct config_check *config, struct worker *worker);

/* Taken out of the configuration: its cursor is forgotten. The caller frees it. */
void output_gone(struct output *output);

/* Something came that should not wait. */
void output_urgent(struct output *output);

/* Delivers what there is right now, unless the last try failed: the agent is stopping. */
void output_last(struct output *output);

/* The worker's side. */
void output_events(struct output *output, Gavea__Worker__V1__Output *events);
void output_done(struct output *output, Gavea__Worker__V1__Done *done);
void output_lost(struct output *output, const char *cause);

const char *output_name(const struct output *output);
uint32_t output_number(const struct output *output);
const struct config_check *output_config(const struct output *output);
bool output_busy(const struct output *output);

/* Fills a status message that borrows from the output. */
void output_describe(const struct output *output, Gavea__Control__V1__OutputStatus *ret_status);

#endif
