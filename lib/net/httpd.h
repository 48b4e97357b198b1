/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 server (libmicrohttpd behind it): listeners with optional TLS, a pool of threads, bodies
 * bounded before they are read, answers now or later. Handlers run on the server's threads and must not
 * block: one that has to wait calls httpd_suspend() and answers from another thread.
 */
#ifndef NET_HTTPD_H
#define NET_HTTPD_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct httpd;
struct httpd_request;

struct httpd_settings {
	const char *address; /* "127.0.0.1", "::", …; NULL: all */
	uint16_t port; /* 0: any free one, see httpd_port() */
	const char *certificate_pem; /* TLS with these (contents, not paths); NULL: plain */
	const char *key_pem;
	const char
		*client_authorities_pem; /* clients are asked for a certificate of these; NULL: not asked */
	unsigned threads;
	unsigned max_connections;
	unsigned max_connections_per_address; /* 0: no limit */
	unsigned idle_timeout_s; /* of a connection, also while it sends a request: ends slow-loris */
	size_t max_body; /* bytes; more gets 413 without being read */
	unsigned stop_wait_ms; /* how long httpd_stop() waits for clients; 0: 5 s */
};

/* Called once for each request when its head is there: return the largest body to accept (0: none), or a
 * negative HTTP status (-401, …) to refuse before reading any. NULL: settings.max_body for all. */
typedef ssize_t (*httpd_admit)(struct httpd_request *request, void *userdata);

/* Called once when the whole request is there. Must call one of the httpd_answer functions, or
 * httpd_suspend(). */
typedef void (*httpd_handle)(struct httpd_request *request, void *userdata);

int httpd_start(const struct httpd_settings *settings, httpd_admit admit, httpd_handle handle, void *userdata,
	struct httpd **ret_httpd, struct error *error);

/* Ends listening, lets running requests end, and frees. Waits until suspended requests are answered, however long
 * that takes, and settings.stop_wait_ms for clients that still send or receive. */
void httpd_stop(struct httpd *httpd);

/* Shows this certificate in handshakes from now on, without a restart; only when TLS was started. -EINVAL or -ENOMEM with
 * error filled: the one before stays. */
int httpd_set_certificate(
	struct httpd *httpd, const char *certificate_pem, const char *key_pem, struct error *error);

uint16_t httpd_port(const struct httpd *httpd);

/* What was asked. All borrowed until the answer; header and query NULL when not there. Path is
 * percent-decoded, without query, and without "http://host" when the client sent that; "%00" stays as it is. */
const char *httpd_method(const struct httpd_request *request);
const char *httpd_path(const struct httpd_request *request);
const char *httpd_header(const struct httpd_request *request, const char *name);
const char *httpd_query(const struct httpd_request *request, const char *name);
const void *httpd_body(const struct httpd_request *request, size_t *ret_size);
const char *httpd_peer(const struct httpd_request *request); /* "192.0.2.1" */

bool httpd_is_tls(const struct httpd_request *request);

/* The certificate that the client has shown, in DER; NULL: none. The client holds its key, that is all that is known:
 * neither issuer nor dates have been judged. */
const void *httpd_peer_certificate(const struct httpd_request *request, size_t *ret_size);

/* Something of the caller's that lives as long as the connection: what was found out about its peer. */
void httpd_keep(struct httpd_request *request, void *data, void (*release)(void *data));
void *httpd_kept(const struct httpd_request *request);

/* In admit, before it returns a negative status: what the answer says, and "code" for programs. code is a constant. */
void httpd_set_refusal(struct httpd_request *request, const char *code, const char *format, ...)
	_printf_(3, 4);
/* Memory that the bodies of all requests hold now. An httpd_admit may refuse by it: what a request announces is set
 * aside when it was admitted. */
size_t httpd_bodies(const struct httpd_request *request);

/* Adds a header to the answer to come. */
void httpd_set_header(struct httpd_request *request, const char *name, const char *value);

/* Answers. The body is copied. */
void httpd_answer(
	struct httpd_request *request, int status, const char *content_type, const void *body, size_t size);

/* Answers {"error": "..."} with that status. */
void httpd_answer_error(struct httpd_request *request, int status, const char *format, ...) _printf_(3, 4);

/* The same with a word for programs: {"error": "...", "code": "..."}. */
void httpd_answer_code(struct httpd_request *request, int status, const char *code, const char *format, ...)
	_printf_(4, 5);

/*
 * Holds the request so that another thread may answer it: that thread calls an answer function, which also
 * resumes it. After httpd_suspend() the handler must not touch the request any more.
 */
void httpd_suspend(struct httpd_request *request);

/*
 * Answers with a stream (server-sent events): read() is called for more bytes; it returns how many, 0 for
 * "nothing now, hold the connection until httpd_stream_wake()", or -1 for the end. closed() is called once
 * when the client is gone or the stream has ended.
 */
struct httpd_stream;
typedef ssize_t (*httpd_stream_read)(void *userdata, char *buffer, size_t size);
struct httpd_stream *httpd_answer_stream(struct httpd_request *request, const char *content_type,
	httpd_stream_read read, void (*closed)(void *userdata), void *userdata);
void httpd_stream_wake(struct httpd_stream *stream); /* from any thread, until closed() was called */

#endif
