/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets a certificate, and who may report as whom. */
#include "fleet/identity/identity.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>

#define NAME_MAX_BYTES 255
#define RENEWALS_IN_A_LIFE 50
#define CLONE_TOLD_EVERY_MS (INT64_C(3600) * 1000)

static bool is_id(const char *text)
{
	return strspn(text, "0123456789abcdef") == AUTHORITY_ID_SIZE - 1 && !text[AUTHORITY_ID_SIZE - 1];
}

static bool is_name(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return false;
	return length > 0 && length <= NAME_MAX_BYTES && utf8_valid(name, length);
}

static struct verdict refuse(int status, const char *code)
{
	return (struct verdict){.status = status, .code = code};
}

/* A failure of ours, not of the one who asks. */
static struct verdict failed(int r)
{
	return refuse(r == -EINVAL ? 400 : 503, r == -EINVAL ? "request-malformed" : "store-failed");
}

static int judge_form(const struct enrollment *request, uint8_t ret_key_hash[static 32], struct error *error)
{
	if (!is_id(request->agent_id))
		return error_set(error, -EINVAL, "agent_id is not 32 hexadecimal digits");
	if (!is_id(request->machine_id))
		return error_set(error, -EINVAL,
			"machine_id is not 32 hexadecimal digits: has the host an /etc/machine-id?");
	if (!is_name(request->name))
		return error_set(error, -EINVAL, "name is not one of a host");
	return authority_judge_request(request->csr, ret_key_hash, error);
}

/* One copy is told once an hour, however often it asks. */
static struct verdict tell_copy(struct identity *identity, const char *agent_id, const char *detail,
	const char *address, int64_t now_ms)
{
	struct verdict verdict = refuse(409, "cloned");
	char name[64];
	const struct actor actor = {name, address, now_ms};

	snprintf(name, sizeof name, "agent %s", agent_id);
	verdict.cloned = ledger_note(identity->ledger, &actor, "cloned", agent_id, detail,
				 CLONE_TOLD_EVERY_MS, NULL) > 0;
	return verdict;
}

static struct verdict cloned(struct identity *identity, const char *agent_id, const char *machine_id,
	const char *address, int64_t now_ms, struct error *error)
{
	char detail[300];

	snprintf(detail, sizeof detail, "on machine %s", machine_id);
	error_set(error, -EEXIST,
		"agent %s belongs to another machine, this one is a copy: it needs an identity of its own, "
		"run `gavea "
		"enroll` on it with a new token",
		agent_id);
	return tell_copy(identity, agent_id, detail, address, now_ms);
}

/* The machine's id was copied, too. */
static struct verdict doubled(
	struct identity *identity, const struct claim *claim, int64_t now_ms, struct error *error)
{
	char detail[300];

	snprintf(detail, sizeof detail, "in boot %s", claim->boot_id);
	error_set(error, -EEXIST,
		"two machines report as agent %s, and this one came later: it is a copy. Run `gavea enroll "
		"--new-id` on it with "
		"a new token and restart gavead; its machine id was copied, too, systemd-machine-id-setup "
		"makes one",
		claim->agent_id);
	return tell_copy(identity, claim->agent_id, detail, claim->address, now_ms);
}

static int issue(struct identity *identity, const struct actor *actor, const char *action,
	const struct enrollment *request, const char *token_id, bool replace, struct buf *ret_pem,
	struct error *error)
{
	struct ledger_certificate certificate = {.name = (char *)request->name, .issued_ms = actor->now_ms};
	_cleanup_buf_ struct buf pem = BUF_INIT;
	int r = authority_issue(identity->authority, request->csr, request->agent_id, request->machine_id,
		actor->now_ms, identity->lifetime_ms, &certificate.credential, &pem, error);

	if (r < 0)
		return r;
	snprintf(certificate.token_id, sizeof certificate.token_id, "%s", token_id);
	certificate.pem = (char *)buf_str(&pem);
	r = ledger_add_certificate(identity->ledger, actor, action, &certificate, replace, error);
	if (r == 0)
		buf_add_str(ret_pem, buf_str(&pem));
	return r;
}

/* Whether the certificate that an agent had before stands in the way of another one. */
static struct verdict judge_before(struct identity *identity, const struct ledger_token *token,
	const struct enrollment *request, const struct ledger_certificate *before, bool same_key,
	const char *address, int64_t now_ms, struct error *error)
{
	const struct credential *credential = &before->credential;
	bool own = streq(token->agent_id, request->agent_id);
	bool lives = before->revoked_ms == 0 && credential->not_after_ms > now_ms;

	if (own)
		return (struct verdict){.status = 201};
	if (!streq(credential->machine_id, request->machine_id))
		return cloned(identity, request->agent_id, request->machine_id, address, now_ms, error);
	if (before->revoked_ms > token->created_ms) {
		error_set(error, -EACCES,
			"agent %s was revoked after this token was made: it takes a newer token to let it in "
			"again",
			request->agent_id);
		return refuse(403, "agent-revoked");
	}
	if (lives && !same_key) {
		error_set(error, -EEXIST,
			"agent %s has a certificate already: revoke that first (gavea-fleetd agent revoke "
			"%s), or use a "
			"token that was made with --agent %s",
			request->agent_id, request->agent_id, request->agent_id);
		return refuse(409, "already-enrolled");
	}
	return (struct verdict){.status = 201};
}

