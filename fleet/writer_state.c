/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/writer_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

#define OWN_EVENTS_MAX 20000 /* while the store fails */

void writer_set_failure(struct writer *writer, const char *reason)
{
	if (!reason && !writer->failure)
		return;
	pthread_mutex_lock(&writer->mutex);
	if (reason && !writer->failure)
		log_error("the store can't be written, reports are refused: %s", reason);
	else if (!reason)
		log_notice("the store can be written again");
	free(writer->failure);
	writer->failure = NULL;
	if (reason) {
		writer->failure = strdup(reason);
		if (!writer->failure)
			writer->failure = strdup("?");
	}
	pthread_mutex_unlock(&writer->mutex);
}

void writer_release(struct writer *writer, size_t reports, size_t bytes)
{
	pthread_mutex_lock(&writer->mutex);
	writer->waiting -= reports;
	writer->waiting_bytes -= bytes;
	writer->metrics->queue_reports = writer->waiting;
	writer->metrics->queue_bytes = writer->waiting_bytes;
	pthread_mutex_unlock(&writer->mutex);
}

void writer_add_event(struct writer *writer, const struct model_host *host, const char *kind,
	enum gavea_status status, int64_t time_ms, const char *format, ...)
{
	struct own_event event = {.kind = kind, .status = status, .time_ms = time_ms};
	va_list args;
	int length;

	if (writer->event_count >= OWN_EVENTS_MAX ||
		GROW(writer->events, writer->event_count, writer->events_room) < 0) {
		writer->events_lost++;
		return;
	}
	va_start(args, format);
	length = vasprintf(&event.summary, format, args);
	va_end(args);
	event.host = strdup(host->name);
	if (length < 0 || !event.host) {
		if (length >= 0)
			free(event.summary);
		free(event.host);
		writer->events_lost++;
		return;
	}
	event.again = streq(kind, "duplicate-agent-id");
	memcpy(event.agent_id, host->id, sizeof event.agent_id);
	writer->events[writer->event_count++] = event;
	log_line_with(LOG_LEVEL_NOTICE,
		(const struct log_field[]){
			{"GAVEA_HOST", host->name}, {"GAVEA_HOST_ID", host->id}, {"GAVEA_EVENT", kind}},
		3, "host %s: %s: %s", host->name, kind, event.summary);
}

#define NOTES_MAX 1000

void writer_note(struct writer *writer, const char *agent_id, const char *host, const char *kind,
	enum gavea_status status, const char *format, ...)
{
	struct own_event event = {.kind = kind, .status = status, .time_ms = clock_unix_ms()};
	bool kept = false;
	va_list args;

	va_start(args, format);
	if (vasprintf(&event.summary, format, args) < 0)
		event.summary = NULL;
	va_end(args);
	event.host = strdup(host);
	snprintf(event.agent_id, sizeof event.agent_id, "%s", agent_id);
	log_notice("host %s: %s: %s", host, kind, event.summary ? event.summary : "");
	pthread_mutex_lock(&writer->mutex);
	if (event.summary && event.host && writer->note_count < NOTES_MAX &&
		GROW(writer->notes, writer->note_count, writer->notes_room) == 0) {
		writer->notes[writer->note_count++] = event;
		kept = true;
	}
	pthread_mutex_unlock(&writer->mutex);
	if (!kept) {
		free(event.summary);
		free(event.host);
	}
}

void writer_take_notes(struct writer *writer)
{
	pthread_mutex_lock(&writer->mutex);
	for (size_t i = 0; i < writer->note_count; i++) {
		if (writer->event_count < OWN_EVENTS_MAX &&
			GROW(writer->events, writer->event_count, writer->events_room) == 0) {
			writer->events[writer->event_count++] = writer->notes[i];
			continue;
		}
		free(writer->notes[i].host);
		free(writer->notes[i].summary);
		writer->events_lost++;
	}
	writer->note_count = 0;
	pthread_mutex_unlock(&writer->mutex);
}

void writer_mark_dirty(struct writer *writer, struct host *host, uint64_t log_id, int64_t now_ms)
{
	host->last_log_id = MAX(host->last_log_id, log_id);
	if (host->first_log_id > 0)
		return;
	host->first_log_id = log_id;
	host->first_log_bytes = writer->log_bytes;
	host->dirty_since_ms = now_ms;
	host->next_dirty = NULL;
	*writer->last_dirty = host;
	writer->last_dirty = &host->next_dirty;
}
