/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/ledger_internal.h"

#include <errno.h>
#include <string.h>

#define COLUMNS \
	"serial, agent_id, machine_id, key_hash, name, token_id, issued, not_before, not_after, revoked, " \
	"reason, pem"
#define FORGET_AFTER_MS (INT64_C(90) * 86400 * 1000)

void ledger_certificate_done(struct ledger_certificate *certificate)
{
	free(certificate->name);
	free(certificate->reason);
	free(certificate->pem);
	*certificate = (struct ledger_certificate){};
}

static int read_certificate(sqlite3_stmt *statement, struct ledger_certificate *certificate)
{
	struct credential *credential = &certificate->credential;
	const void *hash = sqlite3_column_blob(statement, 3);

	*certificate = (struct ledger_certificate){
		.name = strdup(ledger_text(statement, 4)),
		.issued_ms = sqlite3_column_int64(statement, 6),
		.revoked_ms = sqlite3_column_int64(statement, 9),
		.reason = strdup(ledger_text(statement, 10)),
		.pem = strdup(ledger_text(statement, 11)),
	};
	ledger_copy_id(statement, 0, credential->serial, sizeof credential->serial);
	ledger_copy_id(statement, 1, credential->agent_id, sizeof credential->agent_id);
	ledger_copy_id(statement, 2, credential->machine_id, sizeof credential->machine_id);
	ledger_copy_id(statement, 5, certificate->token_id, sizeof certificate->token_id);
	if (hash && sqlite3_column_bytes(statement, 3) == (int)sizeof credential->key_hash)
		memcpy(credential->key_hash, hash, sizeof credential->key_hash);
	credential->not_before_ms = sqlite3_column_int64(statement, 7);
	credential->not_after_ms = sqlite3_column_int64(statement, 8);
	if (certificate->name && certificate->reason && certificate->pem)
		return 0;
	ledger_certificate_done(certificate);
	return -ENOMEM;
}

int ledger_standing(
	struct ledger *ledger, const char *serial, enum ledger_standing *ret_standing, struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r = ledger_read(
		ledger, &statement, error, "SELECT revoked FROM certificate WHERE serial = ?1", "t", serial);

	if (r == 0)
		r = ledger_read_row(ledger, statement, error);
	if (r == 0)
		*ret_standing = LEDGER_UNKNOWN;
	else if (r > 0)
		*ret_standing = sqlite3_column_int64(statement, 0) ? LEDGER_REVOKED : LEDGER_GOOD;
	ledger_read_end(ledger, statement);
	return MIN(r, 0);
}

int ledger_newest(struct ledger *ledger, const char *agent_id, struct ledger_certificate *ret_certificate,
	struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r = ledger_read(ledger, &statement, error,
		"SELECT " COLUMNS
		" FROM certificate WHERE agent_id = ?1 ORDER BY issued DESC, rowid DESC LIMIT 1",
		"t", agent_id);

	if (r == 0)
		r = ledger_read_row(ledger, statement, error);
	if (r > 0 && read_certificate(statement, ret_certificate) < 0)
		r = error_set(error, -ENOMEM, "out of memory");
	ledger_read_end(ledger, statement);
	return r;
}

int ledger_any_certificate(struct ledger *ledger, int64_t now_ms, struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r = ledger_read(ledger, &statement, error,
		"SELECT 1 FROM certificate WHERE not_after > ?1 LIMIT 1", "i", now_ms);

	if (r == 0)
		r = ledger_read_row(ledger, statement, error);
	ledger_read_end(ledger, statement);
	return r;
}

/* Two may have been let in with the last use of a token: here it is decided. */
static int take_use(
	struct ledger *ledger, const struct actor *actor, const char *token_id, struct error *error)
{
	int r = ledger_run(ledger, error,
		"UPDATE token SET uses_left = CASE uses_left WHEN -1 THEN -1 ELSE uses_left - 1 END"
		" WHERE id = ?1 AND uses_left != 0 AND revoked = 0 AND expires > ?2",
		"ti", token_id, actor->now_ms);

	return r == 0 ? error_set(error, -EKEYEXPIRED, "this enrolment token was used already") : MIN(r, 0);
}

static int insert(struct ledger *ledger, const struct ledger_certificate *certificate, struct error *error)
{
	const struct credential *credential = &certificate->credential;
	int r = ledger_run(ledger, error,
		"INSERT INTO certificate(serial, agent_id, machine_id, key_hash, name, token_id, issued, "
		"not_before,"
		" not_after, pem) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		"tttbttiiit", credential->serial, credential->agent_id, credential->machine_id,
		credential->key_hash, certificate->name, certificate->token_id, certificate->issued_ms,
		credential->not_before_ms, credential->not_after_ms, certificate->pem);

	return MIN(r, 0);
}

int ledger_add_certificate(struct ledger *ledger, const struct actor *actor, const char *action,
	const struct ledger_certificate *certificate, bool replace, struct error *error)
{
	const char *agent_id = certificate->credential.agent_id, *token_id = certificate->token_id;
	int r = ledger_begin(ledger, error);

	if (r < 0)
		return r;
	if (*token_id)
		r = take_use(ledger, actor, token_id, error);
	if (r >= 0)
		r = ledger_run(ledger, error,
			"DELETE FROM certificate WHERE agent_id = ?1 AND not_after < ?2", "ti", agent_id,
			actor->now_ms - FORGET_AFTER_MS);
	if (r >= 0 && replace)
		r = ledger_run(ledger, error,
			"UPDATE certificate SET revoked = ?1, reason = 'replaced' WHERE agent_id = ?2 AND "
			"revoked = 0",
			"it", actor->now_ms, agent_id);
	if (r >= 0)
		r = insert(ledger, certificate, error);
	if (r >= 0)
		r = ledger_log(ledger, actor, action, agent_id, error, "certificate %s for %s%s%s",
			certificate->credential.serial, certificate->name, *token_id ? ", with token " : "",
			token_id);
	return ledger_end(ledger, r, error);
}

int ledger_revoke_agent(struct ledger *ledger, const struct actor *actor, const char *agent_id,
	const char *reason, struct error *error)
{
	int r = ledger_begin(ledger, error);

	if (r < 0)
		return r;
	r = ledger_run(ledger, error,
		"UPDATE certificate SET revoked = ?1, reason = ?2 WHERE agent_id = ?3 AND revoked = 0", "itt",
		actor->now_ms, reason, agent_id);
	if (r == 0)
		r = error_set(
			error, -ENOENT, "agent '%s' has no certificate that could be revoked", agent_id);
	if (r > 0)
		r = ledger_log(ledger, actor, "agent-revoked", agent_id, error, "%s", reason);
	return ledger_end(ledger, r, error);
}

int ledger_agents(struct ledger *ledger, ledger_each_certificate each, void *userdata, struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r = ledger_read(ledger, &statement, error,
		"SELECT " COLUMNS " FROM certificate AS c WHERE rowid ="
		" (SELECT rowid FROM certificate WHERE agent_id = c.agent_id ORDER BY issued DESC, rowid "
		"DESC LIMIT 1)"
		" ORDER BY agent_id",
		"");

	while (r >= 0 && (r = ledger_read_row(ledger, statement, error)) > 0) {
		struct ledger_certificate certificate;

		r = read_certificate(statement, &certificate);
		if (r == 0)
			r = each(&certificate, userdata);
		ledger_certificate_done(&certificate);
	}
	ledger_read_end(ledger, statement);
	return MIN(r, 0);
}
