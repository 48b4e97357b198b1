/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/access.h"

#include "base/clock.h"

#include <errno.h>

void principal_done(struct principal *principal)
{
	ledger_token_done(&principal->token);
	*principal = (struct principal){};
}

void principal_format(const struct principal *principal, struct buf *out)
{
	switch (principal->kind) {
	case PRINCIPAL_TOKEN:
		buf_printf(out, "token %s", principal->token.id);
		if (*principal->token.name)
			buf_printf(out, " (%s)", principal->token.name);
		break;
	case PRINCIPAL_AGENT:
		buf_printf(out, "agent %s", principal->credential.agent_id);
		break;
	case PRINCIPAL_CONFIGURED:
		buf_add_str(out, "token of the configuration");
		break;
	default:
		buf_add_str(out, "anybody");
	}
}

/* Who may administer may operate, and who may operate may look. */
static unsigned widen(unsigned scopes)
{
	if (scopes & SCOPE_ADMIN)
		scopes |= SCOPE_OPERATE;
	if (scopes & SCOPE_OPERATE)
		scopes |= SCOPE_READ;
	return scopes;
}

/* ---- Certificates ---- */

/* What the connection's certificate says stays the same, so it is verified once; whether it counts is asked each time. NULL:
 * it is not one of an agent, or there is no memory. */
static const struct credential *get_credential(struct access *access, struct httpd_request *request,
	const void *der, size_t size, struct error *error)
{
	struct credential *credential = httpd_kept(request);

	if (credential)
		return credential;
	credential = malloc(sizeof *credential);
	if (!credential)
		return NULL;
	if (authority_verify(access->identity->authority, der, size, credential, error) < 0) {
		free(credential);
		return NULL;
	}
	httpd_keep(request, credential, free);
	return credential;
}

static int judge_certificate(struct access *access, struct httpd_request *request, const void *der,
	size_t size, struct principal *ret_principal)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	const struct credential *credential = get_credential(access, request, der, size, &error);
	const char *code = "certificate-unknown";
	int r = -EACCES;

	if (credential)
		r = identity_judge(access->identity, credential, clock_unix_ms(), &code, &error);
	if (r == -EACCES) {
		httpd_set_refusal(request, code, "%s", error_text(&error, r));
		return -401;
	}
	if (r < 0) {
		httpd_set_refusal(request, "store-failed", "%s", error_text(&error, r));
		return -503;
	}
	ret_principal->credential = *credential;
	ret_principal->kind = PRINCIPAL_AGENT;
	ret_principal->scopes = SCOPE_REPORT;
	return 0;
}

int access_judge_agent(struct access *access, struct httpd_request *request, struct principal *ret_principal)
{
	size_t size = 0;
	const void *der = access->identity->authority ? httpd_peer_certificate(request, &size) : NULL;

	if (der)
		return judge_certificate(access, request, der, size, ret_principal);
	httpd_set_refusal(request, "certificate-missing",
		"this takes the certificate of an agent: `gavea enroll` gets one");
	return -401;
}

/* ---- Tokens ---- */

static int refuse(struct httpd_request *request, int status, const char *code, const char *text)
{
	httpd_set_refusal(request, code, "%s", text);
	return -status;
}

static int judge_token(struct httpd_request *request, unsigned needed, struct principal *principal)
{
	const struct ledger_token *token = &principal->token;
	_cleanup_buf_ struct buf scopes = BUF_INIT, wanted = BUF_INIT;
	char date[32];

	if (token->revoked_ms) {
		httpd_set_refusal(request, "token-revoked", "token %s was revoked at %s", token->id,
			clock_format_utc(date, token->revoked_ms, 0));
		return -401;
	}
	if (token->expires_ms <= clock_unix_ms()) {
		httpd_set_refusal(request, "token-expired", "token %s ended at %s", token->id,
			clock_format_utc(date, token->expires_ms, 0));
		return -401;
	}
	principal->kind = PRINCIPAL_TOKEN;
	principal->scopes = widen(token->scopes);
	if (principal->scopes & needed)
		return 0;
	scopes_format(token->scopes, &scopes);
	scopes_format(needed, &wanted);
	httpd_set_refusal(request, "scope", "token %s is for %s, and this takes one for %s", token->id,
		buf_str(&scopes), buf_str(&wanted));
	return -403;
}

/* 1: it is none of ours. */
static int judge_ledger_token(struct access *access, struct httpd_request *request, const char *text,
	unsigned needed, struct principal *ret_principal)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	uint8_t hash[SECRET_HASH_SIZE];
	int r;

	if (!startswith(text, "gavea_"))
		return 1;
	if (!secret_hash(text, hash))
		return refuse(
			request, 401, "token-damaged", "this token is damaged: was it copied as a whole?");
	r = ledger_find_token(access->identity->ledger, hash, &ret_principal->token, &error);
	if (r < 0)
		return refuse(request, 503, "store-failed", error_text(&error, r));
	if (r == 0)
		return refuse(request, 401, "token-unknown", "this server does not know this token");
	return judge_token(request, needed, ret_principal);
}

static bool fits(const struct token *token, const char *header)
{
	return token->set && token_fits(token, header);
}

static int judge_configured(struct access *access, struct httpd_request *request, unsigned needed,
	struct principal *ret_principal)
{
	const char *header = httpd_header(request, "Authorization");
	bool reads = needed == SCOPE_READ, known = reads || needed == SCOPE_REPORT, open;
	struct token report, read, *token = reads ? &read : &report;

	pthread_mutex_lock(&access->mutex);
	report = access->report_token;
	read = access->read_token;
	open = access->open && known && !token->set;
	pthread_mutex_unlock(&access->mutex);
	if (open || (known && fits(token, header))) {
		ret_principal->kind = open ? PRINCIPAL_ANYBODY : PRINCIPAL_CONFIGURED;
		ret_principal->scopes = needed;
		return 0;
	}
	if (!known && (fits(&read, header) || fits(&report, header)))
		return refuse(request, 403, "scope",
			"a token of the configuration reads or reports; gavea-fleetd token create makes "
			"others");
	return refuse(request, 401, "token-missing", "a valid token is needed: Authorization: Bearer TOKEN");
}

int access_judge(struct access *access, struct httpd_request *request, unsigned needed,
	struct principal *ret_principal)
{
	_cleanup_secret_ struct buf text = BUF_INIT;
	size_t size = 0;
	const void *der = NULL;
	int r = 1;

	/* A certificate that does not count is told, even when there is a token beside it. */
	if (needed == SCOPE_REPORT && access->identity->authority)
		der = httpd_peer_certificate(request, &size);
	if (der)
		return judge_certificate(access, request, der, size, ret_principal);
	if (secret_from_header(httpd_header(request, "Authorization"), &text))
		r = judge_ledger_token(access, request, buf_str(&text), needed, ret_principal);
	return r > 0 ? judge_configured(access, request, needed, ret_principal) : r;
}
