/* SPDX-License-Identifier: Apache-2.0 */
/* What libcurl's errors mean to somebody who has to do something about them. */
#include "client_internal.h"

#include "base/parse.h"

#include <errno.h>

static int callback_error(const struct hop *hop, struct error *error)
{
	char size[32];

	switch (hop->error) {
	case -EMSGSIZE:
		return error_set(error, -EMSGSIZE, "the answer is larger than %s (max_body)",
			format_size(size, hop->client->settings.max_body));
	case -EPROTO:
		return error_set(error, -EPROTO, "the answer has more than %d KiB or %d lines of headers",
			HEADER_BYTES_MAX / 1024, HEADERS_MAX);
	case -ECANCELED:
		return error_set(error, -ECANCELED, "cancelled");
	default:
		return error_set(error, hop->error, "%s", strerror(-hop->error));
	}
}

static int refused_error(const struct hop *hop, struct error *error)
{
	if (hop->foreign)
		return error_set(error, -EACCES, "the answer leads to %s, which is refused", hop->refused);
	return error_set(error, -EACCES, "%s has %s; allow_link_local = true would allow that", hop->to.host,
		hop->refused);
}

static int connect_error(const struct hop *hop, struct error *error)
{
	long os_error = 0;

	curl_easy_getinfo(hop->client->curl, CURLINFO_OS_ERRNO, &os_error);
	if (os_error <= 0 || os_error > 4095)
		os_error = ECONNREFUSED;
	if (hop->client->settings.unix_socket)
		return error_set(error, -(int)os_error, "cannot connect to %s: %s; is the server running?",
			hop->client->settings.unix_socket, strerror((int)os_error));
	return error_set(error, -(int)os_error, "cannot connect to %s port %u: %s; %s", hop->to.host,
		hop->to.port, strerror((int)os_error),
		os_error == ECONNREFUSED ? "is the server running, is the port right?"
					 : "is the way there open?");
}

static int timeout_error(const struct hop *hop, struct error *error)
{
	CURL *curl = hop->client->curl;
	curl_off_t connected = 0, encrypted = 0, first = 0;

	curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME_T, &encrypted);
	curl_easy_getinfo(curl, CURLINFO_STARTTRANSFER_TIME_T, &first);
	if (!connected)
		return error_set(error, -ETIMEDOUT, "no connection in time: a firewall, or the host is down");
	if (streq(hop->to.scheme, "https") && !encrypted)
		return error_set(error, -ETIMEDOUT, "connected, but the TLS handshake did not end in time");
	if (!first)
		return error_set(error, -ETIMEDOUT, "connected, but no answer came in time");
	return error_set(error, -ETIMEDOUT, "the answer did not end in time: %zu bytes of its body had come",
		hop->response->body.size);
}

static int tls_error(const struct hop *hop, CURLcode code, struct error *error)
{
	const char *detail = hop->client->error[0] ? hop->client->error : curl_easy_strerror(code);
	const char *problem = startswith(detail, "SSL certificate problem: ");

	if (problem)
		return error_set(error, -EPROTO, "the certificate is not trusted: %s", problem);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return error_set(error, -EPROTO, "the certificate is not for %s: %s", hop->to.host, detail);
	return error_set(error, -EPROTO, "TLS failed: %s", detail);
}

int hop_error(const struct hop *hop, CURLcode code, struct error *error)
{
	const char *detail = hop->client->error[0] ? hop->client->error : curl_easy_strerror(code);

	if (hop->error)
		return callback_error(hop, error);
	if (hop->refused[0] && code == CURLE_COULDNT_CONNECT)
		return refused_error(hop, error);
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return error_set(error, -ENOMEM, "out of memory");
	case CURLE_COULDNT_RESOLVE_PROXY:
		return error_set(error, -EHOSTUNREACH, "the name of the proxy cannot be resolved");
	case CURLE_COULDNT_RESOLVE_HOST:
		return error_set(error, -EHOSTUNREACH, "%s cannot be resolved", hop->to.host);
	case CURLE_COULDNT_CONNECT:
	case CURLE_PROXY:
		return connect_error(hop, error);
	case CURLE_OPERATION_TIMEDOUT:
		return timeout_error(hop, error);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
		return tls_error(hop, code, error);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return error_set(
			error, -EINVAL, "ca, client_certificate or client_key cannot be used: %s", detail);
	case CURLE_GOT_NOTHING:
		return error_set(error, -ECONNRESET, "the connection was closed without an answer");
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2_STREAM:
		return error_set(error, -ECONNRESET, "the answer was cut off after %zu bytes of its body",
			hop->response->body.size);
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return error_set(error, -ECONNRESET, "the connection was lost: %s", detail);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return error_set(error, -EPROTO, "what came back is not HTTP; is the port right?");
	case CURLE_HTTP2:
		return error_set(error, -EPROTO, "HTTP/2 failed: %s", detail);
	default:
		return error_set(error, -EPROTO, "%s", detail);
	}
}
