/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the HTTP server share. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include "net/httpd.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

/* A socket, from accept to close. */
struct connection {
	struct connection *next, *previous;
	struct httpd *httpd;
	int fd;
	_Atomic int64_t deadline_ns; /* CLOCK_MONOTONIC: a whole request must be there by then; 0: one is
					being handled */
	char peer[INET6_ADDRSTRLEN];
	void *kept; /* httpd_keep() */
	void (*release)(void *data);
};

struct httpd {
	struct MHD_Daemon *daemon;
	struct httpd_settings settings;
	httpd_admit admit;
	httpd_handle handle;
	void *userdata;
	uint16_t port;
	int listen_fd;
	atomic_bool stopping;
	atomic_size_t requests; /* between head and end */
	atomic_size_t suspended; /* of them */
	atomic_size_t bodies; /* bytes that their bodies hold */
	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t stop;
	struct connection *connections;
	struct httpd_stream *streams;
	struct tls_certificate *certificates; /* the first is shown */
	bool ended;
	bool reaper_runs;
	pthread_t reaper;
	pthread_t
		starter; /* while it starts, the library's complaints go to start_error; only this thread touches that */
	struct error *start_error;
};

#define HTTPD_HEADERS_MAX 16

struct httpd_request {
	struct httpd *httpd;
	struct MHD_Connection *connection;
	struct connection *socket;
	const char *method;
	const char *path;
	struct buf body;
	size_t body_max;
	size_t body_counted; /* in httpd->bodies */
	size_t drained; /* read and thrown away */
	int refused; /* an HTTP status: the body is thrown away */
	char *refusal; /* why, and its code; NULL: what the status says */
	const char *refusal_code;
	bool ambiguous; /* its length was said twice */
	bool handled;
	bool suspended;
	struct MHD_Response *response;
	int status;
	size_t header_count;
	char *header_names[HTTPD_HEADERS_MAX];
	char *header_values[HTTPD_HEADERS_MAX];
};

/* The library's callbacks (request.c). */
enum MHD_Result httpd_on_request(void *userdata, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *data_size, void **state);
void httpd_on_completed(
	void *userdata, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode how);

/* Decodes %XX in place. "%00" stays as it is: decoded, it would cut the text short, and the rest would pass unjudged. */
size_t httpd_unescape(void *userdata, struct MHD_Connection *connection, char *text);

/* Sockets (connection.c): a callback of the library, and the thread that ends those whose time is over. */
void httpd_on_connection(
	void *userdata, struct MHD_Connection *mhd, void **state, enum MHD_ConnectionNotificationCode what);
int httpd_start_reaper(struct httpd *httpd);
void httpd_stop_reaper(struct httpd *httpd);

/* When a connection that waits for a request is given up. */
int64_t httpd_request_deadline(const struct httpd *httpd);

/* Takes the response for this request: sends it, or resumes the connection so that it is sent. */
void httpd_respond(struct httpd_request *request, int status, struct MHD_Response *response);

/* TLS (tls.c): the library's callback, the session of a new connection, and the end. */
int httpd_choose_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
	const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **ret_chain,
	unsigned *ret_count, gnutls_privkey_t *ret_key);
void httpd_own_session(struct connection *connection, struct MHD_Connection *mhd);
void httpd_free_certificates(struct httpd *httpd);

/* Makes all streams end (stream.c). */
void httpd_end_streams(struct httpd *httpd);

#endif
