/* SPDX-License-Identifier: Apache-2.0 */
/* How the model changes: for main, which makes it, and for the one writer thread. */
#ifndef FLEET_UPDATE_H
#define FLEET_UPDATE_H

#include "fleet/model.h"
#include "proto/report.pb-c.h"

struct host;

/* An empty model with the default plots and one for each of these series' names. -EINVAL: not names of
 * series, or too many of them; -ENOMEM. */
int model_new(const char *const *plot_names, size_t count, struct model **ret_model);
void model_free(struct model *model);

enum update_verdict {
	UPDATE_NEW, /* has records that are not known yet, or changes what is known of the host */
	UPDATE_KNOWN, /* nothing but a sign of life */
	UPDATE_NEED_DECLARATIONS, /* refers to numbers that nobody declared */
	UPDATE_TOO_MANY_HOSTS,
};

struct update_plan {
	enum update_verdict verdict;
	uint64_t last_seq; /* already known of this spool */
	uint64_t acked_seq; /* known after it was applied */
	struct host *host; /* NULL: a new one */
	bool comes_back; /* it was lost */
	bool conflict_begins;
	const char *other_machine_id, *other_address; /* of the other one; borrowed */
};

/* Memory for update_judge(). */
struct update_scratch;
struct update_scratch *update_scratch_new(void);
void update_scratch_free(struct update_scratch *scratch);

/* Judges a sound report (report_judge()) against what is known. Changes nothing. */
void update_judge(const struct model *model, const Gavea__V1__Report *report, int64_t received_ms,
	struct update_scratch *scratch, struct update_plan *ret_plan);

/* The name of a check as records of this report may use it, before the report is applied: "" for 0 and when
 * there is none. */
const char *update_check_name(const struct host *host, const Gavea__V1__Report *report, uint32_t number);

/* All of what follows is called under the write lock. */
void update_lock(struct model *model);
void update_unlock(struct model *model);

/* Applies a report that update_judge() called new or known. received is when it came in; now the same, but
 * for reports that are replayed from the log. Returns the host; NULL: no memory. */
struct host *update_apply(struct model *model, const Gavea__V1__Report *report, const char *address,
	int64_t received_ms, struct model_time now);

/* The host is alive, though its report could not be taken. */
void update_alive(struct model *model, struct host *host, struct model_time now);

/* A host whose deadline has passed turns lost, and its since is now; false: it has not. */
bool update_lose(struct model *model, struct host *host, struct model_time now);

/* Gives everything a new deadline, as if all had reported now: after the server's own downtime. */
void update_extend(struct model *model, struct model_time now);

/* Once a second or so: sees which checks became overdue since the last call, and which conflicts have ended.
 */
void update_tick(struct model *model, struct model_time last, struct model_time now);

/* Not under the lock: calls subscribers if the generation has changed since the last call. */
void model_notify(struct model *model);

#endif
