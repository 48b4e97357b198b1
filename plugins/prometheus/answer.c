/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "base/clock.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <strings.h>

#define PLAIN "text/plain; charset=utf-8"

static const int codes[SCRAPE_CODES] = {
	[SCRAPE_200] = MHD_HTTP_OK,
	[SCRAPE_400] = MHD_HTTP_BAD_REQUEST,
	[SCRAPE_401] = MHD_HTTP_UNAUTHORIZED,
	[SCRAPE_403] = MHD_HTTP_FORBIDDEN,
	[SCRAPE_404] = MHD_HTTP_NOT_FOUND,
	[SCRAPE_405] = MHD_HTTP_METHOD_NOT_ALLOWED,
	[SCRAPE_503] = MHD_HTTP_SERVICE_UNAVAILABLE,
};

static struct connection *socket_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Sends a response, and lets it go; NULL: memory ran out, the connection is closed. */
static enum MHD_Result send_response(struct pages *pages, struct MHD_Connection *connection,
	enum scrape_code code, struct MHD_Response *response)
{
	struct connection *socket = socket_of(connection);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	result = MHD_queue_response(connection, (unsigned)codes[code], response);
	MHD_destroy_response(response);
	pages->counters.answers[code]++;
	if (socket)
		connection_answers(socket, clock_ns(CLOCK_MONOTONIC));
	return result;
}

static struct MHD_Response *text_response(const char *type, const char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);

	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return response;
}

static enum MHD_Result send_text(
	struct pages *pages, struct MHD_Connection *connection, enum scrape_code code, const char *text)
{
	struct MHD_Response *response = text_response(PLAIN, text);

	if (response && code == SCRAPE_401)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"gavea\"");
	if (response && code == SCRAPE_405)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (response && code == SCRAPE_400) /* there may be a body: it is not read */
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	return send_response(pages, connection, code, response);
}

/* ---- Pages ---- */

static void unref(void *rendering)
{
	rendering_unref(rendering);
}

static enum MHD_Result send_metrics(struct pages *pages, struct MHD_Connection *connection)
{
	enum format format = negotiate_format(header(connection, MHD_HTTP_HEADER_ACCEPT));
	bool gzip = negotiate_gzip(header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING));
	struct rendering *rendering;
	struct MHD_Response *response;
	int r;

	if (pages->cache.live > CACHE_CROWDED)
		connections_end_slowest(&pages->connections);
	r = cache_get(&pages->cache, format, gzip, &pages->counters, &rendering);
	if (r < 0)
		return send_text(pages, connection, SCRAPE_503,
			r == -EBUSY ? "others read too slowly: try again\n" : "out of memory\n");
	response = MHD_create_response_from_buffer_with_free_callback_cls(
		rendering->content.size, rendering->content.data, unref, rendering);
	if (!response) {
		rendering_unref(rendering);
		return MHD_NO;
	}
	pages->counters.bytes += rendering->content.size;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, format_content_type(format));
	MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
	if (gzip)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	return send_response(pages, connection, SCRAPE_200, response);
}

static enum MHD_Result send_start(struct pages *pages, struct MHD_Connection *connection)
{
	_cleanup_buf_ struct buf page = BUF_INIT;

	buf_printf(&page,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta "
		"charset=\"utf-8\"><title>gavea</title></head>\n"
		"<body>\n<h1>gavea " GAVEA_VERSION "</h1>\n"
		"<p>Metrics of this host and its checks, for Prometheus: <a href=\"%s\">%s</a></p>\n"
		"</body>\n</html>\n",
		pages->path, pages->path);
	return send_response(
		pages, connection, SCRAPE_200, text_response("text/html; charset=utf-8", buf_str(&page)));
}

/* ---- Who may, and what ---- */

static bool has_certificate(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	unsigned problems = 0;

	return info && info->tls_session &&
		gnutls_certificate_verify_peers2(info->tls_session, &problems) == 0 && problems == 0;
}

static enum MHD_Result look_for_body(
	void *userdata, enum MHD_ValueKind kind, const char *name, const char *value)
{
	bool *found = userdata;

	(void)kind;
	if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0 ||
		(strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 && !(value && streq(value, "0"))))
		*found = true;
	return MHD_YES;
}

/* Each header counts: of two lengths, a proxy in front may believe the other one. */
static bool has_body(struct MHD_Connection *connection)
{
	bool found = false;

	MHD_get_connection_values(connection, MHD_HEADER_KIND, look_for_body, &found);
	return found;
}

static enum MHD_Result answer(
	struct pages *pages, struct MHD_Connection *connection, const char *url, const char *method)
{
	if (has_body(connection))
		return send_text(pages, connection, SCRAPE_400, "a request here has no body\n");
	if (!streq(method, MHD_HTTP_METHOD_GET) && !streq(method, MHD_HTTP_METHOD_HEAD))
		return send_text(pages, connection, SCRAPE_405, "only GET and HEAD\n");
	if (pages->client_certificates && !has_certificate(connection))
		return send_text(pages, connection, SCRAPE_403, "a client certificate is needed\n");
	if (streq(url, "/-/healthy"))
		return send_text(pages, connection, SCRAPE_200, "healthy\n");
	if (pages->credentials &&
		!credentials_match(pages->credentials, header(connection, MHD_HTTP_HEADER_AUTHORIZATION)))
		return send_text(pages, connection, SCRAPE_401, "user and password are needed\n");
	if (streq(url, pages->path))
		return send_metrics(pages, connection);
	if (streq(url, "/"))
		return send_start(pages, connection);
	return send_text(pages, connection, SCRAPE_404, "not found\n");
}

enum MHD_Result answer_request(void *userdata, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *data_size, void **state)
{
	struct pages *pages = userdata;

	(void)version;
	(void)data;
	(void)data_size;
	/* The first call is for the head alone: what has a body is refused before that is read. */
	if (!*state && !has_body(connection)) {
		*state = pages;
		return MHD_YES;
	}
	return answer(pages, connection, url, method);
}
