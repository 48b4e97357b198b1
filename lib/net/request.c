/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/parse.h"
#include "net/internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#define DRAIN_FACTOR 4 /* of the largest body: so much is read to be thrown away */

static const char *refusal_text(int status)
{
	switch (status) {
	case 400:
		return "how long the body is must be said once";
	case 401:
		return "a valid token is needed: Authorization: Bearer TOKEN";
	case 403:
		return "this needs more rights than you have shown";
	case 404:
		return "not found";
	case 405:
		return "this method is not allowed here";
	case 413:
		return "the body is too large";
	case 415:
		return "this content type or encoding is not supported";
	case 429:
		return "too many requests";
	default:
		return "refused";
	}
}

static enum MHD_Result count_framing(
	void *userdata, enum MHD_ValueKind kind _unused_, const char *name, const char *value _unused_)
{
	unsigned *count = userdata;

	if (strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0)
		++*count;
	return MHD_YES;
}

/* A proxy in front may believe another length than the library does, and take the rest for a request of its own. */
static bool is_ambiguous(const struct httpd_request *request)
{
	unsigned count = 0;

	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_framing, &count);
	return count > 1;
}

static void count_body(struct httpd_request *request)
{
	request->httpd->bodies += request->body.room - request->body_counted;
	request->body_counted = request->body.room;
}

/* Judges a request by its head. */
static void admit(struct httpd_request *request)
{
	struct httpd *httpd = request->httpd;
	const char *length = httpd_header(request, "Content-Length");
	ssize_t most = (ssize_t)httpd->settings.max_body;
	uint64_t size;

	request->ambiguous = is_ambiguous(request);
	if (request->ambiguous)
		most = -400;
	else if (httpd->admit)
		most = httpd->admit(request, httpd->userdata);
	if (most < 0)
		request->refused = (int)-most;
	request->body_max = most < 0 ? 0 : (size_t)most;
	if (request->refused || !length)
		return;
	/* The library judged its form; what does not fit is too large in any case. */
	if (parse_uint64(length, &size) < 0 || size > request->body_max)
		request->refused = 413;
	else if (size > 0)
		(void)buf_extend(&request->body, size);
	count_body(request);
}

/* To answer at once costs the client its connection, and maybe the answer: what it still sends meets a closed
 * socket. So bodies of a bearable size are read and thrown away first, unless the client waits to be told to
 * go on. */
static bool worth_draining(struct httpd_request *request)
{
	const char *length = httpd_header(request, "Content-Length");
	uint64_t size = 0;

	if (request->ambiguous || httpd_header(request, "Expect"))
		return false;
	return length
		? parse_uint64(length, &size) == 0 && size / DRAIN_FACTOR <= request->httpd->settings.max_body
		: httpd_header(request, "Transfer-Encoding") == NULL;
}

static enum MHD_Result queue(struct httpd_request *request)
{
	struct MHD_Response *response = TAKE_PTR(request->response);
	enum MHD_Result result = MHD_queue_response(request->connection, (unsigned)request->status, response);

	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct httpd_request *request)
{
	request->handled = true;
	if (request->refusal)
		httpd_answer_code(request, request->refused, request->refusal_code, "%s", request->refusal);
	else
		httpd_answer_error(request, request->refused, "%s", refusal_text(request->refused));
	return request->response ? queue(request) : MHD_NO;
}

/* A client may send the whole address, as it does to a proxy. */
static const char *path_of(const char *target)
{
	const char *authority = *target == '/' ? NULL : strstr(target, "://");
	const char *path = authority ? strchr(authority + strlen("://"), '/') : target;

	return path ? path : "/";
}

static enum MHD_Result begin(struct httpd *httpd, struct MHD_Connection *connection, const char *url,
	const char *method, void **state)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct httpd_request *request;

	if (!info || !info->socket_context)
		return MHD_NO; /* memory ran out at its start */
	request = calloc(1, sizeof *request);
	if (!request)
		return MHD_NO;
	request->httpd = httpd;
	request->connection = connection;
	request->socket = info->socket_context;
	request->method = method;
	request->path = path_of(url);
	*state = request;
	httpd->requests++;
	admit(request);
	return request->refused && !worth_draining(request) ? refuse(request) : MHD_YES;
}

static enum MHD_Result receive(struct httpd_request *request, const char *data, size_t *size)
{
	if (!request->refused && *size > request->body_max - request->body.size)
		request->refused = 413; /* sent in chunks, without a length */
	if (request->refused)
		request->drained += *size;
	else
		buf_add(&request->body, data, *size);
	count_body(request);
	*size = 0;
	/* An answer is only possible at the end: who sends without end gets none. */
	return request->drained / DRAIN_FACTOR <= request->httpd->settings.max_body ? MHD_YES : MHD_NO;
}

enum MHD_Result httpd_on_request(void *userdata, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version _unused_, const char *data, size_t *data_size, void **state)
{
	struct httpd_request *request = *state;

