/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/ledger_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define APPLICATION_ID 0x67617669 /* "gavi" */
#define VERSION 1

static const char schema[] =
	"PRAGMA application_id = 1734440553;" /* APPLICATION_ID */
	"PRAGMA user_version = 1;"
	"CREATE TABLE token(id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL,"
	" scopes INTEGER NOT NULL, agent_id TEXT NOT NULL, created INTEGER NOT NULL, created_by TEXT NOT "
	"NULL,"
	" expires INTEGER NOT NULL, uses_left INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0) WITHOUT "
	"ROWID;"
	"CREATE TABLE certificate(serial TEXT PRIMARY KEY, agent_id TEXT NOT NULL, machine_id TEXT NOT NULL,"
	" key_hash BLOB NOT NULL, name TEXT NOT NULL, token_id TEXT NOT NULL, issued INTEGER NOT NULL,"
	" not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0,"
	" reason TEXT NOT NULL DEFAULT '', pem TEXT NOT NULL);"
	"CREATE INDEX certificate_by_agent ON certificate(agent_id, issued);"
	"CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, actor TEXT NOT NULL,"
	" address TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL);"
	"CREATE INDEX audit_by_subject ON audit(subject, action, time);";

static int fail(const struct ledger *ledger, const struct side *side, const char *what, struct error *error)
{
	static const struct {
		int code, error;
	} codes[] = {{SQLITE_FULL, -ENOSPC}, {SQLITE_NOMEM, -ENOMEM}, {SQLITE_CORRUPT, -EBADMSG},
		{SQLITE_NOTADB, -EBADMSG}, {SQLITE_READONLY, -EROFS}, {SQLITE_PERM, -EACCES},
		{SQLITE_CANTOPEN, -EACCES}, {SQLITE_BUSY, -EBUSY}};
	int code = sqlite3_errcode(side->db) & 0xff, r = -EIO;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == code)
			r = codes[i].error;
	if (r == -EBADMSG)
		return error_set(error, r,
			"%s: %s: the database of identities is damaged (%s); bring it back from a backup, or "
			"move it "
			"away: then all tokens are gone and all agents have to enrol again",
			ledger->path, what, sqlite3_errmsg(side->db));
	return error_set(error, r, "%s: %s: %s", ledger->path, what, sqlite3_errmsg(side->db));
}

static int bind(sqlite3_stmt *statement, const char *types, va_list values)
{
	int code = SQLITE_OK;

	for (int i = 1; *types && code == SQLITE_OK; types++, i++)
		switch (*types) {
		case 't':
			code = sqlite3_bind_text(
				statement, i, va_arg(values, const char *), -1, SQLITE_TRANSIENT);
			break;
		case 'b':
			code = sqlite3_bind_blob(statement, i, va_arg(values, const uint8_t *),
				SECRET_HASH_SIZE, SQLITE_TRANSIENT);
			break;
		default:
			code = sqlite3_bind_int64(statement, i, va_arg(values, int64_t));
		}
	return code;
}

static int prepare(struct ledger *ledger, struct side *side, sqlite3_stmt **ret_statement,
	struct error *error, const char *sql, const char *types, va_list values)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(side->db, sql, -1, &statement, NULL) != SQLITE_OK ||
		bind(statement, types, values) != SQLITE_OK)
		return fail(ledger, side, "can't use it", error);
	*ret_statement = TAKE_PTR(statement);
	return 0;
}

/* ---- Reading ---- */

int ledger_read(struct ledger *ledger, sqlite3_stmt **ret_statement, struct error *error, const char *sql,
	const char *types, ...)
{
	va_list values;
	int r;

	pthread_mutex_lock(&ledger->reader.mutex);
	va_start(values, types);
	r = prepare(ledger, &ledger->reader, ret_statement, error, sql, types, values);
	va_end(values);
	return r;
}

int ledger_read_row(struct ledger *ledger, sqlite3_stmt *statement, struct error *error)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : fail(ledger, &ledger->reader, "can't read it", error);
}

void ledger_read_end(struct ledger *ledger, sqlite3_stmt *statement)
{
	sqlite3_finalize(statement);
	pthread_mutex_unlock(&ledger->reader.mutex);
}

/* ---- Writing ---- */

int ledger_run(struct ledger *ledger, struct error *error, const char *sql, const char *types, ...)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;
	va_list values;
	int r;

	va_start(values, types);
	r = prepare(ledger, &ledger->writer, &statement, error, sql, types, values);
	va_end(values);
	if (r < 0)
		return r;
	if (sqlite3_step(statement) != SQLITE_DONE)
		return fail(ledger, &ledger->writer, "can't write", error);
	return sqlite3_changes(ledger->writer.db);
}

