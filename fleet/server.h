/* SPDX-License-Identifier: Apache-2.0 */
/* The whole server: model, store, writer, HTTP. Everything hangs from here. */
#ifndef FLEET_SERVER_H
#define FLEET_SERVER_H

#include "fleet/access.h"
#include "fleet/admission.h"
#include "fleet/settings.h"
#include "fleet/writer.h"

struct web;

struct server {
	struct model *model;
	struct store *store;
	struct writer *writer;
	struct decoders *decoders;
	struct admission *admission;
	size_t bodies_max; /* bytes of requests that are being received or wait */
	struct metrics metrics;
	struct identity *identity;
	struct access access;
	struct web *web;
	struct httpd *httpd;
};

/* Loads what the store has and starts to serve. 0 with *ret_server, or -errno with error filled. Blocks. */
int server_start(const struct settings *settings, struct server **ret_server, struct error *error);

/* Ends listening, answers what is under way, saves every host. NULL is fine. */
void server_stop(struct server *server);

/* From now on the tokens of these settings are asked for. */
void server_set_tokens(struct server *server, const struct settings *settings);

/* Reads the files of the configured certificate again and shows it from now on; 0 or -errno with error: the one before
 * stays. Blocks. */
int server_reload_certificate(struct server *server, const struct settings *settings, struct error *error);

/* Now and then: renews the server's own certificate. Blocks on the disk when it does. */
void server_tick(struct server *server);

/* How often, in milliseconds. */
int server_tick_ms(const struct settings *settings);

/* Judges the head of a POST /v1/report that may report: the largest body to accept, or -429 with Retry-After set when
 * there is no room for it (report.c). */
ssize_t server_admit_report(struct server *server, struct httpd_request *request);

/* The answer to POST /v1/report. Called when the head was judged. */
void server_report(struct server *server, struct httpd_request *request);

/* Whether a report comes from the one whose name it bears (sender.c); else it was answered. */
bool server_judge_sender(
	struct server *server, struct httpd_request *request, const Gavea__V1__Report *report);

/* Answers what is under /v1, and /healthz and /metrics (api.c). */
void server_api(struct server *server, struct httpd_request *request);

#endif