	if (!request)
		return begin(userdata, connection, url, method, state);
	if (request->handled)
		return request->response ? queue(request) : MHD_NO;
	if (*data_size > 0)
		return receive(request, data, data_size);
	request->socket->deadline_ns = 0;
	if (request->refused)
		return refuse(request);
	request->handled = true;
	if (buf_error(&request->body) < 0)
		httpd_answer_error(request, 503, "out of memory");
	else
		request->httpd->handle(request, request->httpd->userdata);
	if (request->suspended)
		return MHD_YES; /* another thread may be answering it right now */
	return request->response ? queue(request) : MHD_NO;
}

void httpd_on_completed(void *userdata, struct MHD_Connection *connection _unused_, void **state,
	enum MHD_RequestTerminationCode how _unused_)
{
	struct httpd *httpd = userdata;
	struct httpd_request *request = *state;

	if (!request)
		return;
	*state = NULL;
	request->socket->deadline_ns = httpd_request_deadline(httpd);
	if (request->response)
		MHD_destroy_response(request->response);
	for (size_t i = 0; i < request->header_count; i++) {
		free(request->header_names[i]);
		free(request->header_values[i]);
	}
	httpd->bodies -= request->body_counted;
	buf_done(&request->body);
	free(request->refusal);
	free(request);
	httpd->requests--;
}

const char *httpd_method(const struct httpd_request *request)
{
	return request->method;
}

const char *httpd_path(const struct httpd_request *request)
{
	return request->path;
}

const char *httpd_header(const struct httpd_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *httpd_query(const struct httpd_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const void *httpd_body(const struct httpd_request *request, size_t *ret_size)
{
	*ret_size = request->body.size;
	return buf_str(&request->body);
}

size_t httpd_bodies(const struct httpd_request *request)
{
	return request->httpd->bodies;
}

const char *httpd_peer(const struct httpd_request *request)
{
	return request->socket->peer;
}

void httpd_set_header(struct httpd_request *request, const char *name, const char *value)
{
	size_t at = request->header_count;

	assert(at < HTTPD_HEADERS_MAX);
	request->header_names[at] = strdup(name);
	request->header_values[at] = strdup(value);
	request->header_count++;
}

void httpd_respond(struct httpd_request *request, int status, struct MHD_Response *response)
{
	for (size_t i = 0; response && i < request->header_count; i++)
		if (request->header_names[i] && request->header_values[i])
			MHD_add_response_header(
				response, request->header_names[i], request->header_values[i]);
	if (response)
		MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	/* A client that goes on to send would never let the server end. */
	if (response && request->httpd->stopping)
		MHD_add_response_header(response, "Connection", "close");
	request->response = response;
	request->status = status;
	if (request->suspended) {
		/* The request may be gone as soon as it is resumed. */
		struct httpd *httpd = request->httpd;

		MHD_resume_connection(request->connection);
		httpd->suspended--;
	}
}

void httpd_answer(
	struct httpd_request *request, int status, const char *content_type, const void *body, size_t size)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, (void *)body, MHD_RESPMEM_MUST_COPY);

	if (response && content_type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	httpd_respond(request, status, response);
}

static void _printf_(4, 0) answer_error(
	struct httpd_request *request, int status, const char *code, const char *format, va_list args)
{
	_cleanup_buf_ struct buf text = BUF_INIT, body = BUF_INIT;
	struct json json;

	buf_vprintf(&text, format, args);
	json_init(&json, &body);
	json_object_begin(&json);
	json_kv_string(&json, "error", buf_str(&text));
	if (code)
		json_kv_string(&json, "code", code);
	json_object_end(&json);
	buf_add_char(&body, '\n');
	httpd_answer(request, status, "application/json", buf_str(&body), body.size);
}

void httpd_answer_error(struct httpd_request *request, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	answer_error(request, status, NULL, format, args);
	va_end(args);
}

void httpd_answer_code(struct httpd_request *request, int status, const char *code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	answer_error(request, status, code, format, args);
	va_end(args);
}

void httpd_set_refusal(struct httpd_request *request, const char *code, const char *format, ...)
{
	va_list args;

	free(request->refusal);
	va_start(args, format);
	if (vasprintf(&request->refusal, format, args) < 0)
		request->refusal = NULL;
	va_end(args);
	request->refusal_code = code;
}

void httpd_suspend(struct httpd_request *request)
{
	request->suspended = true;
	request->httpd->suspended++;
	MHD_suspend_connection(request->connection);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t httpd_unescape(void *userdata _unused_, struct MHD_Connection *connection _unused_, char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		int high = *in == '%' ? hex(in[1]) : -1, low = high >= 0 ? hex(in[2]) : -1;

		if (low >= 0 && (high | low) > 0) {
			*out++ = (char)(high << 4 | low);
			in += 2;
		} else {
			*out++ = *in;
		}
	}
	*out = 0;
	return (size_t)(out - text);
}
