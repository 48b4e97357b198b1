/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/server.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "fleet/identity_api.h"
#include "fleet/web/web.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>

#define PEM_MAX ((size_t)1 << 20)

static bool is_type(const char *header, const char *type)
{
	size_t length = strlen(type);

	return header && strncasecmp(header, type, length) == 0 &&
		(header[length] == 0 || header[length] == ';');
}

/* 0, or a negative status. */
static int judge_access(struct server *server, struct httpd_request *request, unsigned scope)
{
	_cleanup_(principal_done) struct principal principal = {};

	return access_judge(&server->access, request, scope, &principal);
}

void server_set_tokens(struct server *server, const struct settings *settings)
{
	struct token report = token_make(settings->report_token), read = token_make(settings->read_token);

	pthread_mutex_lock(&server->access.mutex);
	server->access.report_token = report;
	server->access.read_token = read;
	server->access.open = settings_open(settings);
	pthread_mutex_unlock(&server->access.mutex);
}

static ssize_t admit_report(struct server *server, struct httpd_request *request)
{
	int r;

	if (!streq(httpd_method(request), "POST")) {
		httpd_set_header(request, "Allow", "POST");
		return -405;
	}
	r = judge_access(server, request, SCOPE_REPORT);
	if (r < 0) {
		server->metrics.reports[METRICS_UNAUTHORISED]++;
		if (r == -401)
			httpd_set_header(request, "WWW-Authenticate", "Bearer");
		return r;
	}
	if (!is_type(httpd_header(request, "Content-Type"), "application/x-protobuf") ||
		report_encoding_from_name(httpd_header(request, "Content-Encoding")) < 0) {
		server->metrics.reports[METRICS_MALFORMED]++;
		return -415;
	}
	return server_admit_report(server, request);
}

/* What changes something needs more than a token to read. Where none is asked for, whoever reaches the server may. */
static ssize_t admit_change(struct server *server, struct httpd_request *request)
{
	bool open;

	pthread_mutex_lock(&server->access.mutex);
	open = server->access.open && !server->access.read_token.set;
	pthread_mutex_unlock(&server->access.mutex);
	return open ? 0 : judge_access(server, request, SCOPE_OPERATE);
}

static ssize_t admit(struct httpd_request *request, void *userdata)
{
	struct server *server = userdata;
	const char *path = httpd_path(request), *method = httpd_method(request);
	int r;

	server->metrics.requests++;
	if (streq(path, "/v1/report"))
		return admit_report(server, request);
	if (identity_api_has(path))
		return identity_api_admit(server, request);
	if (streq(method, "DELETE") && startswith(path, "/v1/hosts/"))
		return admit_change(server, request);
	if (!streq(method, "GET") && !streq(method, "HEAD")) {
		httpd_set_header(request, "Allow", "GET, HEAD");
		return -405;
	}
	if (streq(path, "/healthz"))
		return 0;
	r = judge_access(server, request, SCOPE_READ);
	if (r == -401)
		httpd_set_header(request, "WWW-Authenticate",
			startswith(path, "/v1/") ? "Bearer" : "Basic realm=\"gavea\", charset=\"UTF-8\"");
	return r;
}

static void handle(struct httpd_request *request, void *userdata)
{
	struct server *server = userdata;
	const char *path = httpd_path(request);

	if (streq(path, "/v1/report")) {
		server_report(server, request);
	} else if (identity_api_has(path)) {
		identity_api_handle(server, request);
	} else if (startswith(path, "/v1/") || streq(path, "/healthz") || streq(path, "/metrics")) {
		httpd_set_header(request, "Cache-Control", "no-store");
		server_api(server, request);
	} else if (!web_handle(server->web, request))
		httpd_answer_error(request, 404, "there is nothing at this address");
}

static int read_pem(const char *path, struct buf *pem, struct error *error)
{
	int r = path ? file_read(AT_FDCWD, path, PEM_MAX, pem) : 0;

	return r < 0 ? error_set(error, r, "can't read %s: %s", path, strerror(-r)) : 0;
}

