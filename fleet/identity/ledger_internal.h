/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the ledger share. */
#ifndef FLEET_IDENTITY_LEDGER_INTERNAL_H
#define FLEET_IDENTITY_LEDGER_INTERNAL_H

#include "fleet/identity/ledger.h"

#include <pthread.h>
#include <sqlite3.h>

struct side {
	pthread_mutex_t mutex; /* of the connection */
	sqlite3 *db;
};

struct ledger {
	char *path;
	struct side writer;
	struct side
		reader; /* of its own: who reads never waits for a disk, or for another process that writes */
};

DEFINE_CLEANUP(sqlite3_stmt *, sqlite3_finalize);
#define _cleanup_statement_ _cleanup_(sqlite3_finalizep)

/* Statements have values bound as types says, a letter each: "t" text, "i" int64_t, "b" a hash of 32 bytes. */

/* Takes the reader and prepares a query on it, which ledger_read_end() ends in any case. 0 or -errno with error filled. */
int ledger_read(struct ledger *ledger, sqlite3_stmt **ret_statement, struct error *error, const char *sql,
	const char *types, ...);

/* The next row: 1, 0 at the end, or -errno with error filled. */
int ledger_read_row(struct ledger *ledger, sqlite3_stmt *statement, struct error *error);

void ledger_read_end(struct ledger *ledger, sqlite3_stmt *statement);

/* Runs a statement within a transaction. The number of rows that it changed, or -errno with error filled. */
int ledger_run(struct ledger *ledger, struct error *error, const char *sql, const char *types, ...);

/* Takes the writer and begins; ends with a commit when r is not negative, and gives it back. Returns r, or why it could not
 * be committed. */
int ledger_begin(struct ledger *ledger, struct error *error);
int ledger_end(struct ledger *ledger, int r, struct error *error);

/* Adds an entry to the log, within a transaction. */
int ledger_log(struct ledger *ledger, const struct actor *actor, const char *action, const char *subject,
	struct error *error, const char *format, ...) _printf_(6, 7);

/* Never NULL. */
const char *ledger_text(sqlite3_stmt *statement, int column);
void ledger_copy_id(sqlite3_stmt *statement, int column, char *id, size_t size);

#endif
