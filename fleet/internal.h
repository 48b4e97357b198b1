/* SPDX-License-Identifier: Apache-2.0 */
/* The model from the inside: for model.c and what changes it. Everything here is changed by the writer thread
 * only, under the write lock; the writer itself reads without. */
#ifndef FLEET_INTERNAL_H
#define FLEET_INTERNAL_H

#include "base/strmap.h"
#include "fleet/model.h"
#include "fleet/plots.h"
#include "fleet/texts.h"
#include "proto/report.pb-c.h"

#include <pthread.h>
#include <stdatomic.h>

#define SOURCES_MAX 8

struct series {
	struct model_series public;
	uint32_t numerator, denominator; /* of these plots, a bit each */
	uint32_t place; /* in the snapshot that is being made */
};

/* What numbers of a stream mean. Dense: agents count from 1. */
struct numbers {
	void **at;
	size_t room;
};

/* A spool of an agent. More than one: it was made anew, or two agents have one id. */
struct source {
	char spool_id[33];
	uint64_t last_seq;
	uint64_t stream;
	int64_t last_seen_ms;
	char *machine_id, *boot_id, *address;
	struct numbers checks; /* struct model_check, or model->dropped_check */
	struct numbers series; /* struct series, or model->dropped_series */
};

struct host {
	struct model_host public;
	struct strmap *texts; /* the model's */
	size_t place; /* in model->hosts */
	size_t checks_room, series_room, sources_room;
	struct source *sources;
	size_t source_count;
	struct plots_of_host plots;
	int64_t conflict_ms;
	/* Of the writer: */
	uint64_t batch; /* in which it has a report */
	uint64_t first_log_id; /* the first report in the log that no snapshot includes; 0: none */
	uint64_t last_log_id;
	uint64_t first_log_bytes; /* how many had been written to the log before */
	int64_t dirty_since_ms; /* CLOCK_MONOTONIC */
	struct host *next_dirty;
};

struct model_subscription {
	struct model_subscription *next;
	void (*changed)(void *userdata);
	void *userdata;
};

struct model {
	pthread_rwlock_t lock;
	atomic_ullong generation;
	struct host **hosts; /* sorted by name and id */
	size_t host_count, hosts_room;
	struct strmap by_id;
	struct strmap texts; /* names, labels and units of series: most hosts have the same */
	struct plots plots;
	/* Stand for what was declared beyond the bounds. */
	struct model_check dropped_check;
	struct series dropped_series;
	pthread_mutex_t subscriptions_mutex;
	struct model_subscription *subscriptions;
	uint64_t notified; /* generation */
	uint64_t starved; /* so many things could not be taken in for lack of memory */
};

static inline struct host *host_of(const struct model_host *public)
{
	return (struct host *)(void *)public; /* public comes first */
}

/* Replaces a text if it differs. 0 or -ENOMEM, and then it stays. */
int text_set(char **text, const char *value);

/* Replaces labels by a map of protobuf-c's pairs, sorted by name. 0 or -ENOMEM, and then they may be fewer.
 */
int labels_set(struct model_label **labels, size_t *count, void *entries, size_t entry_count);
void labels_free(struct model_label *labels, size_t count);

/* Adds a host, or puts one in its place after its name changed. */
struct host *host_add(struct model *model, const char *id, const char *name);
int host_rename(struct model *model, struct host *host, const char *name);
void host_free(struct host *host);

/* Takes a host out of the model and frees it. */
void host_remove(struct model *model, struct host *host);
void series_free(struct strmap *texts, struct series *series);
struct host *host_get(const struct model *model, const char *id);

/* The source of that spool; NULL: none. */
struct source *source_find(const struct host *host, const char *spool_id);

/* Makes one; the one that was silent for longest makes room. NULL: no memory. */
struct source *source_add(struct host *host, const char *spool_id);

/* How long after a sign of life a host is called lost. */
int64_t host_patience_ms(const struct host *host);

/* Whether an agent goes on with this spool after another one was used, which is still live, and by another machine: an
 * agent takes a new spool now and then, and goes back to an older one only when its disk had failed. */
bool source_returned(const struct host *host, const struct source *source, int64_t received_ms,
	const struct source **ret_other);

/* Forgets what numbers meant and begins a stream. */
void source_begin_stream(struct source *source, uint64_t stream);

void *numbers_get(const struct numbers *numbers, uint32_t number);
int numbers_set(struct numbers *numbers, uint32_t number, void *value);

/* Finds or makes what is declared; beyond the bounds the model's dropped one. NULL: no memory. */
struct model_check *declare_check(
	struct model *model, struct host *host, const Gavea__V1__Check *declaration);
struct series *declare_series_text(
	struct model *model, struct host *host, const char *name, const char *labels);
struct series *declare_series(struct model *model, struct host *host, const Gavea__V1__Series *declaration,
	const struct model_check *check);

/* What a run said becomes the state of its check. */
void set_result(struct model_check *check, const Gavea__V1__Result *result, int64_t received_ms);

/* Takes out a check with its series. */
void remove_check(struct host *host, struct model_check *check);

/* Something of this host has changed. */
void host_touch(struct model *model, struct host *host);

#endif
