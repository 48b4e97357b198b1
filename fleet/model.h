/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the central server knows now: every host, its checks, the last value of its series and an hour of a
 *few plots, in memory. Pages and the API read it; only the writer thread changes it (fleet/update.h), after
 *the store has committed.
 *
 * Readers hold the lock for as long as they use anything that a function here returned:
 *
 *	model_lock(model);
 *	for (const struct model_host *host = model_host_first(model); host; host = model_host_next(model,
 *host))
 *		...
 *	model_unlock(model);
 *
 * and write their answer into memory meanwhile: no I/O and no store calls under the lock. All fields are for
 *reading. All text is valid UTF-8, never NULL ("" when there is none), and comes from agents: escape it.
 *
 * Times named _ms are milliseconds since 1970; those of the server's clock are said to be. Deadlines run on
 * CLOCK_MONOTONIC, so that a server that was suspended doesn't call everybody lost.
 */
#ifndef FLEET_MODEL_H
#define FLEET_MODEL_H

#include <gavea/plugin.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_HOSTS_MAX 10000
#define MODEL_CHECKS_MAX 1000 /* of a host */
#define MODEL_SERIES_MAX 10000 /* of a host */
#define MODEL_ITEMS_MAX 1000 /* of a check */
#define MODEL_ITEM_BYTES_MAX ((size_t)512 << 10) /* of a check's items together */

struct model;

/* Now, by both clocks. */
struct model_time {
	int64_t unix_ms;
	int64_t mono_ms; /* CLOCK_MONOTONIC */
};

struct model_time model_time_now(void);

struct model_label {
	char *name;
	char *value;
};

/* A target inside a check. */
struct model_item {
	char *name;
	enum gavea_status status;
	char *summary;
	struct model_label *attributes;
	size_t attribute_count;
};

struct model_check {
	char *name; /* plugin/name */
	bool has_result; /* false: declared, has not run yet; the fields down to items mean nothing then */
	enum gavea_status state; /* what counts: after attempts, as the agent says */
	enum gavea_status status; /* of the last run: differs from state while attempts are counted */
	unsigned attempt; /* this many runs in a row have disagreed with state */
	bool flapping;
	char *summary;
	int64_t since_ms; /* state has been so since, by the agent's clock; 0: not known */
	int64_t started_ms; /* the last run, by the agent's clock */
	uint64_t duration_us;
	int64_t received_ms; /* its result came in, by the server's clock */
	struct model_item *items;
	size_t item_count;
	size_t items_left_out; /* that the agent or this server left out */
	uint64_t every_ms; /* 0: not known */
	uint64_t timeout_ms;
	int64_t overdue_after_mono_ms; /* see model_check_overdue() */
	struct model_label *labels;
	size_t label_count;
	char spool[9]; /* of the writer: the beginning of the id of the spool that the result came from */
};

/* A metric as it was last. */
struct model_series {
	char *name; /* "node_load1" */
	char *labels; /* as Prometheus writes them, sorted: {cpu="0",mode="idle"}; "" for none */
	char *unit;
	const char *check; /* the name of the check that it came from; "" for none */
	enum gavea_sample_type type;
	double value; /* may be an infinity; NaN before the first. Of a histogram: the sum of its observations
		       */
	double rate; /* of a counter (or of a histogram's count): per second, over the last two; else NaN */
	uint64_t count; /* of a histogram's observations */
	int64_t time_ms; /* by the agent's clock; 0 before the first */
};

enum model_liveness {
	MODEL_LIVE,
	MODEL_LOST, /* silent for longer than it had announced */
};

struct model_host {
	char id[33]; /* agent_id */
	char *name; /* not unique: two hosts may say the same */
	char *version;
	char *address; /* the last report came from */
	char *machine_id; /* "" when the agent doesn't say */
	struct model_label *labels;
	size_t label_count;
	enum model_liveness liveness;
	int64_t liveness_since_ms; /* live or lost since, server's clock */
	int64_t first_seen_ms; /* server's clock */
	int64_t last_seen_ms; /* server's clock */
	int64_t deadline_mono_ms; /* lost when nothing comes until then */
	uint32_t next_within_ms; /* as announced */
	int64_t skew_ms; /* the agent's clock minus ours when its last report came in (with the way it took)
			  */
	bool conflict; /* two machines report under this id: see its events, kind "duplicate-agent-id" */
	uint64_t reports; /* since the server's start */
	uint64_t generation; /* model_generation() when something of this host changed last */
	struct model_check **checks; /* sorted by name */
	size_t check_count;
	struct model_series **series; /* sorted by name, then labels */
	size_t series_count;
};

