/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite store from the inside: for sqlite.c and spans.c. */
#ifndef FLEET_STORE_INTERNAL_H
#define FLEET_STORE_INTERNAL_H

#include "fleet/store/store.h"

#include <pthread.h>
#include <sqlite3.h>

#define TRIM_MAX 4096 /* rows that a call drops */

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	PROBE,
	ADD_REPORT,
	PUT_HOST,
	TRIM_REPORTS,
	ADD_EVENT,
	TRIM_EVENTS,
	ADD_SPAN,
	TRIM_SPANS,
	LAST_STATEMENT
};

struct store {
	char *path;
	int lock_fd;
	sqlite3 *db; /* of the writer */
	sqlite3_stmt *statements[LAST_STATEMENT];
	pthread_mutex_t reader_mutex;
	sqlite3 *reader;
};

/* Fills error with what the database says, and returns the -errno that it amounts to. */
int store_fail(const struct store *store, sqlite3 *db, const char *what, struct error *error);

/* Runs a statement that was bound and answers nothing, and clears it. */
int store_run(struct store *store, enum statement which, const char *what, struct error *error);

/* Steps through a query; each() is called with the statement for each row. */
int store_rows(const struct store *store, sqlite3 *db, sqlite3_stmt *statement,
	int (*each)(sqlite3_stmt *statement, void *userdata), void *userdata, struct error *error);

/* "" for NULL. */
const char *store_text(sqlite3_stmt *statement, int column);

#endif
