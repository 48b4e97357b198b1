/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/token_form.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/utf8.h"

#include <errno.h>
#include <string.h>

#define NAME_MAX_BYTES 100
#define MINUTE_NS (60 * NSEC_PER_SEC)
#define DAY_NS (INT64_C(86400) * NSEC_PER_SEC)
#define DAYS_MAX 3660
#define USES_MAX 1000000

static bool is_printable(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	return strlen(text) <= NAME_MAX_BYTES && utf8_valid(text, strlen(text));
}

static int judge_scopes(const char *text, unsigned *ret_scopes, struct error *error)
{
	unsigned scopes = text ? scopes_parse(text) : 0;

	if (!scopes)
		return error_set(error, -EINVAL,
			"a token is for one or several of read, operate, admin, report, enroll, such as "
			"\"read,report\"");
	if ((scopes & SCOPE_ENROLL) && scopes != SCOPE_ENROLL)
		return error_set(error, -EINVAL, "a token for enroll is for nothing else");
	*ret_scopes = scopes;
	return 0;
}

static int judge_expiry(const struct token_form *form, bool enroll, int64_t *ret_ns, struct error *error)
{
	int64_t ns = enroll ? DAY_NS : 30 * DAY_NS;

	if (form->expires &&
		(parse_duration(form->expires, &ns) < 0 || ns < NSEC_PER_SEC || ns > DAYS_MAX * DAY_NS))
		return error_set(error, -EINVAL, "expires is not a duration from 1s to %dd, such as \"30d\"",
			DAYS_MAX);
	*ret_ns = ns;
	return 0;
}

static int judge_rest(const struct token_form *form, bool enroll, struct error *error)
{
	const char *id = form->agent_id;

	if (form->name && !is_printable(form->name))
		return error_set(error, -EINVAL,
			"name is longer than %d bytes, or has control characters in it", NAME_MAX_BYTES);
	if (form->uses < LEDGER_USES_ANY || form->uses > USES_MAX)
		return error_set(error, -EINVAL, "uses is not a number from 1 to %d, or any", USES_MAX);
	if (!enroll && form->uses > 0)
		return error_set(error, -EINVAL, "uses are counted of tokens for enroll only");
	if (id &&
		(strlen(id) != AUTHORITY_ID_SIZE - 1 ||
			strspn(id, "0123456789abcdef") != AUTHORITY_ID_SIZE - 1))
		return error_set(error, -EINVAL, "the agent's id is not 32 hexadecimal digits");
	if (id && !enroll)
		return error_set(error, -EINVAL, "only a token for enroll is for one agent");
	return 0;
}

int token_form_make(const struct token_form *form, const struct identity *identity, const struct actor *actor,
	struct ledger_token *ret_token, struct buf *ret_text, struct error *error)
{
	_cleanup_(ledger_token_done) struct ledger_token token = {.uses_left = form->uses};
	uint8_t hash[SECRET_HASH_SIZE];
	bool enroll, pin = identity->authority && identity->server_certificate;
	int64_t lifetime_ns = 0;
	int r = judge_scopes(form->scopes, &token.scopes, error);

	enroll = token.scopes == SCOPE_ENROLL;
	if (r == 0)
		r = judge_expiry(form, enroll, &lifetime_ns, error);
	if (r == 0)
		r = judge_rest(form, enroll, error);
	if (r < 0)
		return r;
	if (enroll && !identity->authority)
		return error_set(error, -EINVAL,
			"this server gives no certificates: set identity = true in its "
			"configuration first");
	if (token.uses_left == 0)
		token.uses_left = enroll ? 1 : LEDGER_USES_ANY;
	token.expires_ms = actor->now_ms + lifetime_ns / NSEC_PER_MSEC;
	token.created_ms = actor->now_ms;
	token.name = strdup(form->name ? form->name : "");
	token.created_by = strdup(actor->name);
	if (!token.name || !token.created_by)
		return error_set(error, -ENOMEM, "out of memory");
	if (form->agent_id)
		memcpy(token.agent_id, form->agent_id, sizeof token.agent_id);
	secret_make(enroll ? "enroll" : "api",
		enroll && pin ? authority_fingerprint(identity->authority) : NULL, ret_text);
	if (!secret_hash(buf_str(ret_text), hash))
		return error_set(error, -ENOMEM, "out of memory");
	r = ledger_add_token(identity->ledger, actor, &token, hash, error);
	if (r < 0)
		return r;
	*ret_token = token;
	token = (struct ledger_token){};
	return 0;
}
