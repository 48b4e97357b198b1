/* SPDX-License-Identifier: Apache-2.0 */
/* One request: options of libcurl and what it calls back. */
#include "client_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <strings.h>

#define SYSTEM_AUTHORITIES "/etc/ssl/certs" /* with links by hash */

bool hop_may_reach(const struct hop *hop, enum reach reach)
{
	const struct client *client = hop->client;

	if (reach == REACH_ANY || client->settings.unix_socket)
		return true;
	if (reach == REACH_LINK_LOCAL)
		return client->settings.allow_link_local || host_reach(client->base.host) == REACH_LINK_LOCAL;
	return !hop->foreign || client->from_loopback || host_reach(client->base.host) == REACH_LOOPBACK;
}

/* ---- What libcurl calls ---- */

static curl_socket_t on_open_socket(void *userdata, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct hop *hop = userdata;
	enum reach reach = address_reach(&address->addr);

	(void)purpose;
	if (!hop->client->settings.proxy && !hop_may_reach(hop, reach)) {
		snprintf(hop->refused, sizeof hop->refused, "%s",
			reach == REACH_LOOPBACK ? "a loopback address" : "a link-local or metadata address");
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int64_t unix_expiry(const X509 *certificate)
{
	struct tm tm;

	return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void read_certificates(struct hop *hop)
{
	struct curl_tlssessioninfo *session = NULL;
	STACK_OF(X509) * chain;
	int64_t expiry;

	if (!streq(hop->to.scheme, "https") ||
		curl_easy_getinfo(hop->client->curl, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK ||
		!session || session->backend != CURLSSLBACKEND_OPENSSL || !session->internals)
		return;
	chain = SSL_get_peer_cert_chain(session->internals);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		expiry = unix_expiry(sk_X509_value(chain, i));
		if (i == 0)
			hop->response->leaf_expiry = hop->response->chain_expiry = expiry;
		hop->response->chain_expiry = MIN(hop->response->chain_expiry, expiry);
	}
}

static size_t on_header(char *bytes, size_t size, size_t count, void *userdata)
{
	struct hop *hop = userdata;
	struct response *response = hop->response;

	size *= count;
	hop->header_bytes += size;
	if (hop->header_bytes > HEADER_BYTES_MAX || response->header_count > HEADERS_MAX) {
		hop->error = -EPROTO;
		return 0;
	}
	if (size > 5 && memcmp(bytes, "HTTP/", 5) == 0) {
		response_reset_headers(response);
		read_certificates(hop);
		return size;
	}
	hop->error = response_add_header(response, bytes, size);
	return hop->error ? 0 : size;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *userdata)
{
	struct hop *hop = userdata;
	struct buf *body = &hop->response->body;

	size *= count;
	if (size > hop->client->settings.max_body - MIN(body->size, hop->client->settings.max_body)) {
		hop->error = -EMSGSIZE;
		return 0;
	}
	buf_add(body, bytes, size);
	hop->error = buf_error(body);
	return hop->error ? 0 : size;
}

static int on_progress(
	void *userdata, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
	struct hop *hop = userdata;

	(void)dltotal;
	(void)dlnow;
	(void)ultotal;
	(void)ulnow;
	if (!gavea_cancelled(hop->client->settings.check))
		return 0;
	hop->error = -ECANCELED;
	return 1;
}

/* ---- Headers of the request ---- */

static int add_header(struct hop *hop, const char *line)
{
	struct curl_slist *longer = curl_slist_append(hop->headers, line);

	if (!longer)
		return -ENOMEM;
	hop->headers = longer;
	return 0;
}

static int add_secret_header(struct hop *hop, const char *prefix, const struct gavea_secret *secret)
{
	struct gavea_check *check = hop->client->settings.check;
	_cleanup_buf_ struct buf line = BUF_INIT;
	int r = -ENOMEM;

	if (!secret)
		return 0;
	buf_printf(&line, "%s%s", prefix, gavea_secret_bytes(check, secret, NULL));
	if (!buf_error(&line))
		r = add_header(hop, line.data);
	if (line.data)
		explicit_bzero(line.data, line.size);
	return r;
}

/* Headers may carry credentials: to another host go only those that surely do not. */
static bool may_go(const struct hop *hop, const char *line)
{
	static const char *const harmless[] = {"Accept:", "Accept-Language:", "User-Agent:", "Content-Type:"};

	if (hop->trusted || !hop->foreign)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (strncasecmp(line, harmless[i], strlen(harmless[i])) == 0)
			return true;
	return false;
}

static int make_headers(struct hop *hop)
{
	const struct client_request *request = hop->request;
	bool typed = false;
	/* Without this one, a large body waits a second for "100 Continue" from servers that never say it. */
	int r = add_header(hop, "Expect:");

	for (size_t i = 0; r == 0 && i < request->header_count; i++) {
		typed = typed || strncasecmp(request->headers[i], "Content-Type:", 13) == 0;
		if (may_go(hop, request->headers[i]))
			r = add_header(hop, request->headers[i]);
	}
	if (r == 0 && !typed)
		r = add_header(hop, "Content-Type:");
	if (r == 0 && hop->trusted)
		r = add_secret_header(hop, "Authorization: Bearer ", hop->client->settings.bearer);
	if (r == 0 && hop->trusted)
		r = add_secret_header(hop, "", hop->client->settings.secret_header);
	return r;
}

void hop_done(struct hop *hop)
{
	for (struct curl_slist *entry = hop->headers; entry; entry = entry->next)
		explicit_bzero(entry->data, strlen(entry->data));
	curl_slist_free_all(hop->headers);
	curl_slist_free_all(hop->resolved);
	url_parts_done(&hop->to);
}

/* ---- Options ---- */

static const char *secret_text(const struct hop *hop, const struct gavea_secret *secret)
{
	return secret ? gavea_secret_bytes(hop->client->settings.check, secret, NULL) : "";
}

static CURLcode set_tls(const struct hop *hop)
{
	const struct client_settings *settings = &hop->client->settings;
	CURL *curl = hop->client->curl;
	CURLcode code = curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

	/* Of the folder only the authority that is asked for is read; parsing Debian's file with all of them takes longer
	 * than all the rest. */
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_CAPATH, settings->ca ? NULL : SYSTEM_AUTHORITIES);
	/* A resumed session shows no certificate. */
	curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (settings->insecure) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (!settings->certificate || !hop->trusted)
		return code;
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_SSLCERT, settings->certificate);
	if (code == CURLE_OK)
		code = curl_easy_setopt(
			curl, CURLOPT_SSLKEY, settings->key ? settings->key : settings->certificate);
	/* Also an empty one: OpenSSL would ask at the terminal. */
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_KEYPASSWD, secret_text(hop, settings->key_password));
	return code;
}

