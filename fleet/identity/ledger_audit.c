/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/ledger_internal.h"

#include <errno.h>

static int add(struct ledger *ledger, const struct actor *actor, const char *action, const char *subject,
	const char *detail, struct error *error)
{
	int r = ledger_run(ledger, error,
		"INSERT INTO audit(time, actor, address, action, subject, detail) VALUES(?1, ?2, ?3, ?4, ?5, "
		"?6)",
		"ittttt", actor->now_ms, actor->name, actor->address, action, subject, detail);

	return MIN(r, 0);
}

int ledger_log(struct ledger *ledger, const struct actor *actor, const char *action, const char *subject,
	struct error *error, const char *format, ...)
{
	_cleanup_buf_ struct buf detail = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_vprintf(&detail, format, args);
	va_end(args);
	return add(ledger, actor, action, subject, buf_str(&detail), error);
}

/* 1: there is one. */
static int is_noted(struct ledger *ledger, const char *action, const char *subject, const char *detail,
	int64_t since_ms, struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r = ledger_read(ledger, &statement, error,
		"SELECT 1 FROM audit WHERE subject = ?1 AND action = ?2 AND time > ?3 AND detail = ?4 LIMIT "
		"1",
		"ttit", subject, action, since_ms, detail);

	if (r == 0)
		r = ledger_read_row(ledger, statement, error);
	ledger_read_end(ledger, statement);
	return r;
}

int ledger_note(struct ledger *ledger, const struct actor *actor, const char *action, const char *subject,
	const char *detail, int64_t once_ms, struct error *error)
{
	int r, noted = 0;

	/* Without a transaction first: it is asked again and again. */
	if (once_ms > 0)
		noted = is_noted(ledger, action, subject, detail, actor->now_ms - once_ms, error);
	if (noted != 0)
		return MIN(noted, 0);
	r = ledger_begin(ledger, error);
	if (r < 0)
		return r;
	r = add(ledger, actor, action, subject, detail, error);
	r = ledger_end(ledger, r, error);
	return r < 0 ? r : 1;
}

int ledger_audit(struct ledger *ledger, uint64_t before, size_t limit, ledger_each_entry each, void *userdata,
	struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r = ledger_read(ledger, &statement, error,
		"SELECT id, time, actor, address, action, subject, detail FROM audit WHERE id < ?1"
		" ORDER BY id DESC LIMIT ?2",
		"ii", before && before < INT64_MAX ? (int64_t)before : INT64_MAX, (int64_t)limit);

	while (r >= 0 && (r = ledger_read_row(ledger, statement, error)) > 0) {
		struct ledger_entry entry = {
			.id = (uint64_t)sqlite3_column_int64(statement, 0),
			.time_ms = sqlite3_column_int64(statement, 1),
			.actor = ledger_text(statement, 2),
			.address = ledger_text(statement, 3),
			.action = ledger_text(statement, 4),
			.subject = ledger_text(statement, 5),
			.detail = ledger_text(statement, 6),
		};

		r = each(&entry, userdata);
	}
	ledger_read_end(ledger, statement);
	return MIN(r, 0);
}
