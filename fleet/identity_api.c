/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity_api.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "fleet/identity/token_form.h"
#include "fleet/identity_body.h"
#include "fleet/identity_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#define BODY_MAX 32768
#define AUDIT_DEFAULT 100
#define AUDIT_MAX 1000

enum who {
	WHO_ANYBODY,
	WHO_ENROLL,
	WHO_AGENT,
	WHO_READ,
	WHO_ADMIN,
};

typedef void (*answer_fn)(
	struct server *server, struct httpd_request *request, const struct principal *who, const char *rest);

/* ---- What all answers need ---- */

static void answer_json(struct httpd_request *request, int status, struct buf *body)
{
	buf_add_char(body, '\n');
	if (buf_error(body) < 0)
		httpd_answer_error(request, 503, "out of memory");
	else
		httpd_answer(request, status, "application/json", buf_str(body), body->size);
}

static void answer_failure(struct httpd_request *request, const struct error *error, int r)
{
	int status = r == -ENOENT ? 404 : r == -EINVAL ? 400 : r == -ENOSPC ? 409 : 503;

	httpd_answer_error(request, status, "%s", error_text(error, r));
}

/* The name is in a buffer of the caller's. */
static struct actor make_actor(struct httpd_request *request, const struct principal *who, struct buf *name)
{
	principal_format(who, name);
	return (struct actor){buf_str(name), httpd_peer(request), clock_unix_ms()};
}

/* NULL: answered with an error. */
static struct body *read_body(struct httpd_request *request)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct body *body = NULL;
	size_t size;
	const void *bytes = httpd_body(request, &size);
	int r = body_parse(bytes, size, &body, &error);

	if (r < 0)
		httpd_answer_code(request, 400, "request-malformed", "%s", error_text(&error, r));
	return body;
}

static const char *text_of(const struct body *body, const char *key)
{
	const char *text = body_text(body, key);

	return text ? text : "";
}

/* ---- Agents ask ---- */

static void answer_ca(struct server *server, struct httpd_request *request,
	const struct principal *who _unused_, const char *rest _unused_)
{
	const char *pem = authority_pem(server->identity->authority);

	httpd_answer(request, 200, "application/x-pem-file", pem, strlen(pem));
}

static void tell_clone(struct server *server, const char *agent_id, const char *name, const char *address)
{
	writer_note(server->writer, agent_id, name, "cloned-agent", GAVEA_WARNING,
		"a copy of this agent asks from %s on another machine; it was refused and has to get an "
		"identity of its "
		"own",
		address);
}

static void answer_certificate(struct server *server, struct httpd_request *request,
	const struct enrollment *enrollment, const struct verdict *verdict, const struct buf *pem,
	const struct error *error)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct json json;

	if (verdict->cloned)
		tell_clone(server, enrollment->agent_id, enrollment->name, httpd_peer(request));
	if (verdict->status == 429)
		httpd_set_header(request, "Retry-After", "60");
	if (verdict->code) {
		httpd_answer_code(request, verdict->status, verdict->code, "%s", error_text(error, -EACCES));
		return;
	}
	json_init(&json, &body);
	json_object_begin(&json);
	json_kv_string(&json, "agent_id", enrollment->agent_id);
	json_kv_string(&json, "certificate", buf_str(pem));
	json_kv_string(&json, "ca", authority_pem(server->identity->authority));
	json_kv_int(&json, "server_time_ms", clock_unix_ms());
	json_object_end(&json);
	answer_json(request, verdict->status, &body);
}

static struct enrollment read_enrollment(const struct body *body)
{
	return (struct enrollment){
		.agent_id = text_of(body, "agent_id"),
		.machine_id = text_of(body, "machine_id"),
		.name = text_of(body, "name"),
		.csr = text_of(body, "csr"),
	};
}

static void answer_enroll(struct server *server, struct httpd_request *request, const struct principal *who,
	const char *rest _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_(body_freep) struct body *body = read_body(request);
	struct enrollment enrollment;
	struct verdict verdict;

	if (!body)
		return;
	enrollment = read_enrollment(body);
	verdict = identity_enroll(server->identity, &who->token, &enrollment, httpd_peer(request),
		clock_unix_ms(), &pem, &error);
	answer_certificate(server, request, &enrollment, &verdict, &pem, &error);
}