static struct verdict enroll(struct identity *identity, const struct ledger_token *token,
	const struct enrollment *request, const uint8_t key_hash[static 32],
	struct ledger_certificate *before, const char *address, int64_t now_ms, struct buf *ret_pem,
	struct error *error)
{
	char name[64];
	const struct actor actor = {name, address, now_ms};
	struct verdict verdict = {.status = 201};
	bool known = before->pem != NULL;
	bool same_key = known && memcmp(before->credential.key_hash, key_hash, 32) == 0;
	int r;

	if (known)
		verdict = judge_before(identity, token, request, before, same_key, address, now_ms, error);
	if (verdict.code)
		return verdict;
	/* The answer of before was lost: the same again, and the token is not used up twice. */
	if (same_key && before->revoked_ms == 0 && before->credential.not_after_ms > now_ms &&
		streq(before->credential.machine_id, request->machine_id)) {
		buf_add_str(ret_pem, before->pem);
		return (struct verdict){.status = 200};
	}
	snprintf(name, sizeof name, "agent %s", request->agent_id);
	r = issue(identity, &actor, "enrolled", request, token->id, true, ret_pem, error);
	if (r == -EKEYEXPIRED)
		return refuse(401, "token-used");
	return r < 0 ? failed(r) : verdict;
}

struct verdict identity_enroll(struct identity *identity, const struct ledger_token *token,
	const struct enrollment *request, const char *address, int64_t now_ms, struct buf *ret_pem,
	struct error *error)
{
	_cleanup_(ledger_certificate_done) struct ledger_certificate before = {};
	uint8_t key_hash[32];
	int r = judge_form(request, key_hash, error);

	if (r < 0)
		return failed(r);
	if (*token->agent_id && !streq(token->agent_id, request->agent_id)) {
		error_set(error, -EACCES, "this token is for agent %s only, and this is %s", token->agent_id,
			request->agent_id);
		return refuse(403, "token-other-agent");
	}
	r = ledger_newest(identity->ledger, request->agent_id, &before, error);
	if (r < 0)
		return failed(r);
	return enroll(identity, token, request, key_hash, &before, address, now_ms, ret_pem, error);
}

struct verdict identity_renew(struct identity *identity, const struct credential *present,
	const struct enrollment *request, const char *address, int64_t now_ms, struct buf *ret_pem,
	struct error *error)
{
	_cleanup_(ledger_certificate_done) struct ledger_certificate newest = {};
	char name[64];
	const struct actor actor = {name, address, now_ms};
	uint8_t key_hash[32];
	int r = judge_form(request, key_hash, error);

	if (r < 0)
		return failed(r);
	if (!streq(present->agent_id, request->agent_id)) {
		error_set(error, -EACCES, "the certificate is that of agent %s, and this is %s",
			present->agent_id, request->agent_id);
		return refuse(403, "agent-mismatch");
	}
	if (!streq(present->machine_id, request->machine_id))
		return cloned(identity, request->agent_id, request->machine_id, address, now_ms, error);
	r = ledger_newest(identity->ledger, request->agent_id, &newest, error);
	if (r < 0)
		return failed(r);
	if (r > 0 && newest.revoked_ms == 0 && memcmp(newest.credential.key_hash, key_hash, 32) == 0 &&
		newest.credential.not_before_ms > present->not_before_ms) {
		buf_add_str(ret_pem, newest.pem);
		return (struct verdict){.status = 200};
	}
	if (r > 0 && now_ms - newest.issued_ms < identity->lifetime_ms / RENEWALS_IN_A_LIFE) {
		error_set(error, -EBUSY, "agent %s was given a certificate a moment ago", request->agent_id);
		return refuse(429, "renewed-too-often");
	}
	snprintf(name, sizeof name, "agent %s", request->agent_id);
	r = issue(identity, &actor, "renewed", request, "", false, ret_pem, error);
	return r < 0 ? failed(r) : (struct verdict){.status = 201};
}

static struct verdict judge_with_certificate(struct identity *identity, const struct credential *credential,
	const struct claim *claim, int64_t now_ms, struct error *error)
{
	if (!streq(credential->agent_id, claim->agent_id)) {
		error_set(error, -EACCES, "the certificate is that of agent %s, and this report is of %s",
			credential->agent_id, claim->agent_id);
		return refuse(403, "agent-mismatch");
	}
	if (!streq(credential->machine_id, claim->machine_id))
		return cloned(identity, claim->agent_id, claim->machine_id, claim->address, now_ms, error);
	if (sightings_is_copy(identity->sightings, claim->agent_id, claim->spool_id, claim->boot_id, now_ms))
		return doubled(identity, claim, now_ms, error);
	return (struct verdict){.status = 200};
}

struct verdict identity_judge_report(struct identity *identity, const struct credential *credential,
	const struct claim *claim, int64_t now_ms, struct error *error)
{
	_cleanup_(ledger_certificate_done) struct ledger_certificate newest = {};
	int r;

	if (!identity->authority)
		return (struct verdict){.status = 200};
	if (credential)
		return judge_with_certificate(identity, credential, claim, now_ms, error);
	/* Else whoever has a token for reports could speak for all agents. */
	r = ledger_newest(identity->ledger, claim->agent_id, &newest, error);
	if (r < 0)
		return failed(r);
	if (r > 0 && newest.credential.not_after_ms > now_ms) {
		error_set(error, -EACCES,
			"agent %s has a certificate and must report with it: run `gavea enroll` on that host "
			"if it is "
			"lost",
			claim->agent_id);
		return refuse(403, "certificate-required");
	}
	return (struct verdict){.status = 200};
}