static CURLcode set_method(const struct hop *hop)
{
	const struct client_request *request = hop->request;
	CURL *curl = hop->client->curl;
	bool body = hop->with_body && request->body;

	if (streq(hop->method, "HEAD") && !body)
		return curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	if (body || streq(hop->method, "POST")) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
			body ? (curl_off_t)request->body_size : (curl_off_t)0);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? request->body : "");
	}
	return curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, hop->method);
}

static long version_option(enum client_version version)
{
	switch (version) {
	case CLIENT_VERSION_1_1:
		return CURL_HTTP_VERSION_1_1;
	case CLIENT_VERSION_2_PLAIN:
		return CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
	case CLIENT_VERSION_AUTO:
	case CLIENT_VERSION_2:
		break;
	}
	return CURL_HTTP_VERSION_2TLS;
}

static CURLcode set_way(const struct hop *hop)
{
	const struct client_settings *settings = &hop->client->settings;
	CURL *curl = hop->client->curl;
	/* An empty proxy keeps http_proxy and its kin in the environment without effect. */
	CURLcode code = curl_easy_setopt(curl, CURLOPT_PROXY, settings->proxy ? settings->proxy : "");

	if (code == CURLE_OK && settings->proxy_user)
		code = curl_easy_setopt(curl, CURLOPT_PROXYUSERNAME, settings->proxy_user);
	if (code == CURLE_OK && settings->proxy_user)
		code = curl_easy_setopt(
			curl, CURLOPT_PROXYPASSWORD, secret_text(hop, settings->proxy_password));
	if (code == CURLE_OK && settings->unix_socket)
		code = curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, settings->unix_socket);
	if (code == CURLE_OK && hop->resolved)
		code = curl_easy_setopt(curl, CURLOPT_RESOLVE, hop->resolved);
	if (code == CURLE_OK && hop->trusted && settings->user) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		code = curl_easy_setopt(curl, CURLOPT_USERNAME, settings->user);
		if (code == CURLE_OK)
			code = curl_easy_setopt(curl, CURLOPT_PASSWORD, secret_text(hop, settings->password));
	}
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, hop);
	return code;
}

static CURLcode set_callbacks(struct hop *hop)
{
	CURL *curl = hop->client->curl;

	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, hop->client->error);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, hop);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, hop);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, hop);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, version_option(hop->client->settings.version));
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "gavea/" GAVEA_VERSION);
	if (hop->client->settings.compression)
		curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	curl_easy_setopt(curl, CURLOPT_COOKIEFILE, "");
	return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
}

int hop_prepare(struct hop *hop, struct error *error)
{
	CURL *curl = hop->client->curl;
	int64_t left = (hop->request->deadline - clock_ns(CLOCK_MONOTONIC)) / NSEC_PER_MSEC;
	CURLcode code;

	if (make_headers(hop) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	curl_easy_reset(curl);
	hop->client->error[0] = '\0';
	code = curl_easy_setopt(curl, CURLOPT_URL, hop->url);
	if (code == CURLE_OK)
		code = set_callbacks(hop);
	if (code == CURLE_OK)
		code = set_method(hop);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, hop->headers);
	if (code == CURLE_OK)
		code = set_tls(hop);
	if (code == CURLE_OK)
		code = set_way(hop);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)MAX(left, 1));
	if (code == CURLE_OK)
		return 0;
	return error_set(
		error, code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL, "%s", curl_easy_strerror(code));
}
