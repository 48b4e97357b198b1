/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/command_text.h"

#include "base/clock.h"

#include <inttypes.h>

struct lines {
	struct buf *out;
	int64_t now_ms;
};

static const char *state_of_token(const struct ledger_token *token, int64_t now_ms)
{
	if (token->revoked_ms)
		return "revoked";
	if (token->expires_ms <= now_ms)
		return "expired";
	return token->uses_left == 0 ? "used" : "valid";
}

static int each_token(const struct ledger_token *token, void *userdata)
{
	struct lines *lines = userdata;
	_cleanup_buf_ struct buf scopes = BUF_INIT;
	char date[32];

	scopes_format(token->scopes, &scopes);
	buf_printf(lines->out, "%-8s  %-7s  %-20s  %-20s  %s\n", token->id,
		state_of_token(token, lines->now_ms), buf_str(&scopes),
		clock_format_utc(date, token->expires_ms, 0), token->name);
	return 0;
}

int command_text_tokens(struct ledger *ledger, int64_t now_ms, struct buf *out, struct error *error)
{
	struct lines lines = {out, now_ms};

	buf_printf(out, "%-8s  %-7s  %-20s  %-20s  %s\n", "ID", "STATE", "FOR", "UNTIL", "NAME");
	return ledger_tokens(ledger, each_token, &lines, error);
}

static int each_agent(const struct ledger_certificate *certificate, void *userdata)
{
	struct lines *lines = userdata;
	int64_t end_ms = certificate->credential.not_after_ms;
	char date[32];

	buf_printf(lines->out, "%-32s  %-7s  %-20s  %s\n", certificate->credential.agent_id,
		certificate->revoked_ms           ? "revoked"
			: end_ms <= lines->now_ms ? "expired"
						  : "valid",
		clock_format_utc(date, end_ms, 0), certificate->name);
	return 0;
}

int command_text_agents(struct ledger *ledger, int64_t now_ms, struct buf *out, struct error *error)
{
	struct lines lines = {out, now_ms};

	buf_printf(out, "%-32s  %-7s  %-20s  %s\n", "AGENT", "STATE", "UNTIL", "NAME");
	return ledger_agents(ledger, each_agent, &lines, error);
}

static int each_entry(const struct ledger_entry *entry, void *userdata)
{
	struct lines *lines = userdata;
	char date[32];

	buf_printf(lines->out, "%s  %s%s%s: %s %s%s%s\n", clock_format_utc(date, entry->time_ms, 0),
		entry->actor, *entry->address ? " at " : "", entry->address, entry->action, entry->subject,
		*entry->detail ? ", " : "", entry->detail);
	return 0;
}

int command_text_audit(struct ledger *ledger, size_t last, struct buf *out, struct error *error)
{
	struct lines lines = {out, 0};

	return ledger_audit(ledger, 0, last, each_entry, &lines, error);
}