static void answer_renew(struct server *server, struct httpd_request *request, const struct principal *who,
	const char *rest _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_(body_freep) struct body *body = read_body(request);
	struct enrollment enrollment;
	struct verdict verdict;

	if (!body)
		return;
	enrollment = read_enrollment(body);
	verdict = identity_renew(server->identity, &who->credential, &enrollment, httpd_peer(request),
		clock_unix_ms(), &pem, &error);
	answer_certificate(server, request, &enrollment, &verdict, &pem, &error);
}

/* ---- Tokens ---- */

static void answer_tokens(struct server *server, struct httpd_request *request,
	const struct principal *who _unused_, const char *rest _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf body = BUF_INIT;
	int r = identity_json_tokens(server->identity->ledger, &body, &error);

	if (r < 0)
		answer_failure(request, &error, r);
	else
		answer_json(request, 200, &body);
}

static void answer_token_create(struct server *server, struct httpd_request *request,
	const struct principal *who, const char *rest _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf name = BUF_INIT;
	_cleanup_secret_ struct buf answer = BUF_INIT, text = BUF_INIT;
	struct ledger_token token = {};
	struct token_form form = {};
	const struct actor actor = make_actor(request, who, &name);
	_cleanup_(body_freep) struct body *body = read_body(request);
	int r;

	if (!body)
		return;
	form = (struct token_form){
		.scopes = body_text(body, "scopes"),
		.name = body_text(body, "name"),
		.expires = body_text(body, "expires"),
		.agent_id = body_text(body, "agent_id"),
		.uses = body_number(body, "uses"),
	};
	r = token_form_make(&form, server->identity, &actor, &token, &text, &error);
	if (r < 0) {
		answer_failure(request, &error, r);
	} else {
		identity_json_new_token(&token, buf_str(&text), &answer);
		answer_json(request, 201, &answer);
	}
	ledger_token_done(&token);
}

static void answer_token_revoke(
	struct server *server, struct httpd_request *request, const struct principal *who, const char *rest)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf name = BUF_INIT;
	const struct actor actor = make_actor(request, who, &name);
	int r = ledger_revoke_token(server->identity->ledger, &actor, rest, &error);

	if (r < 0)
		answer_failure(request, &error, r);
	else
		httpd_answer(request, 204, NULL, "", 0);
}

/* ---- Agents and the log ---- */

static void answer_agents(struct server *server, struct httpd_request *request,
	const struct principal *who _unused_, const char *rest _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf body = BUF_INIT;
	int r = identity_json_agents(server->identity->ledger, clock_unix_ms(), &body, &error);

	if (r < 0)
		answer_failure(request, &error, r);
	else
		answer_json(request, 200, &body);
}

static void answer_agent_revoke(
	struct server *server, struct httpd_request *request, const struct principal *who, const char *rest)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf name = BUF_INIT;
	const struct actor actor = make_actor(request, who, &name);
	_cleanup_(body_freep) struct body *body = read_body(request);
	const char *reason;
	int r;

	if (!body)
		return;
	reason = text_of(body, "reason");
	if (strlen(reason) > 255)
		r = error_set(&error, -EINVAL, "reason is longer than 255 bytes");
	else
		r = ledger_revoke_agent(
			server->identity->ledger, &actor, rest, *reason ? reason : "revoked", &error);
	if (r < 0)
		answer_failure(request, &error, r);
	else
		httpd_answer(request, 204, NULL, "", 0);
}

static void answer_audit(struct server *server, struct httpd_request *request,
	const struct principal *who _unused_, const char *rest _unused_)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf body = BUF_INIT;
	const char *limit_text = httpd_query(request, "limit"), *before_text = httpd_query(request, "before");
	uint64_t limit = AUDIT_DEFAULT, before = 0;
	int r;

	if (limit_text && (parse_uint64(limit_text, &limit) < 0 || limit < 1 || limit > AUDIT_MAX)) {
		httpd_answer_error(request, 400, "limit is not a number between 1 and %d", AUDIT_MAX);
		return;
	}
	if (before_text && (parse_uint64(before_text, &before) < 0 || before > INT64_MAX)) {
		httpd_answer_error(request, 400, "before is not the id of an entry");
		return;
	}
	r = identity_json_audit(server->identity->ledger, before, (size_t)limit, &body, &error);
	if (r < 0)
		answer_failure(request, &error, r);
	else
		answer_json(request, 200, &body);
}

/* ---- Which is asked for ---- */

