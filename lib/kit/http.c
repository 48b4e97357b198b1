/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/http.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#define MAX_HEADER_BYTES (64 * 1024)
#define MAX_RETRY_AFTER_S (24 * 60 * 60)

struct http_client {
	CURL *curl;
	int64_t connect_timeout;
	char error[CURL_ERROR_SIZE];
};

/* What one request needs while libcurl calls back. */
struct transfer {
	const struct http_request *request;
	struct http_answer *answer;
	size_t header_bytes;
	int error; /* why a callback stopped the transfer */
};

/* ---- Setting up ---- */

static CURLcode set_tls(CURL *curl, const struct http_settings *settings)
{
	CURLcode code = curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

	if (code == CURLE_OK && settings->ca_file) {
		code = curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca_file);
		/* Else the system's authorities would still be trusted beside the file. */
		if (code == CURLE_OK)
			code = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	if (code == CURLE_OK && settings->certificate_file)
		code = curl_easy_setopt(curl, CURLOPT_SSLCERT, settings->certificate_file);
	if (code == CURLE_OK && settings->key_file)
		code = curl_easy_setopt(curl, CURLOPT_SSLKEY, settings->key_file);
	if (code == CURLE_OK && settings->insecure) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return code;
}

static CURLcode set_common(struct http_client *client, const struct http_settings *settings)
{
	CURL *curl = client->curl;
	CURLcode code;

	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	/* An empty proxy keeps http_proxy and its kin in the environment without effect. */
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_USERAGENT,
			settings->user_agent ? settings->user_agent : "gavea/" GAVEA_VERSION);
	if (code == CURLE_OK)
		code = set_tls(curl, settings);
	return code;
}

