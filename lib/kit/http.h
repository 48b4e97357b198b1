/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP client for plugins: one connection pool a client (libcurl), bodies bounded, TLS verified, errors as
 * text that says what failed and where. Not for use by two threads at once. Blocks until the answer is there,
 * the deadline passes or cancelled() turns true (asked at least once a second).
 *
 * What surprises is off: redirects are handed back as the answers that they are, no proxy is taken from the
 * environment, no netrc, no cookies, no compressed answers (so none that swell), HTTP/1.1 only, TLS 1.2 at
 * least.
 */
#ifndef KIT_HTTP_H
#define KIT_HTTP_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct http_client;

struct http_settings {
	const char *ca_file; /* PEM, instead of the system's authorities; NULL: the system's */
	const char *certificate_file; /* of the client; NULL: none */
	const char *key_file;
	const char *user_agent; /* NULL: "gavea/VERSION" */
	int64_t connect_timeout; /* nanoseconds; 0: as long as the request's timeout */
	bool insecure; /* accept any certificate: for tests only; callers say so in their log */
};

struct http_request {
	const char *method; /* "GET", "POST", … */
	const char *url;
	const char *const *headers; /* "Name: value", header_count of them */
	size_t header_count;
	const char *bearer; /* token for the Authorization header; NULL: none. Never in errors or logs. */
	const void *body;
	size_t body_size;
	int64_t timeout; /* nanoseconds for all of it */
	size_t max_answer; /* bytes; a longer body is -EMSGSIZE */
	bool (*cancelled)(void *userdata); /* NULL: never */
	void *userdata;
};

struct http_answer {
	int status;
	struct buf body;
	char content_type[64];
	int64_t retry_after; /* nanoseconds, from a Retry-After header (seconds or a date), at most a day; 0:
				none */
	int64_t duration; /* nanoseconds */
};

/* Files are read when the first connection is made, not here. 0, -EINVAL or -ENOMEM. */
int http_client_new(
	const struct http_settings *settings, struct http_client **ret_client, struct error *error);
void http_client_free(struct http_client *client);

/*
 * 0 and the answer for any HTTP status; the body is in answer->body, which the caller makes and frees. -errno
 * with error
 * ("POST https://host:8470/path: what went wrong", without user, password and query of the URL) for
 * everything else: -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH (also: no such name), -ECONNRESET, -EPROTO (TLS,
 * not HTTP), -EMSGSIZE, -ECANCELED, -EINVAL (URL, headers, token, unusable certificate files), -ENOMEM.
 */
int http_perform(struct http_client *client, const struct http_request *request, struct http_answer *answer,
	struct error *error);

#endif
