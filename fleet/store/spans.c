/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/store/internal.h"

#include "base/buf.h"

#include <errno.h>

int store_add_span(struct store *store, const struct store_span *span, struct error *error)
{
	sqlite3_stmt *statement = store->statements[ADD_SPAN];

	sqlite3_bind_blob(statement, 1, span->trace_id, sizeof span->trace_id, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 2, span->span_id, sizeof span->span_id, SQLITE_STATIC);
	sqlite3_bind_blob(
		statement, 3, span->parent_id, span->has_parent ? sizeof span->parent_id : 0, SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, span->agent_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 5, span->host, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 6, span->check, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 7, span->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 8, span->received_ms);
	sqlite3_bind_int64(statement, 9, span->start_us);
	sqlite3_bind_int64(statement, 10, span->duration_us);
	sqlite3_bind_text(statement, 11, span->error, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 12, span->attributes, -1, SQLITE_STATIC);
	return store_run(store, ADD_SPAN, "can't add a span", error);
}

int store_trim_spans(struct store *store, int64_t before_ms, uint64_t keep, struct error *error)
{
	sqlite3_stmt *statement = store->statements[TRIM_SPANS];

	sqlite3_bind_int64(statement, 1, before_ms);
	sqlite3_bind_int64(statement, 2, (int64_t)MIN(keep, (uint64_t)INT64_MAX));
	sqlite3_bind_int64(statement, 3, TRIM_MAX);
	return store_run(store, TRIM_SPANS, "can't drop old spans", error);
}

/* Nothing else than what was written by us has another size; it stays zero then. */
static bool get_id(sqlite3_stmt *statement, int column, uint8_t *id, size_t size)
{
	const void *bytes = sqlite3_column_blob(statement, column);

	if (!bytes || (size_t)sqlite3_column_bytes(statement, column) != size)
		return false;
	memcpy(id, bytes, size);
	return true;
}

struct each {
	store_each_span each;
	void *userdata;
};

static int each_span(sqlite3_stmt *statement, void *userdata)
{
	const struct each *each = userdata;
	struct store_span span = {
		.id = (uint64_t)sqlite3_column_int64(statement, 0),
		.agent_id = store_text(statement, 4),
		.host = store_text(statement, 5),
		.check = store_text(statement, 6),
		.name = store_text(statement, 7),
		.received_ms = sqlite3_column_int64(statement, 8),
		.start_us = sqlite3_column_int64(statement, 9),
		.duration_us = sqlite3_column_int64(statement, 10),
		.error = store_text(statement, 11),
		.attributes = store_text(statement, 12),
	};

	(void)get_id(statement, 1, span.trace_id, sizeof span.trace_id);
	(void)get_id(statement, 2, span.span_id, sizeof span.span_id);
	span.has_parent = get_id(statement, 3, span.parent_id, sizeof span.parent_id);
	return each->each(&span, each->userdata);
}

#define COLUMNS \
	"SELECT id, trace, span, parent, agent_id, host, check_name, name, received, start, duration, " \
	"error, " \
	"attributes FROM span "

static const char *text_of(const struct store_span_query *q)
{
	if (q->trace_id)
		return COLUMNS "WHERE trace = ?3 AND id < ?1 ORDER BY id LIMIT ?2";
	if (q->agent_id)
		return COLUMNS "WHERE parent = x'' AND agent_id = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2";
	return COLUMNS "WHERE parent = x'' AND id < ?1 ORDER BY id DESC LIMIT ?2";
}

static void bind(sqlite3_stmt *statement, const struct store_span_query *q)
{
	sqlite3_bind_int64(statement, 1, q->before && q->before < INT64_MAX ? (int64_t)q->before : INT64_MAX);
	sqlite3_bind_int64(statement, 2, (int64_t)q->limit);
	if (q->trace_id)
		sqlite3_bind_blob(statement, 3, q->trace_id, 16, SQLITE_STATIC);
	else if (q->agent_id)
		sqlite3_bind_text(statement, 3, q->agent_id, -1, SQLITE_STATIC);
}

int store_spans(struct store *store, const struct store_span_query *q, store_each_span each, void *userdata,
	struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r;

	pthread_mutex_lock(&store->reader_mutex);
	if (sqlite3_prepare_v2(store->reader, text_of(q), -1, &statement, NULL) == SQLITE_OK) {
		bind(statement, q);
		r = store_rows(store, store->reader, statement, each_span,
			&(struct each){.each = each, .userdata = userdata}, error);
	} else {
		r = store_fail(store, store->reader, "can't read spans", error);
	}
	sqlite3_finalize(statement);
	pthread_mutex_unlock(&store->reader_mutex);
	return r;
}