/* "*" stands for one part of a path. */
static const struct route {
	const char *method, *path;
	enum who who;
	answer_fn answer;
} routes[] = {
	{"GET", "/v1/ca", WHO_ANYBODY, answer_ca},
	{"POST", "/v1/enroll", WHO_ENROLL, answer_enroll},
	{"POST", "/v1/renew", WHO_AGENT, answer_renew},
	{"GET", "/v1/tokens", WHO_ADMIN, answer_tokens},
	{"POST", "/v1/tokens", WHO_ADMIN, answer_token_create},
	{"DELETE", "/v1/tokens/*", WHO_ADMIN, answer_token_revoke},
	{"GET", "/v1/agents", WHO_READ, answer_agents},
	{"POST", "/v1/agents/*/revoke", WHO_ADMIN, answer_agent_revoke},
	{"GET", "/v1/audit", WHO_ADMIN, answer_audit},
};

static bool path_fits(const char *pattern, const char *path)
{
	for (; *pattern && *path; pattern++) {
		if (*pattern == '*') {
			size_t part = strcspn(path, "/");

			if (part == 0)
				return false;
			path += part;
		} else if (*pattern != *path++) {
			return false;
		}
	}
	return !*pattern && !*path;
}

/* NULL: no such address, or (with *ret_methods) not with this method. */
static const struct route *find_route(const char *method, const char *path, struct buf *ret_methods)
{
	if (streq(method, "HEAD"))
		method = "GET";
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!path_fits(routes[i].path, path))
			continue;
		if (streq(routes[i].method, method))
			return &routes[i];
		buf_printf(ret_methods, "%s%s", ret_methods->size ? ", " : "", routes[i].method);
	}
	return NULL;
}

bool identity_api_has(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (path_fits(routes[i].path, path))
			return true;
	return false;
}

static int judge(
	struct server *server, struct httpd_request *request, enum who who, struct principal *ret_principal)
{
	switch (who) {
	case WHO_ANYBODY:
		return 0;
	case WHO_AGENT:
		return access_judge_agent(&server->access, request, ret_principal);
	case WHO_ENROLL:
		return access_judge(&server->access, request, SCOPE_ENROLL, ret_principal);
	case WHO_READ:
		return access_judge(&server->access, request, SCOPE_READ, ret_principal);
	default:
		return access_judge(&server->access, request, SCOPE_ADMIN, ret_principal);
	}
}

static bool is_json(struct httpd_request *request)
{
	const char *type = httpd_header(request, "Content-Type");

	return type && strncasecmp(type, "application/json", 16) == 0 &&
		(!type[16] || strchr("; ", type[16]));
}

/* Pages of others may have a browser send forms with the password that it remembers, but no JSON. */
ssize_t identity_api_admit(struct server *server, struct httpd_request *request)
{
	_cleanup_buf_ struct buf methods = BUF_INIT;
	const struct route *route = find_route(httpd_method(request), httpd_path(request), &methods);
	_cleanup_(principal_done) struct principal principal = {};
	int r;

	if (!route) {
		httpd_set_header(request, "Allow", buf_str(&methods));
		return -405;
	}
	if (!server->identity->authority &&
		(route->who == WHO_ENROLL || route->who == WHO_AGENT || streq(route->path, "/v1/ca"))) {
		httpd_set_refusal(request, "identity-off",
			"this server gives no certificates: its configuration has not got identity = true");
		return -404;
	}
	r = judge(server, request, route->who, &principal);
	if (r == -401)
		httpd_set_header(request, "WWW-Authenticate", "Bearer");
	if (r < 0)
		return r;
	if (!streq(route->method, "POST"))
		return 0;
	if (!is_json(request)) {
		httpd_set_refusal(request, "not-json", "this takes Content-Type: application/json");
		return -415;
	}
	return BODY_MAX;
}

void identity_api_handle(struct server *server, struct httpd_request *request)
{
	_cleanup_buf_ struct buf methods = BUF_INIT;
	const struct route *route = find_route(httpd_method(request), httpd_path(request), &methods);
	_cleanup_(principal_done) struct principal principal = {};
	_cleanup_buf_ struct buf rest = BUF_INIT;
	const char *star;
	int r;

	httpd_set_header(request, "Cache-Control", "no-store");
	/* Again: it may have been revoked while the body was on its way. */
	r = route ? judge(server, request, route->who, &principal) : -404;
	if (r < 0) {
		httpd_answer_code(request, -r, "token-revoked", "refused");
		return;
	}
	star = strchr(route->path, '*');
	if (star) {
		const char *part = httpd_path(request) + (star - route->path);

		buf_add(&rest, part, strcspn(part, "/"));
	}
	route->answer(server, request, &principal, buf_str(&rest));
}
