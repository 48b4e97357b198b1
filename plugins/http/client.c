/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include "base/clock.h"
#include "kit/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

int client_new(const struct client_settings *settings, struct client **ret_client, struct error *error)
{
	struct client *client = calloc(1, sizeof *client);
	int r;

	if (!client)
		return error_set(error, -ENOMEM, "out of memory");
	/* Counted and thread-safe since libcurl 7.84. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(client);
		return error_set(error, -ENOMEM, "libcurl cannot be initialised");
	}
	client->settings = *settings;
	r = url_split(settings->base_url, &client->base);
	if (r < 0) {
		client_free(client);
		return error_set(
			error, r, r == -ENOMEM ? "out of memory" : "url: not a valid URL of http or https");
	}
	*ret_client = client;
	return 0;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	client_end(client);
	curl_global_cleanup();
	url_parts_done(&client->base);
	free(client);
}

int client_begin(struct client *client)
{
	client_end(client);
	client->from_loopback = false;
	client->curl = curl_easy_init();
	return client->curl ? 0 : -ENOMEM;
}

void client_end(struct client *client)
{
	curl_easy_cleanup(client->curl);
	client->curl = NULL;
}

/* ---- Addresses ---- */

static bool is_address(const char *host)
{
	struct in_addr v4;

	return *host == '[' || inet_pton(AF_INET, host, &v4) == 1;
}

static bool cancelled(void *userdata)
{
	return gavea_cancelled(userdata);
}

static void add_addresses(struct buf *line, const struct addresses *addresses)
{
	char text[RESOLVE_TEXT_SIZE];

	for (size_t i = 0; i < addresses->count; i++)
		buf_printf(line, addresses->list[i].any.sa_family == AF_INET ? "%s%s" : "%s[%s]",
			i ? "," : "", address_text(text, &addresses->list[i]));
}

static int find_addresses(
	struct hop *hop, const char *host, uint16_t port, struct buf *line, struct error *error)
{
	const struct client_request *request = hop->request;
	struct resolve_request question = {
		.host = host,
		.port = port,
		.family = hop->client->settings.family,
		.deadline = request->deadline,
		.cancelled = cancelled,
		.userdata = hop->client->settings.check,
	};
	struct addresses addresses;
	int64_t began = clock_ns(CLOCK_MONOTONIC);
	int r;

	if (request->pinned_address && strcasecmp(request->pinned_host, host) == 0) {
		buf_printf(
			line, strchr(request->pinned_address, ':') ? "[%s]" : "%s", request->pinned_address);
		return 0;
	}
	r = resolve(&question, &addresses, error);
	hop->resolving = clock_ns(CLOCK_MONOTONIC) - began;
	if (r == 0)
		add_addresses(line, &addresses);
	return r;
}

/* Host and port of "scheme://host:port", which open() has seen to. */
static int split_proxy(const char *proxy, char **ret_host, uint16_t *ret_port)
{
	const char *host = strstr(proxy, "://") + 3, *colon = strrchr(host, ':');

	*ret_host = strndup(host, (size_t)(colon - host));
	*ret_port = (uint16_t)atoi(colon + 1); // NOLINT(cert-err34-c)
	return *ret_host ? 0 : -ENOMEM;
}

/* Tells libcurl the addresses of the host that it is to connect to, unless that is one already. */
static int resolve_hop(struct hop *hop, struct error *error)
{
	const struct client_settings *settings = &hop->client->settings;
	_cleanup_buf_ struct buf line = BUF_INIT;
	_cleanup_free_ char *proxy_host = NULL;
	const char *host = hop->to.host;
	uint16_t port = hop->to.port;
	int r;

	if (settings->proxy) {
		if (split_proxy(settings->proxy, &proxy_host, &port) < 0)
			return error_set(error, -ENOMEM, "out of memory");
		host = proxy_host;
	}
	if (settings->unix_socket || is_address(host))
		return 0;
	buf_printf(&line, "%s:%u:", host, port);
	r = find_addresses(hop, host, port, &line, error);
	if (r < 0) {
		if (proxy_host)
			error_prefix(error, "proxy");
		return r;
	}
	hop->resolved = buf_error(&line) ? NULL : curl_slist_append(NULL, line.data);
	return hop->resolved ? 0 : error_set(error, -ENOMEM, "out of memory");
}

/* ---- One hop ---- */

static void add_phases(const struct hop *hop)
{
	CURL *curl = hop->client->curl;
	struct response *response = hop->response;
	curl_off_t lookup = 0, connect = 0, tls = 0, sent = 0, first = 0, total = 0;

	curl_easy_getinfo(curl, CURLINFO_NAMELOOKUP_TIME_T, &lookup);
	curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connect);
	curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME_T, &tls);
	curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &sent);
	curl_easy_getinfo(curl, CURLINFO_STARTTRANSFER_TIME_T, &first);
	curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &total);
	response->phases[PHASE_RESOLVE] += hop->resolving + lookup * NSEC_PER_USEC;
	response->phases[PHASE_CONNECT] += MAX(connect - lookup, 0) * NSEC_PER_USEC;
	response->phases[PHASE_TLS] += MAX(tls - connect, 0) * NSEC_PER_USEC;
	response->phases[PHASE_PROCESSING] += MAX(first - MAX(sent, connect), 0) * NSEC_PER_USEC;
	response->phases[PHASE_TRANSFER] += first ? MAX(total - first, 0) * NSEC_PER_USEC : 0;
}

