/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What survives a restart: a log of reports as they came in, snapshots of hosts that take the log's place
 * after a while, and events. One writer thread changes it, in transactions; any thread may read events.
 *
 * A host is its snapshot and the reports of the log after it: so a report costs one insertion. The log is cut
 * where every host has a later snapshot.
 */
#ifndef FLEET_STORE_STORE_H
#define FLEET_STORE_STORE_H

#include "base/error.h"

#include <gavea/plugin.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* Opens (and makes, with its folder) the store in that folder and takes it for this process alone. 0 or
 * -errno with error filled: not writable, in use by another process, damaged, of a later version. Blocks. */
int store_open(const char *folder, struct store **ret_store, struct error *error);

/* NULL is fine. */
void store_close(struct store *store);

/* ---- Loading, before the writer starts ---- */

/* Calls for each snapshot, and for each report of the log in the order of their ids. A negative answer ends
 * it and is returned. */
typedef int (*store_each_host)(
	const char *agent_id, uint64_t log_id, const void *snapshot, size_t size, void *userdata);
int store_load_hosts(struct store *store, store_each_host each, void *userdata, struct error *error);

struct store_report {
	uint64_t id;
	int64_t received_ms;
	const char *address;
	const char *encoding; /* of body: "zstd" or "identity" */
	const void *body;
	size_t size;
};

typedef int (*store_each_report)(const struct store_report *report, void *userdata);
int store_load_reports(struct store *store, store_each_report each, void *userdata, struct error *error);

/* ---- Writing, by one thread. 0 or -errno with error filled; after an error only store_rollback() may
 * follow. ---- */

int store_begin(struct store *store, struct error *error);
int store_commit(struct store *store, struct error *error); /* durable when it returns 0 */
void store_rollback(struct store *store);

/* Writes something that changes nothing, inside a transaction: whether writing works again. */
int store_probe(struct store *store, struct error *error);

/* Adds a report to the log; its id was given by the caller and rises. */
int store_add_report(struct store *store, const struct store_report *report, struct error *error);

/* Sets the snapshot of a host: it includes the reports of this host up to log_id. */
int store_put_host(struct store *store, const char *agent_id, uint64_t log_id, const void *snapshot,
	size_t size, struct error *error);

/* Removes a host with its events and spans, and all that the log has of it before this id. Several seconds with many
 * events. */
int store_forget_host(struct store *store, const char *agent_id, uint64_t before_log_id, struct error *error);

/* Calls for each host that was forgotten and of which the log may still have something, before the log is loaded. */
typedef int (*store_each_forgotten)(const char *agent_id, uint64_t before_log_id, void *userdata);
int store_load_forgotten(struct store *store, store_each_forgotten each, void *userdata, struct error *error);

/* Cuts the log before this id, at most some thousand reports a call. */
int store_trim_reports(struct store *store, uint64_t before_id, struct error *error);

/* ---- Events ---- */

struct store_event {
	uint64_t id; /* given by the store */
	const char *agent_id;
	const char *host; /* the host's name at that time */
	int64_t received_ms; /* server's clock */
	int64_t time_ms; /* agent's clock; of the server's own events: the same */
	const char *kind; /* "state", "host-lost", "host-back", "duplicate-agent-id", "loss", … */
	const char *check; /* "" for the agent itself */
	enum gavea_status status; /* how much it matters */
	const char *summary;
	const char *attributes; /* a JSON object with string values */
};

int store_add_event(struct store *store, const struct store_event *event, struct error *error);

/* Drops events received before that time, and the oldest ones beyond a number, at most some thousand a call.
 */
int store_trim_events(struct store *store, int64_t before_ms, uint64_t keep, struct error *error);

struct store_event_query {
	const char *agent_id; /* NULL: of all hosts */
	uint64_t after; /* only events with a greater id; 0: from the start */
	uint64_t before; /* only events with a smaller id; 0: no bound */
	size_t limit; /* at most so many */
	bool newest_first;
};

/* Calls for each event found; a negative answer ends it and is returned. The event is valid during the call.
 * From any thread; takes some microseconds to milliseconds of disk. */
typedef int (*store_each_event)(const struct store_event *event, void *userdata);
int store_events(struct store *store, const struct store_event_query *query, store_each_event each,
	void *userdata, struct error *error);

/* ---- Spans: how long parts of some work took ---- */

struct store_span {
	uint64_t id; /* given by the store */
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t parent_id[8];
	bool has_parent;
	const char *agent_id;
	const char *host; /* the host's name at that time */
	const char *check; /* "" for the agent itself */
	const char *name;
	int64_t received_ms; /* server's clock */
	int64_t start_us; /* agent's clock */
	int64_t duration_us;
	const char *error; /* "": it went well */
	const char *attributes; /* a JSON object with string values */
};

int store_add_span(struct store *store, const struct store_span *span, struct error *error);

/* As store_trim_events(). */
int store_trim_spans(struct store *store, int64_t before_ms, uint64_t keep, struct error *error);

struct store_span_query {
	const uint8_t *
		trace_id; /* all spans of this trace in the order in which they came; NULL: only those without a
				    parent, newest first */
	const char *agent_id; /* NULL: of all hosts; not with trace_id */
	uint64_t before; /* only spans with a smaller id; 0: no bound */
	size_t limit;
};

/* As store_events(). */
typedef int (*store_each_span)(const struct store_span *span, void *userdata);
int store_spans(struct store *store, const struct store_span_query *query, store_each_span each,
	void *userdata, struct error *error);

/* Bytes on the disk. */
uint64_t store_size(struct store *store);

#endif
