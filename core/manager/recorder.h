/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened, as records in the spool: results, samples, events, spans, each with the declarations that
 * its stream lacks. Also keeps the newest events in memory, for `gavea events`.
 *
 * Each call makes a group of records that stays in one stream: a full segment is ended before it, and the
 * spool goes back to the disk when it can. But for that nothing here touches the disk; whatever should be
 * flushed at once calls urgent().
 */
#ifndef MANAGER_RECORDER_H
#define MANAGER_RECORDER_H

#include "base/buf.h"
#include "core/manager/catalog.h"
#include "core/manager/spool.h"

#include <gavea/plugin.h>

/* Whom a record is about. */
struct subject {
	uint32_t number; /* of the check; the agent itself has no subject */
	const char *name; /* plugin/name */
	uint64_t every_ms;
	uint64_t timeout_ms;
	const struct gavea_pair *labels;
	size_t label_count;
	uint64_t declared_in; /* the stream that has its declaration */
};

struct recent_event {
	uint64_t seq;
	int64_t time_ms;
	char *check; /* NULL: the agent itself */
	Gavea__V1__Event *event;
};

struct recorder;

/* Takes over the spool. urgent is called (with userdata) when a record came that should not wait. 0 or
 * -ENOMEM. Blocks (reads old events). */
int recorder_new(
	struct spool *spool, void (*urgent)(void *userdata), void *userdata, struct recorder **ret_recorder);
void recorder_free(struct recorder *recorder);
DEFINE_CLEANUP(struct recorder *, recorder_free);

struct spool *recorder_spool(struct recorder *recorder);
struct catalog *recorder_catalog(struct recorder *recorder);

/* result->check is filled in. */
void recorder_result(
	struct recorder *recorder, struct subject *subject, Gavea__V1__Result *result, bool urgent);

/* samples hold numbers of the catalog, delta-coded as on the wire. subject NULL: the agent itself. */
void recorder_samples(
	struct recorder *recorder, struct subject *subject, Gavea__V1__Samples *samples, int64_t time_ms);

/* subject NULL: the agent itself. Takes event's content for the list of recent ones by copying. */
void recorder_event(struct recorder *recorder, struct subject *subject, Gavea__V1__Event *event);

/* The same from parts. */
void recorder_note(struct recorder *recorder, struct subject *subject, const char *kind,
	enum gavea_status status, const struct gavea_pair *attributes, size_t attribute_count,
	const char *format, ...) _printf_(7, 8);

/* subject NULL: the agent itself. */
void recorder_span(struct recorder *recorder, struct subject *subject, Gavea__V1__Span *span);

/* Appends a record's encoding to out, as it is appended to the spool. 0 or -ENOMEM. */
int recorder_encode(const Gavea__V1__Record *record, struct buf *out);

/* The same for the declaration of a check. */
int recorder_encode_check(const struct subject *subject, struct buf *out);
/* A trace of one span: something that the agent itself did, from began_ns (CLOCK_MONOTONIC) until now. error NULL: it
 * succeeded. */
void recorder_trace(struct recorder *recorder, const char *name, int64_t began_ns, const char *error,
	const struct gavea_pair *attributes, size_t attribute_count);

void recorder_check_gone(struct recorder *recorder, struct subject *subject);

/* The newest events, oldest first. Borrowed. */
const struct recent_event *recorder_events(const struct recorder *recorder, size_t *ret_count);

/* Calls fn for each new event from now on; NULL ends that. */
void recorder_listen(
	struct recorder *recorder, void (*fn)(const struct recent_event *, void *), void *userdata);

#endif
