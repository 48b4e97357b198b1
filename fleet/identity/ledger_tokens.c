/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/ledger_internal.h"

#include "base/random.h"

#include <errno.h>
#include <stdio.h>

#define COLUMNS "id, name, scopes, agent_id, created, created_by, expires, uses_left, revoked"

static const struct {
	const char *name;
	unsigned bit;
} scopes[] = {
	{"read", SCOPE_READ},
	{"operate", SCOPE_OPERATE},
	{"admin", SCOPE_ADMIN},
	{"report", SCOPE_REPORT},
	{"enroll", SCOPE_ENROLL},
};

unsigned scopes_parse(const char *text)
{
	unsigned bits = 0;

	for (;;) {
		size_t length = strcspn(text, ","), i = 0;

		while (i < ARRAY_SIZE(scopes) &&
			(strlen(scopes[i].name) != length || strncmp(scopes[i].name, text, length) != 0))
			i++;
		if (i == ARRAY_SIZE(scopes))
			return 0;
		bits |= scopes[i].bit;
		if (!text[length])
			return bits;
		text += length + 1;
	}
}

void scopes_format(unsigned bits, struct buf *out)
{
	const char *comma = "";

	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
		if (bits & scopes[i].bit) {
			buf_printf(out, "%s%s", comma, scopes[i].name);
			comma = ",";
		}
}

void ledger_token_done(struct ledger_token *token)
{
	free(token->name);
	free(token->created_by);
	*token = (struct ledger_token){};
}

static int read_token(sqlite3_stmt *statement, struct ledger_token *token)
{
	*token = (struct ledger_token){
		.name = strdup(ledger_text(statement, 1)),
		.scopes = (unsigned)sqlite3_column_int64(statement, 2),
		.created_ms = sqlite3_column_int64(statement, 4),
		.created_by = strdup(ledger_text(statement, 5)),
		.expires_ms = sqlite3_column_int64(statement, 6),
		.uses_left = sqlite3_column_int64(statement, 7),
		.revoked_ms = sqlite3_column_int64(statement, 8),
	};
	ledger_copy_id(statement, 0, token->id, sizeof token->id);
	ledger_copy_id(statement, 3, token->agent_id, sizeof token->agent_id);
	if (token->name && token->created_by)
		return 0;
	ledger_token_done(token);
	return -ENOMEM;
}

static int add(struct ledger *ledger, const struct actor *actor, const struct ledger_token *token,
	const uint8_t hash[static SECRET_HASH_SIZE], struct error *error)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	int r = ledger_run(ledger, error,
		"INSERT INTO token(id, hash, name, scopes, agent_id, created, created_by, expires, uses_left)"
		" SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE (SELECT count(*) FROM token) < ?10",
		"tbtititiii", token->id, hash, token->name, (int64_t)token->scopes, token->agent_id,
		actor->now_ms, actor->name, token->expires_ms, token->uses_left, (int64_t)LEDGER_TOKENS_MAX);

	if (r == 0)
		return error_set(error, -ENOSPC,
			"there are %d tokens already: revoke some, or wait until some have been "
			"expired for a year",
			LEDGER_TOKENS_MAX);
	scopes_format(token->scopes, &list);
	return r < 0 ? r
		     : ledger_log(ledger, actor, "token-created", token->id, error, "%s%s%s%s%s",
			       buf_str(&list), *token->name ? ", " : "", token->name,
			       *token->agent_id ? ", only for agent " : "", token->agent_id);
}

int ledger_add_token(struct ledger *ledger, const struct actor *actor, struct ledger_token *token,
	const uint8_t hash[static SECRET_HASH_SIZE], struct error *error)
{
	char id[33];
	int r = ledger_begin(ledger, error);

	if (r < 0)
		return r;
	random_id(id);
	snprintf(token->id, sizeof token->id, "%.8s", id);
	/* Those that ended long ago are of no interest any more. */
	r = ledger_run(ledger, error, "DELETE FROM token WHERE expires < ?1", "i",
		actor->now_ms - INT64_C(365) * 86400 * 1000);
	if (r >= 0)
		r = add(ledger, actor, token, hash, error);
	return ledger_end(ledger, r, error);
}

int ledger_find_token(struct ledger *ledger, const uint8_t hash[static SECRET_HASH_SIZE],
	struct ledger_token *ret_token, struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r = ledger_read(
		ledger, &statement, error, "SELECT " COLUMNS " FROM token WHERE hash = ?1", "b", hash);

	if (r == 0)
		r = ledger_read_row(ledger, statement, error);
	if (r > 0 && read_token(statement, ret_token) < 0)
		r = error_set(error, -ENOMEM, "out of memory");
	ledger_read_end(ledger, statement);
	return r;
}

int ledger_tokens(struct ledger *ledger, ledger_each_token each, void *userdata, struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r = ledger_read(
		ledger, &statement, error, "SELECT " COLUMNS " FROM token ORDER BY created DESC, id", "");

	while (r >= 0 && (r = ledger_read_row(ledger, statement, error)) > 0) {
		struct ledger_token token;

		r = read_token(statement, &token);
		if (r == 0)
			r = each(&token, userdata);
		ledger_token_done(&token);
	}
	ledger_read_end(ledger, statement);
	return MIN(r, 0);
}

int ledger_revoke_token(struct ledger *ledger, const struct actor *actor, const char *id, struct error *error)
{
	int r = ledger_begin(ledger, error);

	if (r < 0)
		return r;
	r = ledger_run(ledger, error, "UPDATE token SET revoked = ?1 WHERE id = ?2 AND revoked = 0", "it",
		actor->now_ms, id);
	if (r == 0)
		r = error_set(error, -ENOENT, "there is no token '%s' that could be revoked", id);
	if (r > 0)
		r = ledger_log(ledger, actor, "token-revoked", id, error, "%s", "");
	return ledger_end(ledger, r, error);
}