/* ---- Reading
 * -------------------------------------------------------------------------------------------------- */

/* Many readers at a time. Short: the writer waits. Not recursive. */
void model_lock(struct model *model);
void model_unlock(struct model *model);

/* Hosts in the order of their names, then ids. NULL: no more. */
const struct model_host *model_host_first(const struct model *model);
const struct model_host *model_host_next(const struct model *model, const struct model_host *host);

/* The first host that comes after this place in the order: with it pages through the list are stable while
 * hosts come and go. */
const struct model_host *model_host_after(const struct model *model, const char *name, const char *id);

/* By id, else by name (the first of that name). NULL: none. */
const struct model_host *model_host_find(const struct model *model, const char *id_or_name);

/* NULL: none. */
const struct model_check *model_check_find(const struct model_host *host, const char *name);

/* The series of that name and labels (in the form of model_series.labels). NULL: none. */
const struct model_series *model_series_find(
	const struct model_host *host, const char *name, const char *labels);

/* Whether no result came for twice its interval and its timeout, though the host is live. Pages show such a
 * check as stale: its state is what was last known. */
bool model_check_overdue(
	const struct model_host *host, const struct model_check *check, struct model_time now);

/* What to show as the check's status: its state; unknown while it is overdue or has not run. */
enum gavea_status model_check_shown(
	const struct model_host *host, const struct model_check *check, struct model_time now);

/* The worst of its checks as shown; ok when it has none. Whether it is lost is another question: liveness. */
enum gavea_status model_host_status(const struct model_host *host, struct model_time now);

/* When the host will be called lost, by the server's clock, if nothing more comes. */
int64_t model_host_deadline_ms(const struct model_host *host, struct model_time now);

struct model_counts {
	size_t hosts;
	size_t lost;
	size_t conflicts;
	size_t checks[4]; /* by enum gavea_status, as shown; those of lost hosts count with what was last
			     known */
	size_t overdue;
};

/* Goes through everything once. */
void model_count(const struct model *model, struct model_time now, struct model_counts *ret_counts);

/* ---- Plots: the last hour
 * -------------------------------------------------------------------------------------- */

#define MODEL_POINTS 240
#define MODEL_STEP_MS INT64_C(15000)

/* The same list for all hosts, fixed for the life of the process: no lock needed. By default load, cpu,
 * memory, root_fs, net_in and net_out, in this order. */
struct model_plot {
	const char *name; /* "cpu": for ids and addresses */
	const char *title; /* "CPU busy" */
	const char *unit; /* "ratio" (0 to 1), "bytes_per_s", "per_s", or "" for a plain number */
};

size_t model_plots(const struct model *model, const struct model_plot **ret_plots);

/* Writes the points of a plot (its place in the list), oldest first; the last one is that of the 15 s in
 * which now lies. NaN where there is none. Returns how many are not NaN. Under the lock. */
size_t model_host_points(const struct model *model, const struct model_host *host, size_t plot,
	struct model_time now, double ret_points[static MODEL_POINTS]);

/* ---- Changes
 * ------------------------------------------------------------------------------------------------- */

/* Rises with each change of anything, also when a check becomes overdue. No lock needed. */
uint64_t model_generation(const struct model *model);

struct model_subscription;

/*
 * Asks for changed(userdata) to be called after changes, from the writer thread, without the lock, at most
 * four times a second; changed() must not block (httpd_stream_wake() is what it is for) nor subscribe. NULL:
 * no memory. model_unsubscribe() returns when no call is running or will come; it may not be called from
 * changed().
 */
struct model_subscription *model_subscribe(
	struct model *model, void (*changed)(void *userdata), void *userdata);
void model_unsubscribe(struct model *model, struct model_subscription *subscription);

#endif