int ledger_begin(struct ledger *ledger, struct error *error)
{
	int r;

	pthread_mutex_lock(&ledger->writer.mutex);
	r = ledger_run(ledger, error, "BEGIN IMMEDIATE", "");
	if (r < 0)
		pthread_mutex_unlock(&ledger->writer.mutex);
	return MIN(r, 0);
}

int ledger_end(struct ledger *ledger, int r, struct error *error)
{
	int committed = r < 0 ? -ECANCELED : ledger_run(ledger, error, "COMMIT", "");

	if (committed < 0)
		(void)ledger_run(ledger, NULL, "ROLLBACK", "");
	pthread_mutex_unlock(&ledger->writer.mutex);
	return r < 0 ? r : MIN(committed, r);
}

const char *ledger_text(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text ? text : "";
}

void ledger_copy_id(sqlite3_stmt *statement, int column, char *id, size_t size)
{
	snprintf(id, size, "%s", ledger_text(statement, column));
}

/* ---- Opening ---- */

static int get_number(struct ledger *ledger, const char *sql, int64_t *ret_number, struct error *error)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(ledger->writer.db, sql, -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW)
		return fail(ledger, &ledger->writer, "can't read it", error);
	*ret_number = sqlite3_column_int64(statement, 0);
	return 0;
}

/* Within a transaction: a server and a command may both find it empty. */
static int make_tables(struct ledger *ledger, struct error *error)
{
	int64_t application, version, tables;
	int r = get_number(ledger, "PRAGMA application_id", &application, error);

	if (r == 0)
		r = get_number(ledger, "PRAGMA user_version", &version, error);
	if (r == 0)
		r = get_number(ledger, "SELECT count(*) FROM sqlite_master", &tables, error);
	if (r < 0)
		return r;
	if (application != APPLICATION_ID && (application != 0 || tables > 0))
		return error_set(error, -EBADMSG, "%s is some other program's database", ledger->path);
	if (version > VERSION)
		return error_set(error, -EPROTONOSUPPORT,
			"%s is of a later version of gavea-fleetd (format %" PRId64 ", this one knows %d)",
			ledger->path, version, VERSION);
	if (tables == 0 && sqlite3_exec(ledger->writer.db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return fail(ledger, &ledger->writer, "can't make the tables", error);
	return ledger_run(ledger, error, "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1",
		"i", (int64_t)LEDGER_AUDIT_MAX);
}

static int prepare_database(struct ledger *ledger, struct error *error)
{
	int r;

	if (sqlite3_exec(ledger->writer.db,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
		    "PRAGMA secure_delete = ON;",
		    NULL, NULL, NULL) != SQLITE_OK)
		return fail(ledger, &ledger->writer, "can't prepare it", error);
	r = ledger_begin(ledger, error);
	return r < 0 ? r : ledger_end(ledger, make_tables(ledger, error), error);
}

static int open_side(struct ledger *ledger, struct side *side, int flags, struct error *error)
{
	if (sqlite3_open_v2(ledger->path, &side->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return fail(ledger, side, "can't open it", error);
	sqlite3_busy_timeout(side->db, 5000);
	return 0;
}

int ledger_open(const char *folder, struct ledger **ret_ledger, struct error *error)
{
	_cleanup_(ledger_closep) struct ledger *ledger = calloc(1, sizeof *ledger);
	int r;

	if (!ledger)
		return error_set(error, -ENOMEM, "out of memory");
	pthread_mutex_init(&ledger->writer.mutex, NULL);
	pthread_mutex_init(&ledger->reader.mutex, NULL);
	if (asprintf(&ledger->path, "%s/identity.db", folder) < 0) {
		ledger->path = NULL;
		return error_set(error, -ENOMEM, "out of memory");
	}
	r = open_side(ledger, &ledger->writer, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
	if (r == 0)
		r = prepare_database(ledger, error);
	if (r == 0)
		r = open_side(ledger, &ledger->reader, SQLITE_OPEN_READONLY, error);
	if (r < 0)
		return r;
	*ret_ledger = TAKE_PTR(ledger);
	return 0;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	sqlite3_close(ledger->reader.db);
	sqlite3_close(ledger->writer.db);
	pthread_mutex_destroy(&ledger->reader.mutex);
	pthread_mutex_destroy(&ledger->writer.mutex);
	free(ledger->path);
	free(ledger);
}