static void read_answer(struct hop *hop)
{
	struct response *response = hop->response;
	CURL *curl = hop->client->curl;
	const char *address = NULL;
	long status = 0, version = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &address);
	response->status = (int)status;
	snprintf(response->version, sizeof response->version, "%s",
		version == CURL_HTTP_VERSION_2_0           ? "2"
			: version == CURL_HTTP_VERSION_1_1 ? "1.1"
			: version == CURL_HTTP_VERSION_1_0 ? "1.0"
							   : "");
	snprintf(response->address, sizeof response->address, "%s", address ? address : "");
	if (!hop->foreign && address && host_reach(address) == REACH_LOOPBACK)
		hop->client->from_loopback = true;
}

static int perform_hop(struct hop *hop, struct error *error)
{
	struct response *response = hop->response;
	CURLcode code;
	int r;

	response_reset_headers(response);
	buf_reset(&response->body);
	response->leaf_expiry = response->chain_expiry = 0;
	/* The address of a socket is judged when it is opened; through a proxy only the name can be. */
	if (!hop_may_reach(hop, host_reach(hop->to.host)) && hop->foreign)
		return error_set(error, -EACCES, "the answer leads to %s, which is refused", hop->to.host);
	r = resolve_hop(hop, error);
	if (r == 0)
		r = hop_prepare(hop, error);
	if (r < 0)
		return r;
	code = curl_easy_perform(hop->client->curl);
	read_answer(hop);
	add_phases(hop);
	if (code != CURLE_OK)
		r = hop_error(hop, code, error);
	else if (hop->client->settings.version == CLIENT_VERSION_2 && !streq(response->version, "2"))
		r = error_set(error, -EPROTO, "the answer came by HTTP/%s, not HTTP/2", response->version);
	return r;
}

/* ---- Redirects ---- */

/* How the chain goes on: where to and with what. */
struct course {
	char *url;
	const char *method;
	bool with_body;
	bool foreign;
};

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Only what is safe to show of where an answer wants us. */
static int refuse(struct error *error, const char *url, const char *why)
{
	_cleanup_free_ char *shown = url_shown(url);

	return error_set(
		error, -EACCES, "a redirect to %.200s is refused: %s", shown ? shown : "what is no URL", why);
}

static int judge_redirect(const struct hop *hop, const char *url, struct error *error)
{
	struct url_parts to;
	bool same, down;
	int r = url_split(url, &to);

	if (r == -EINVAL)
		return refuse(error, url, "only http:// and https:// are followed");
	if (r < 0)
		return error_set(error, r, "out of memory");
	same = url_same_origin(&to, &hop->to);
	down = streq(hop->to.scheme, "https") && streq(to.scheme, "http");
	url_parts_done(&to);
	if (down && !hop->client->settings.allow_downgrade)
		return refuse(error, url, "it leaves TLS; allow_downgrade = true would allow that");
	if (!same && hop->with_body && hop->request->body && hop->response->status >= 307)
		return refuse(error, url, "it would send the body to another host");
	return 0;
}

static void change_method(const struct hop *hop, struct course *course)
{
	int status = hop->response->status;

	if (status >= 307 || streq(hop->method, "HEAD"))
		return;
	if (status == 303 || streq(hop->method, "POST")) {
		course->method = "GET";
		course->with_body = false;
	}
}

/* 1: the course has changed, and the chain goes on. 0: this answer is the last. */
static int follow(const struct hop *hop, struct course *course, struct error *error)
{
	const struct client_settings *settings = &hop->client->settings;
	char *next = NULL;
	int r;

	if (settings->max_redirects == 0 || !is_redirect(hop->response->status))
		return 0;
	curl_easy_getinfo(hop->client->curl, CURLINFO_REDIRECT_URL, &next);
	if (!next)
		return 0;
	if (hop->response->redirects == settings->max_redirects)
		return error_set(error, -ELOOP,
			"more than %d redirects: the server leads in a circle, or raise redirects",
			settings->max_redirects);
	r = judge_redirect(hop, next, error);
	if (r < 0)
		return r;
	change_method(hop, course);
	next = strdup(next);
	if (!next)
		return error_set(error, -ENOMEM, "out of memory");
	free(course->url);
	course->url = next;
	course->foreign = true;
	hop->response->redirects++;
	return 1;
}

static int take_hop(struct client *client, const struct client_request *request, struct response *response,
	struct course *course, struct error *error)
{
	struct hop hop = {.client = client,
		.request = request,
		.response = response,
		.method = course->method,
		.url = course->url,
		.foreign = course->foreign,
		.with_body = course->with_body};
	int r = url_split(course->url, &hop.to);

	if (r < 0)
		return error_set(
			error, r, r == -ENOMEM ? "out of memory" : "not a valid URL of http or https");
	hop.trusted = url_same_origin(&hop.to, &client->base);
	if (hop.trusted)
		hop.foreign = false;
	r = perform_hop(&hop, error);
	if (r == 0)
		r = follow(&hop, course, error);
	hop_done(&hop);
	return r;
}

int client_perform(struct client *client, const struct client_request *request, struct response *response,
	struct error *error)
{
	struct course course = {.url = strdup(request->url),
		.method = request->method,
		.with_body = request->body != NULL,
		.foreign = request->foreign};
	int64_t began = clock_ns(CLOCK_MONOTONIC);
	int r = course.url ? 1 : error_set(error, -ENOMEM, "out of memory");

	while (r > 0) {
		if (gavea_cancelled(client->settings.check))
			r = error_set(error, -ECANCELED, "cancelled");
		else if (request->deadline <= clock_ns(CLOCK_MONOTONIC))
			r = error_set(error, -ETIMEDOUT, "no time is left");
		else
			r = take_hop(client, request, response, &course, error);
	}
	response->total += clock_ns(CLOCK_MONOTONIC) - began;
	free(course.url);
	return r;
}
