/* SPDX-License-Identifier: Apache-2.0 */
/* The whole server: model, store, writer, HTTP. Everything hangs from here. */
#ifndef FLEET_SERVER_H
#define FLEET_SERVER_H

#include "fleet/admission.h"
#include "fleet/settings.h"
#include "fleet/token.h"
#include "fleet/writer.h"

#include <pthread.h>

struct web;

struct server {
	struct model *model;
	struct store *store;
	struct writer *writer;
	struct decoders *decoders;
	struct admission *admission;
	size_t bodies_max; /* bytes of requests that are being received or wait */
	struct metrics metrics;
	pthread_mutex_t tokens_mutex;
	struct token report_token, read_token;
	struct web *web;
	struct httpd *httpd;
};

/* Loads what the store has and starts to serve. 0 with *ret_server, or -errno with error filled. Blocks. */
int server_start(const struct settings *settings, struct server **ret_server, struct error *error);

/* Ends listening, answers what is under way, saves every host. NULL is fine. */
void server_stop(struct server *server);

/* From now on these are asked for; NULL: none. */
void server_set_tokens(struct server *server, const char *report_token, const char *read_token);

/* Judges the head of a POST /v1/report that may report: the largest body to accept, or -429 with Retry-After set when
 * there is no room for it (report.c). */
ssize_t server_admit_report(struct server *server, struct httpd_request *request);

/* The answer to POST /v1/report. Called when the head was judged. */
void server_report(struct server *server, struct httpd_request *request);

/* Answers what is under /v1, and /healthz and /metrics (api.c). */
void server_api(struct server *server, struct httpd_request *request);

#endif