static int start_http(struct server *server, const struct settings *settings, struct error *error)
{
	_cleanup_buf_ struct buf certificate = BUF_INIT, key = BUF_INIT;
	struct httpd_settings http = {
		.address = settings->address,
		.port = settings->port,
		.threads = settings->threads,
		.max_connections = settings->max_connections,
		.max_connections_per_address = settings->max_connections_per_address,
		.idle_timeout_s = settings->idle_timeout_s,
		.max_body = REPORT_BODY_MAX,
	};
	int r;

	if (server->identity->server_certificate) {
		r = identity_server_certificate(server->identity, clock_unix_ms(), &certificate, &key, error);
	} else {
		r = read_pem(settings->certificate, &certificate, error);
		if (r == 0)
			r = read_pem(settings->key, &key, error);
	}
	if (r < 0)
		return r;
	if (server->identity->authority)
		http.client_authorities_pem = authority_pem(server->identity->authority);
	if (certificate.size > 0) {
		http.certificate_pem = buf_str(&certificate);
		http.key_pem = buf_str(&key);
	}
	r = httpd_start(&http, admit, handle, server, &server->httpd, error);
	if (key.data)
		explicit_bzero(key.data, key.room);
	return r;
}

static int open_identity(struct server *server, const struct settings *settings, struct error *error)
{
	const struct identity_settings identity = {
		.folder = settings->state,
		.authority = settings->identity,
		.server_certificate = settings->identity && !settings->certificate,
		.names = (const char *const *)settings->names,
		.name_count = settings->name_count,
		.address = settings->address,
		.lifetime_ms = settings->certificate_lifetime_ms,
	};
	int r = identity_open(&identity, &server->identity, error);

	server->access.identity = server->identity;
	return r;
}

int server_reload_certificate(struct server *server, const struct settings *settings, struct error *error)
{
	_cleanup_buf_ struct buf certificate = BUF_INIT;
	_cleanup_secret_ struct buf key = BUF_INIT;
	int r = read_pem(settings->certificate, &certificate, error);

	if (!settings->certificate)
		return 0;
	if (r == 0)
		r = read_pem(settings->key, &key, error);
	if (r == 0)
		r = httpd_set_certificate(server->httpd, buf_str(&certificate), buf_str(&key), error);
	return r;
}

int server_tick_ms(const struct settings *settings)
{
	return (int)MIN(MAX(settings->certificate_lifetime_ms / 60, 100), 60000);
}

void server_tick(struct server *server)
{
	_cleanup_buf_ struct buf certificate = BUF_INIT;
	_cleanup_secret_ struct buf key = BUF_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (!server->identity->server_certificate)
		return;
	r = identity_server_certificate(server->identity, clock_unix_ms(), &certificate, &key, &error);
	if (r > 0) {
		r = httpd_set_certificate(server->httpd, buf_str(&certificate), buf_str(&key), &error);
		if (r == 0)
			log_notice("the server's certificate was renewed");
	}
	if (r < 0)
		log_error("the server's certificate can't be renewed: %s", error_text(&error, r));
}

static int prepare(struct server *server, const struct settings *settings, struct error *error)
{
	int r = model_new((const char *const *)settings->plots, settings->plot_count, &server->model);

	if (r < 0)
		return error_set(error, r,
			r == -EINVAL ? "plots: at most %d more, each the name of a series" : "out of memory",
			26);
	r = store_open(settings->state, &server->store, error);
	if (r < 0)
		return r;
	r = open_identity(server, settings, error);
	if (r < 0)
		return r;
	server->decoders = decoders_new();
	server->writer = writer_new(server->model, server->store, &server->metrics, &settings->writer);
	server->web = web_new(server->model, server->store);
	server->admission = admission_new(&settings->admission);
	server->bodies_max = settings->writer.queue_bytes;
	if (!server->admission || !server->decoders || !server->writer || !server->web)
		return error_set(error, -ENOMEM, "out of memory");
	server_set_tokens(server, settings);
	r = writer_load(server->writer, server->decoders, error);
	return r < 0 ? r : writer_start(server->writer);
}

int server_start(const struct settings *settings, struct server **ret_server, struct error *error)
{
	struct server *server = calloc(1, sizeof *server);
	int r;

	if (!server)
		return error_set(error, -ENOMEM, "out of memory");
	pthread_mutex_init(&server->access.mutex, NULL);
	r = prepare(server, settings, error);
	if (r == 0)
		r = start_http(server, settings, error);
	if (r < 0) {
		server_stop(server);
		return r;
	}
	*ret_server = server;
	return 0;
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	/* In this order: requests that wait are answered by the writer. */
	httpd_stop(server->httpd);
	writer_free(server->writer);
	web_free(server->web);
	decoders_free(server->decoders);
	admission_free(server->admission);
	store_close(server->store);
	model_free(server->model);
	identity_close(server->identity);
	pthread_mutex_destroy(&server->access.mutex);
	free(server);
}
