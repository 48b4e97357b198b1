/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one thread that changes store and model. It takes all reports that wait, writes them in one
 * transaction, and when that is committed applies them to the model and calls back. It also watches
 * deadlines, saves snapshots, and drops what is old.
 */
#ifndef FLEET_WRITER_H
#define FLEET_WRITER_H

#include "fleet/arena.h"
#include "fleet/decode.h"
#include "fleet/metrics.h"
#include "fleet/store/store.h"
#include "fleet/update.h"

/* A report on its way. Made and freed by the one who submits it. */
struct job {
	struct job *next;
	struct arena arena;
	Gavea__V1__Report *report; /* sound: report_judge() */
	enum report_encoding encoding;
	const void *body; /* as received */
	size_t size;
	const char *address;
	int64_t received_ms;
	/* Called once, from the writer thread: the report is safe (METRICS_ACCEPTED, METRICS_KNOWN), or why
	 * it is not, with a text. It may free the job. */
	void (*done)(struct job *job, enum metrics_outcome outcome, uint64_t acked_seq, const char *text);
	void *userdata;
	/* Of the writer: */
	struct update_plan plan;
	uint64_t log_id;
};

struct writer_settings {
	int64_t events_keep_ms;
	uint64_t events_max;
	uint64_t spans_max; /* kept as long as events */
	int64_t snapshot_every_ms; /* at most so much of the log is replayed at a start */
	size_t queue_reports; /* at most so many wait */
	size_t queue_bytes;
};

struct writer;

/* All are borrowed. NULL: no memory. */
struct writer *writer_new(struct model *model, struct store *store, struct metrics *metrics,
	const struct writer_settings *settings);

/* Fills the model from the store. 0 or -errno with error filled. Blocks. */
int writer_load(struct writer *writer, struct decoders *decoders, struct error *error);

int writer_start(struct writer *writer);

/* Ends the thread after it has done what was submitted and has saved every host. NULL is fine. */
void writer_free(struct writer *writer);

/* Adds an event of the server's own, from any thread: it goes into the next transaction. kind is a constant. */
void writer_note(struct writer *writer, const char *agent_id, const char *host, const char *kind,
	enum gavea_status status, const char *format, ...) _printf_(6, 7);
/* What a report of that many bytes may use of a bound. The last quarter is for the small: signs of life and fresh results
 * get in while backlogs wait. */
static inline size_t writer_share(size_t bound, size_t size)
{
	return size > ((size_t)16 << 10) ? bound - bound / 4 : bound;
}

/* Whether a report of that many bytes, as received, has a chance: a look, nothing is set aside. */
bool writer_has_room(struct writer *writer, size_t size);

/* Hands over a job. -EAGAIN: too many are waiting; -ESHUTDOWN: it was stopped. Then done() will not be
 * called. */
int writer_submit(struct writer *writer, struct job *job);

/* A host that is to be forgotten: with what was known of it, its events and its spans. One that still reports comes back
 * as a new one. */
struct writer_forget {
	struct writer_forget *next;
	char agent_id[33];
	/* Called once, from the writer thread: 0, -ENOENT: there is none, or -errno with a text. It may free this. */
	void (*done)(struct writer_forget *forget, int r, const char *text);
	void *userdata;
};

/* 0; -ESHUTDOWN: the writer was stopped, and done() will not be called. */
int writer_forget(struct writer *writer, struct writer_forget *forget);

/* Whether the last thing that was to be written was written; else the reason is appended. */
bool writer_healthy(struct writer *writer, struct buf *ret_reason);

#endif