int http_client_new(
	const struct http_settings *settings, struct http_client **ret_client, struct error *error)
{
	struct http_client *client = calloc(1, sizeof(*client));
	CURLcode code;

	if (!client)
		return error_set(error, -ENOMEM, "out of memory");
	/* Counted and thread-safe since libcurl 7.84. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(client);
		return error_set(error, -ENOMEM, "libcurl cannot be initialised");
	}
	client->curl = curl_easy_init();
	if (!client->curl) {
		http_client_free(client);
		return error_set(error, -ENOMEM, "out of memory");
	}
	client->connect_timeout = settings->connect_timeout;
	code = set_common(client, settings);
	if (code != CURLE_OK) {
		error_set(error, -EINVAL, "HTTP client: %s", curl_easy_strerror(code));
		http_client_free(client);
		return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	}
	*ret_client = client;
	return 0;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	curl_global_cleanup();
	free(client);
}

/* ---- Headers of the request ---- */

static bool header_is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static int add_header(struct curl_slist **list, const char *header)
{
	struct curl_slist *longer = curl_slist_append(*list, header);

	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static int add_bearer(struct curl_slist **list, const char *bearer)
{
	char *line = NULL;
	int r;

	if (asprintf(&line, "Authorization: Bearer %s", bearer) < 0)
		return -ENOMEM;
	r = add_header(list, line);
	explicit_bzero(line, strlen(line));
	free(line);
	return r;
}

static void free_headers(struct curl_slist *list)
{
	for (struct curl_slist *entry = list; entry; entry = entry->next)
		explicit_bzero(entry->data, strlen(entry->data));
	curl_slist_free_all(list);
}

static int make_headers(const struct http_request *request, struct curl_slist **ret_list, struct error *error)
{
	struct curl_slist *list = NULL;
	/* Without this one, a large body waits a second for "100 Continue" from servers that never say it. */
	int r = add_header(&list, "Expect:");

	for (size_t i = 0; r == 0 && i < request->header_count; i++) {
		if (header_is_clean(request->headers[i]))
			r = add_header(&list, request->headers[i]);
		else
			r = error_set(error, -EINVAL, "a header has control characters");
	}
	if (r == 0 && request->bearer) {
		if (header_is_clean(request->bearer))
			r = add_bearer(&list, request->bearer);
		else
			r = error_set(error, -EINVAL, "the token has characters that a header cannot carry");
	}
	if (r < 0) {
		free_headers(list);
		return r == -ENOMEM ? error_set(error, r, "out of memory") : r;
	}
	*ret_list = list;
	return 0;
}

/* ---- What libcurl calls ---- */

static size_t on_header(char *bytes, size_t size, size_t count, void *userdata)
{
	struct transfer *transfer = userdata;

	(void)bytes;
	transfer->header_bytes += size * count;
	if (transfer->header_bytes > MAX_HEADER_BYTES) {
		transfer->error = -EPROTO;
		return 0;
	}
	return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *userdata)
{
	struct transfer *transfer = userdata;
	struct buf *body = &transfer->answer->body;

	size *= count;
	if (size > transfer->request->max_answer - MIN(body->size, transfer->request->max_answer)) {
		transfer->error = -EMSGSIZE;
		return 0;
	}
	buf_add(body, bytes, size);
	transfer->error = buf_error(body);
	return transfer->error ? 0 : size;
}

static int on_progress(
	void *userdata, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
	struct transfer *transfer = userdata;
	const struct http_request *request = transfer->request;

	(void)dltotal;
	(void)dlnow;
	(void)ultotal;
	(void)ulnow;
	if (!request->cancelled || !request->cancelled(request->userdata))
		return 0;
	transfer->error = -ECANCELED;
	return 1;
}

/* ---- Errors ---- */

/* The URL for people: without user, password, query and fragment, which may be secret. */
static char *shown_url(CURLU *url)
{
	_cleanup_buf_ struct buf shown = BUF_INIT;
	char *part = NULL;

	if (curl_url_get(url, CURLUPART_SCHEME, &part, 0) == CURLUE_OK)
		buf_printf(&shown, "%s://", part);
	curl_free(part);
	part = NULL;
	if (curl_url_get(url, CURLUPART_HOST, &part, 0) == CURLUE_OK)
		buf_add_str(&shown, part);
	curl_free(part);
	part = NULL;
	if (curl_url_get(url, CURLUPART_PORT, &part, 0) == CURLUE_OK)
		buf_printf(&shown, ":%s", part);
	curl_free(part);
	part = NULL;
	if (curl_url_get(url, CURLUPART_PATH, &part, 0) == CURLUE_OK)
		buf_add_str(&shown, part);
	curl_free(part);
	return buf_take(&shown);
}

/* A peer's or library's words inside our message: one line of valid UTF-8. */
static void make_presentable(char *text)
{
	utf8_repair(text, strlen(text));
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
}

static int tls_error(struct http_client *client, CURLcode code, struct error *error)
{
	const char *detail = client->error[0] ? client->error : curl_easy_strerror(code);
	const char *problem = startswith(detail, "SSL certificate problem: ");

	if (problem)
		return error_set(error, -EPROTO, "certificate is not trusted: %s", problem);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return error_set(error, -EPROTO, "certificate is not for this host: %s", detail);
	return error_set(error, -EPROTO, "TLS failed: %s", detail);
}

static int connect_error(struct http_client *client, struct error *error)
{
	long os_error = 0;

	curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os_error);
	if (os_error <= 0 || os_error > 4095)
		os_error = ECONNREFUSED;
	return error_set(error, -(int)os_error, "cannot connect: %s", strerror((int)os_error));
}

static int callback_error(const struct transfer *transfer, struct error *error)
{
	switch (transfer->error) {
	case -EMSGSIZE:
		return error_set(error, -EMSGSIZE, "the answer is larger than %zu bytes",
			transfer->request->max_answer);
	case -EPROTO:
		return error_set(error, -EPROTO, "the answer has more than %d KiB of headers",
			MAX_HEADER_BYTES / 1024);
	case -ECANCELED:
		return error_set(error, -ECANCELED, "cancelled");
	default:
		return error_set(error, transfer->error, "%s", strerror(-transfer->error));
	}
}

static int perform_error(
	struct http_client *client, const struct transfer *transfer, CURLcode code, struct error *error)
{
	if (transfer->error)
		return callback_error(transfer, error);
	make_presentable(client->error);
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return error_set(error, -ENOMEM, "out of memory");
	case CURLE_COULDNT_RESOLVE_HOST:
		return error_set(error, -EHOSTUNREACH, "the host's name cannot be resolved");
	case CURLE_COULDNT_CONNECT:
		return connect_error(client, error);
	case CURLE_OPERATION_TIMEDOUT:
		return error_set(error, -ETIMEDOUT, "no answer in time");
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
		return tls_error(client, code, error);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return error_set(error, -EINVAL, "cannot use the configured certificates: %s",
			client->error[0] ? client->error : curl_easy_strerror(code));
	case CURLE_GOT_NOTHING:
		return error_set(error, -ECONNRESET, "the connection was closed without an answer");
	case CURLE_PARTIAL_FILE:
		return error_set(error, -ECONNRESET, "the connection was closed within the answer");
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return error_set(error, -ECONNRESET, "the connection was lost");
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return error_set(error, -EPROTO, "what came back is not HTTP");
	default:
		return error_set(error, -EPROTO, "%s", curl_easy_strerror(code));
	}
}

