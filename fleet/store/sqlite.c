/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/store/internal.h"

#include "base/buf.h"
#include "base/fd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define APPLICATION_ID 0x67617661 /* "gava" */
#define VERSION 1

static const char schema[] =
	"BEGIN;"
	"PRAGMA application_id = 1734440545;" /* APPLICATION_ID */
	"PRAGMA user_version = 1;"
	"CREATE TABLE host(agent_id TEXT PRIMARY KEY, log_id INTEGER NOT NULL, snapshot BLOB NOT NULL) "
	"WITHOUT ROWID;"
	"CREATE TABLE report(id INTEGER PRIMARY KEY, received INTEGER NOT NULL, address TEXT NOT NULL,"
	" encoding TEXT NOT NULL, body BLOB NOT NULL);"
	"CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, agent_id TEXT NOT NULL, host TEXT NOT NULL,"
	" received INTEGER NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL, check_name TEXT NOT NULL,"
	" status INTEGER NOT NULL, summary TEXT NOT NULL, attributes TEXT NOT NULL);"
	"CREATE INDEX event_by_host ON event(agent_id, id);"
	"COMMIT;";

/* What came later: in a database of any age. */
static const char additions[] =
	"CREATE TABLE IF NOT EXISTS span(id INTEGER PRIMARY KEY AUTOINCREMENT, trace BLOB NOT NULL, span "
	"BLOB NOT NULL,"
	" parent BLOB NOT NULL, agent_id TEXT NOT NULL, host TEXT NOT NULL, check_name TEXT NOT NULL, name "
	"TEXT NOT NULL,"
	" received INTEGER NOT NULL, start INTEGER NOT NULL, duration INTEGER NOT NULL, error TEXT NOT NULL,"
	" attributes TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS forgotten(agent_id TEXT PRIMARY KEY, log_id INTEGER NOT NULL) WITHOUT "
	"ROWID;"
	"CREATE INDEX IF NOT EXISTS span_by_trace ON span(trace, id);"
	"CREATE INDEX IF NOT EXISTS span_roots ON span(id) WHERE parent = x'';"
	"CREATE INDEX IF NOT EXISTS span_roots_by_host ON span(agent_id, id) WHERE parent = x'';"
	"CREATE INDEX IF NOT EXISTS span_by_host ON span(agent_id);";

static const char *const statement_texts[LAST_STATEMENT] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[PROBE] = "PRAGMA user_version = 1", /* VERSION */
	[ADD_REPORT] = "INSERT INTO report(id, received, address, encoding, body) VALUES(?1, ?2, ?3, ?4, ?5)",
	[PUT_HOST] =
		"INSERT INTO host(agent_id, log_id, snapshot) VALUES(?1, ?2, ?3)"
		" ON CONFLICT(agent_id) DO UPDATE SET log_id = excluded.log_id, snapshot = excluded.snapshot",
	[TRIM_REPORTS] = "DELETE FROM report WHERE id < min(?1, (SELECT min(id) FROM report) + ?2)",
	[ADD_EVENT] = "INSERT INTO event(agent_id, host, received, time, kind, check_name, status, summary, "
		      "attributes)"
		      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[TRIM_EVENTS] = "DELETE FROM event WHERE id < (SELECT min(id) FROM event) + ?3 AND"
			" (received < ?1 OR id <= (SELECT max(id) FROM event) - ?2)",
	[ADD_SPAN] =
		"INSERT INTO span(trace, span, parent, agent_id, host, check_name, name, received, start, "
		"duration, error, attributes) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[TRIM_SPANS] = "DELETE FROM span WHERE id < (SELECT min(id) FROM span) + ?3 AND"
		       " (received < ?1 OR id <= (SELECT max(id) FROM span) - ?2)",
};

static int to_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	default:
		return -EIO;
	}
}

int store_fail(const struct store *store, sqlite3 *db, const char *what, struct error *error)
{
	int code = sqlite3_extended_errcode(db), r = to_errno(code);

	if (r == -EBADMSG)
		return error_set(error, r,
			"%s: %s: the database is damaged (%s); move it away to start anew, the agents report "
			"again",
			store->path, what, sqlite3_errmsg(db));
	return error_set(error, r, "%s: %s: %s", store->path, what, sqlite3_errmsg(db));
}

