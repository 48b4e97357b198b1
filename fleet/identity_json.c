/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity_json.h"

#include "base/clock.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>

struct list {
	struct json json;
	int64_t now_ms;
	size_t count;
	uint64_t last;
};

static void write_time(struct json *json, const char *key, int64_t ms)
{
	char text[32];

	json_key(json, key);
	if (ms > 0)
		json_string(json, clock_format_utc(text, ms, 0));
	else
		json_null(json);
}

static void begin(struct list *list, const char *name, struct buf *out)
{
	json_init(&list->json, out);
	json_object_begin(&list->json);
	json_key(&list->json, name);
	json_array_begin(&list->json);
}

static void end(struct list *list)
{
	json_array_end(&list->json);
	json_object_end(&list->json);
}

static void write_token(struct json *json, const struct ledger_token *token)
{
	_cleanup_buf_ struct buf scopes = BUF_INIT;

	scopes_format(token->scopes, &scopes);
	json_kv_string(json, "id", token->id);
	json_kv_string(json, "name", token->name);
	json_kv_string(json, "scopes", buf_str(&scopes));
	json_kv_string(json, "agent_id", token->agent_id);
	write_time(json, "created", token->created_ms);
	json_kv_string(json, "created_by", token->created_by);
	write_time(json, "expires", token->expires_ms);
	json_key(json, "uses_left");
	if (token->uses_left == LEDGER_USES_ANY)
		json_null(json);
	else
		json_int(json, token->uses_left);
	write_time(json, "revoked", token->revoked_ms);
}

static int each_token(const struct ledger_token *token, void *userdata)
{
	struct list *list = userdata;

	json_object_begin(&list->json);
	write_token(&list->json, token);
	json_object_end(&list->json);
	return 0;
}

int identity_json_tokens(struct ledger *ledger, struct buf *out, struct error *error)
{
	struct list list = {};
	int r;

	begin(&list, "tokens", out);
	r = ledger_tokens(ledger, each_token, &list, error);
	end(&list);
	return r;
}

void identity_json_new_token(const struct ledger_token *token, const char *text, struct buf *out)
{
	struct json json;

	json_init(&json, out);
	json_object_begin(&json);
	json_kv_string(&json, "token", text);
	write_token(&json, token);
	json_object_end(&json);
}

static const char *state_of(const struct ledger_certificate *certificate, int64_t now_ms)
{
	if (certificate->revoked_ms)
		return "revoked";
	return certificate->credential.not_after_ms <= now_ms ? "expired" : "valid";
}

static int each_agent(const struct ledger_certificate *certificate, void *userdata)
{
	struct list *list = userdata;
	struct json *json = &list->json;

	json_object_begin(json);
	json_kv_string(json, "agent_id", certificate->credential.agent_id);
	json_kv_string(json, "name", certificate->name);
	json_kv_string(json, "state", state_of(certificate, list->now_ms));
	json_kv_string(json, "machine_id", certificate->credential.machine_id);
	json_kv_string(json, "serial", certificate->credential.serial);
	write_time(json, "issued", certificate->issued_ms);
	write_time(json, "expires", certificate->credential.not_after_ms);
	write_time(json, "revoked", certificate->revoked_ms);
	json_kv_string(json, "reason", certificate->reason);
	json_object_end(json);
	return 0;
}

int identity_json_agents(struct ledger *ledger, int64_t now_ms, struct buf *out, struct error *error)
{
	struct list list = {.now_ms = now_ms};
	int r;

	begin(&list, "agents", out);
	r = ledger_agents(ledger, each_agent, &list, error);
	end(&list);
	return r;
}

static int each_entry(const struct ledger_entry *entry, void *userdata)
{
	struct list *list = userdata;
	struct json *json = &list->json;

	json_object_begin(json);
	json_kv_int(json, "id", (int64_t)entry->id);
	write_time(json, "time", entry->time_ms);
	json_kv_string(json, "actor", entry->actor);
	json_kv_string(json, "address", entry->address);
	json_kv_string(json, "action", entry->action);
	json_kv_string(json, "subject", entry->subject);
	json_kv_string(json, "detail", entry->detail);
	json_object_end(json);
	list->count++;
	list->last = entry->id;
	return 0;
}

int identity_json_audit(
	struct ledger *ledger, uint64_t before, size_t limit, struct buf *out, struct error *error)
{
	struct list list = {};
	char next[24];
	int r;

	begin(&list, "entries", out);
	r = ledger_audit(ledger, before, limit, each_entry, &list, error);
	json_array_end(&list.json);
	json_key(&list.json, "next");
	snprintf(next, sizeof next, "%" PRIu64, list.last);
	if (list.count == limit)
		json_string(&list.json, next);
	else
		json_null(&list.json);
	json_object_end(&list.json);
	return r;
}