/* ---- One request ---- */

static int parse_url(const char *text, CURLU **ret_url, struct error *error)
{
	CURLU *url = curl_url();
	char *scheme = NULL;
	int r = 0;

	if (!url)
		return error_set(error, -ENOMEM, "out of memory");
	if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		r = error_set(error, -EINVAL, "not a valid URL");
	else if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0)
		r = error_set(error, -EINVAL, "only http:// and https:// are supported");
	curl_free(scheme);
	if (r < 0)
		curl_url_cleanup(url);
	else
		*ret_url = url;
	return r;
}

static long milliseconds(int64_t ns)
{
	int64_t ms = (ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;

	return (long)MIN(MAX(ms, 1), 1000L * 60 * 60 * 24);
}

static CURLcode set_method(CURL *curl, const struct http_request *request)
{
	/* Start from a plain GET: options stick to the handle from one request to the next. */
	CURLcode code = curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);

	if (code == CURLE_OK && streq(request->method, "HEAD"))
		return curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	if (code == CURLE_OK && (request->body || streq(request->method, "POST"))) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
		code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	}
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	return code;
}

static CURLcode set_request(
	struct http_client *client, struct transfer *transfer, CURLU *url, struct curl_slist *headers)
{
	CURL *curl = client->curl;
	const struct http_request *request = transfer->request;
	CURLcode code;

	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
	code = set_method(curl, request);
	if (code != CURLE_OK)
		return code;
	curl_easy_setopt(curl, CURLOPT_CURLU, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds(request->timeout));
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
		milliseconds(client->connect_timeout > 0 ? client->connect_timeout : request->timeout));
	return CURLE_OK;
}

static void read_answer(CURL *curl, struct http_answer *answer)
{
	const char *type = NULL;
	curl_off_t retry_after = 0;
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
	answer->status = (int)status;
	snprintf(answer->content_type, sizeof(answer->content_type), "%s", type ? type : "");
	make_presentable(answer->content_type);
	answer->retry_after = (int64_t)MIN(MAX(retry_after, 0), MAX_RETRY_AFTER_S) * NSEC_PER_SEC;
}

static int perform(struct http_client *client, struct transfer *transfer, CURLU *url, struct error *error)
{
	struct curl_slist *headers = NULL;
	CURLcode code;
	int r = make_headers(transfer->request, &headers, error);

	if (r < 0)
		return r;
	client->error[0] = '\0';
	code = set_request(client, transfer, url, headers);
	if (code == CURLE_OK)
		code = curl_easy_perform(client->curl);
	if (code == CURLE_OK)
		read_answer(client->curl, transfer->answer);
	else
		r = perform_error(client, transfer, code, error);
	/* Nothing of this request may be touched by the next one. */
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(client->curl, CURLOPT_CURLU, NULL);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, NULL);
	free_headers(headers);
	return r;
}

int http_perform(struct http_client *client, const struct http_request *request, struct http_answer *answer,
	struct error *error)
{
	struct transfer transfer = {.request = request, .answer = answer};
	_cleanup_free_ char *shown = NULL;
	int64_t began = clock_ns(CLOCK_MONOTONIC);
	CURLU *url = NULL;
	int r;

	buf_reset(&answer->body);
	answer->status = 0;
	answer->content_type[0] = '\0';
	answer->retry_after = 0;
	answer->duration = 0;
	r = parse_url(request->url, &url, error);
	if (r < 0) {
		error_prefix(error, "%s", request->method);
		return r;
	}
	shown = shown_url(url);
	if (request->cancelled && request->cancelled(request->userdata))
		r = error_set(error, -ECANCELED, "cancelled");
	else if (request->timeout <= 0)
		r = error_set(error, -ETIMEDOUT, "no time left");
	else
		r = perform(client, &transfer, url, error);
	if (r < 0)
		error_prefix(error, "%s %s", request->method, shown ? shown : "");
	curl_url_cleanup(url);
	answer->duration = clock_ns(CLOCK_MONOTONIC) - began;
	return r;
}