static int execute(
	const struct store *store, sqlite3 *db, const char *sql, const char *what, struct error *error)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(store, db, what, error);
}

static int get_number(sqlite3 *db, const char *sql, int64_t *ret_value)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? 0 : to_errno(code);
}

/* Makes the tables, or judges those that are there. */
static int prepare_schema(struct store *store, struct error *error)
{
	int64_t application = 0, version = 0, tables = 0;

	if (get_number(store->db, "PRAGMA application_id", &application) < 0 ||
		get_number(store->db, "PRAGMA user_version", &version) < 0 ||
		get_number(store->db, "SELECT count(*) FROM sqlite_master", &tables) < 0)
		return store_fail(store, store->db, "can't read it", error);
	if (application != APPLICATION_ID && (application != 0 || tables > 0))
		return error_set(error, -EBADMSG, "%s is some other program's database", store->path);
	if (version > VERSION)
		return error_set(error, -EPROTONOSUPPORT,
			"%s is of a later version of gavea-fleetd (format %" PRId64 ", this one knows %d)",
			store->path, version, VERSION);
	if (tables == 0 && execute(store, store->db, schema, "can't make the tables", error) < 0)
		return -EIO;
	return execute(store, store->db, additions, "can't make the tables", error);
}

static int open_writer(struct store *store, struct error *error)
{
	if (sqlite3_open_v2(store->path, &store->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return store_fail(store, store->db, "can't open it", error);
	sqlite3_extended_result_codes(store->db, 1);
	sqlite3_busy_timeout(store->db, 5000);
	if (execute(store, store->db,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;"
		    "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384; PRAGMA temp_store = "
		    "MEMORY;"
		    "PRAGMA trusted_schema = OFF;",
		    "can't prepare it", error) < 0)
		return -EIO;
	if (prepare_schema(store, error) < 0)
		return -EIO;
	for (size_t i = 0; i < LAST_STATEMENT; i++)
		if (sqlite3_prepare_v3(store->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &store->statements[i], NULL) != SQLITE_OK)
			return store_fail(store, store->db, "can't use it", error);
	return 0;
}

static int open_reader(struct store *store, struct error *error)
{
	if (sqlite3_open_v2(store->path, &store->reader, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
		SQLITE_OK)
		return store_fail(store, store->reader, "can't open it", error);
	sqlite3_busy_timeout(store->reader, 1000);
	return 0;
}

static int take_folder(const char *folder, struct store *store, struct error *error)
{
	_cleanup_free_ char *path = NULL;
	int r = make_directories(folder, 0750);

	if (r < 0)
		return error_set(error, r, "can't make the state directory %s: %s", folder, strerror(-r));
	if (asprintf(&path, "%s/lock", folder) < 0) {
		path = NULL;
		return error_set(error, -ENOMEM, "out of memory");
	}
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock_fd < 0)
		return error_set(
			error, -errno, "can't write to the state directory %s: %s", folder, strerror(errno));
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(
			error, -EBUSY, "the state directory %s is in use by another gavea-fleetd", folder);
	return 0;
}

int store_open(const char *folder, struct store **ret_store, struct error *error)
{
	struct store *store = calloc(1, sizeof *store);
	int r;

	if (!store)
		return error_set(error, -ENOMEM, "out of memory");
	store->lock_fd = -EBADF;
	pthread_mutex_init(&store->reader_mutex, NULL);
	if (asprintf(&store->path, "%s/fleet.db", folder) < 0)
		store->path = NULL;
	r = store->path ? take_folder(folder, store, error) : -ENOMEM;
	if (r == 0)
		r = open_writer(store, error);
	if (r == 0)
		r = open_reader(store, error);
	if (r < 0) {
		store_close(store);
		return r;
	}
	*ret_store = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < LAST_STATEMENT; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->reader);
	sqlite3_close(store->db);
	fd_close(store->lock_fd);
	pthread_mutex_destroy(&store->reader_mutex);
	free(store->path);
	free(store);
}

/* ---- Loading ---- */

/* Steps through a query; each() is called with the statement for each row. */
int store_rows(const struct store *store, sqlite3 *db, sqlite3_stmt *statement,
	int (*each)(sqlite3_stmt *statement, void *userdata), void *userdata, struct error *error)
{
	int code, r = 0;

	while (r >= 0 && (code = sqlite3_step(statement)) != SQLITE_DONE)
		r = code == SQLITE_ROW ? each(statement, userdata)
				       : store_fail(store, db, "can't read it", error);
	return MIN(r, 0);
}

static int query(struct store *store, sqlite3 *db, const char *sql,
	int (*each)(sqlite3_stmt *statement, void *userdata), void *userdata, struct error *error)
{
	sqlite3_stmt *statement;
	int r;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		return store_fail(store, db, "can't read it", error);
	r = store_rows(store, db, statement, each, userdata, error);
	sqlite3_finalize(statement);
	return r;
}

const char *store_text(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text ? text : "";
}

struct each {
	store_each_host host;
	store_each_report report;
	store_each_event event;
	void *userdata;
};

static int each_host(sqlite3_stmt *statement, void *userdata)
{
	const struct each *each = userdata;
	const void *snapshot = sqlite3_column_blob(statement, 2);

	return each->host(store_text(statement, 0), (uint64_t)sqlite3_column_int64(statement, 1), snapshot,
		(size_t)sqlite3_column_bytes(statement, 2), each->userdata);
}

int store_load_hosts(struct store *store, store_each_host each, void *userdata, struct error *error)
{
	return query(store, store->db, "SELECT agent_id, log_id, snapshot FROM host", each_host,
		&(struct each){.host = each, .userdata = userdata}, error);
}

static int each_report(sqlite3_stmt *statement, void *userdata)
{
	const struct each *each = userdata;
	const void *body = sqlite3_column_blob(statement, 4);
	struct store_report report = {
		.id = (uint64_t)sqlite3_column_int64(statement, 0),
		.received_ms = sqlite3_column_int64(statement, 1),
		.address = store_text(statement, 2),
		.encoding = store_text(statement, 3),
		.body = body ? body : "",
		.size = (size_t)sqlite3_column_bytes(statement, 4),
	};

	return each->report(&report, each->userdata);
}

int store_load_reports(struct store *store, store_each_report each, void *userdata, struct error *error)
{
	return query(store, store->db, "SELECT id, received, address, encoding, body FROM report ORDER BY id",
		each_report, &(struct each){.report = each, .userdata = userdata}, error);
}

/* ---- Writing ---- */

int store_run(struct store *store, enum statement which, const char *what, struct error *error)
{
	sqlite3_stmt *statement = store->statements[which];
	int r = sqlite3_step(statement) == SQLITE_DONE ? 0 : store_fail(store, store->db, what, error);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return r;
}

int store_begin(struct store *store, struct error *error)
{
	return store_run(store, BEGIN, "can't begin to write", error);
}

int store_commit(struct store *store, struct error *error)
{
	return store_run(store, COMMIT, "can't commit", error);
}

void store_rollback(struct store *store)
{
	if (!sqlite3_get_autocommit(store->db))
		(void)store_run(store, ROLLBACK, "can't roll back", NULL);
}

int store_probe(struct store *store, struct error *error)
{
	return store_run(store, PROBE, "can't write", error);
}

int store_add_report(struct store *store, const struct store_report *report, struct error *error)
{
	sqlite3_stmt *statement = store->statements[ADD_REPORT];

	sqlite3_bind_int64(statement, 1, (int64_t)report->id);
	sqlite3_bind_int64(statement, 2, report->received_ms);
	sqlite3_bind_text(statement, 3, report->address, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, report->encoding, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(statement, 5, report->body, report->size, SQLITE_STATIC);
	return store_run(store, ADD_REPORT, "can't add a report", error);
}

int store_put_host(struct store *store, const char *agent_id, uint64_t log_id, const void *snapshot,
	size_t size, struct error *error)
{
	sqlite3_stmt *statement = store->statements[PUT_HOST];

	sqlite3_bind_text(statement, 1, agent_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, (int64_t)log_id);
	sqlite3_bind_blob64(statement, 3, snapshot, size, SQLITE_STATIC);
	return store_run(store, PUT_HOST, "can't save a host", error);
}

int store_trim_reports(struct store *store, uint64_t before_id, struct error *error)
{
	sqlite3_stmt *statement = store->statements[TRIM_REPORTS];

	sqlite3_bind_int64(statement, 1, (int64_t)MIN(before_id, (uint64_t)INT64_MAX));
	sqlite3_bind_int64(statement, 2, TRIM_MAX);
	return store_run(store, TRIM_REPORTS, "can't cut the log", error);
}

int store_add_event(struct store *store, const struct store_event *event, struct error *error)
{
	sqlite3_stmt *statement = store->statements[ADD_EVENT];

	sqlite3_bind_text(statement, 1, event->agent_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, event->host, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 3, event->received_ms);
	sqlite3_bind_int64(statement, 4, event->time_ms);
	sqlite3_bind_text(statement, 5, event->kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 6, event->check, -1, SQLITE_STATIC);
	sqlite3_bind_int(statement, 7, (int)event->status);
	sqlite3_bind_text(statement, 8, event->summary, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 9, event->attributes, -1, SQLITE_STATIC);
	return store_run(store, ADD_EVENT, "can't add an event", error);
}

int store_trim_events(struct store *store, int64_t before_ms, uint64_t keep, struct error *error)
{
	sqlite3_stmt *statement = store->statements[TRIM_EVENTS];

	sqlite3_bind_int64(statement, 1, before_ms);
	sqlite3_bind_int64(statement, 2, (int64_t)MIN(keep, (uint64_t)INT64_MAX));
	sqlite3_bind_int64(statement, 3, TRIM_MAX);
	return store_run(store, TRIM_EVENTS, "can't drop old events", error);
}

/* ---- Events ---- */

static int each_event(sqlite3_stmt *statement, void *userdata)
{
	const struct each *each = userdata;
	int status = sqlite3_column_int(statement, 7);
	struct store_event event = {
		.id = (uint64_t)sqlite3_column_int64(statement, 0),
		.agent_id = store_text(statement, 1),
		.host = store_text(statement, 2),
		.received_ms = sqlite3_column_int64(statement, 3),
		.time_ms = sqlite3_column_int64(statement, 4),
		.kind = store_text(statement, 5),
		.check = store_text(statement, 6),
		.status = status >= GAVEA_OK && status < GAVEA_UNKNOWN ? (enum gavea_status)status
								       : GAVEA_UNKNOWN,
		.summary = store_text(statement, 8),
		.attributes = store_text(statement, 9),
	};

	return each->event(&event, each->userdata);
}

int store_events(struct store *store, const struct store_event_query *q, store_each_event each,
	void *userdata, struct error *error)
{
	_cleanup_buf_ struct buf sql = BUF_INIT;
	sqlite3_stmt *statement = NULL;
	int r;

	buf_printf(&sql,
		"SELECT id, agent_id, host, received, time, kind, check_name, status, summary, attributes "
		"FROM event"
		" WHERE id > ?1 AND id < ?2%s ORDER BY id %s LIMIT ?3",
		q->agent_id ? " AND agent_id = ?4" : "", q->newest_first ? "DESC" : "ASC");
	if (buf_error(&sql) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	pthread_mutex_lock(&store->reader_mutex);
	if (sqlite3_prepare_v2(store->reader, buf_str(&sql), -1, &statement, NULL) == SQLITE_OK) {
		sqlite3_bind_int64(statement, 1, (int64_t)MIN(q->after, (uint64_t)INT64_MAX));
		sqlite3_bind_int64(
			statement, 2, q->before && q->before < INT64_MAX ? (int64_t)q->before : INT64_MAX);
		sqlite3_bind_int64(statement, 3, (int64_t)q->limit);
		if (q->agent_id)
			sqlite3_bind_text(statement, 4, q->agent_id, -1, SQLITE_STATIC);
		r = store_rows(store, store->reader, statement, each_event,
			&(struct each){.event = each, .userdata = userdata}, error);
	} else {
		r = store_fail(store, store->reader, "can't read events", error);
	}
	sqlite3_finalize(statement);
	pthread_mutex_unlock(&store->reader_mutex);
	return r;
}

uint64_t store_size(struct store *store)
{
	_cleanup_free_ char *wal = NULL;
	struct stat st;
	uint64_t size = 0;

	if (stat(store->path, &st) == 0)
		size += (uint64_t)st.st_size;
	if (asprintf(&wal, "%s-wal", store->path) >= 0 && stat(wal, &st) == 0)
		size += (uint64_t)st.st_size;
	return size;
}
