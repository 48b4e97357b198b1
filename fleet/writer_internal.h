/* SPDX-License-Identifier: Apache-2.0 */
/* The writer from the inside: for writer.c, batch.c and load.c. */
#ifndef FLEET_WRITER_INTERNAL_H
#define FLEET_WRITER_INTERNAL_H

#include "fleet/internal.h"
#include "fleet/writer.h"

#define BATCH_MAX 512 /* reports in one transaction */

/* An event of the server's own that is to be stored. */
struct own_event {
	char agent_id[33];
	char *host;
	const char *kind;
	enum gavea_status status;
	char *summary;
	int64_t time_ms;
	bool again; /* what it tells is seen again when it could not be stored */
};

struct writer {
	struct model *model;
	struct store *store;
	struct metrics *metrics;
	struct writer_settings settings;
	struct update_scratch *scratch;
	pthread_t thread;
	bool runs;

	pthread_mutex_t mutex; /* of the queue and of failure */
	pthread_cond_t wake;
	struct job *first, **last;
	size_t waiting, waiting_bytes; /* until they are answered */
	struct writer_forget *forgets;
	bool stopping;
	struct own_event *notes; /* of other threads, for events */
	size_t note_count, notes_room;
	char *failure; /* NULL: healthy */

	/* Of the thread alone: */
	uint64_t batch;
	uint64_t next_log_id;
	uint64_t log_bytes;
	uint64_t trimmed_to;
	struct host *first_dirty, **last_dirty;
	struct own_event *events;
	size_t event_count, events_room;
	uint64_t events_lost;
	struct model_time last_tick, last_trim, last_probe;
	struct buf snapshot;
	struct buf attributes;
};

/* Writes these jobs (may be NULL), due snapshots and waiting events in one transaction, applies and answers.
 * Returns the jobs that have to wait for the next one, in their order. */
struct job *batch_run(struct writer *writer, struct job *jobs, struct model_time now, bool save_all);

/* Does what writer_forget() asked for, each in a transaction (forget.c). */
void forget_run(struct writer *writer, struct writer_forget *forgets);

/* So many reports are about to be answered: there is room for others. */
void writer_release(struct writer *writer, size_t reports, size_t bytes);

/* Adds an event that will go into the next transaction. */
void writer_add_event(struct writer *writer, const struct model_host *host, const char *kind,
	enum gavea_status status, int64_t time_ms, const char *format, ...) _printf_(6, 7);

/* Takes over what other threads have noted. */
void writer_take_notes(struct writer *writer);

/* The host has something that its snapshot has not. */
void writer_mark_dirty(struct writer *writer, struct host *host, uint64_t log_id, int64_t now_ms);

/* NULL: writing works. */
void writer_set_failure(struct writer *writer, const char *reason);

#endif
