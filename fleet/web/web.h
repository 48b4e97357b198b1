/* SPDX-License-Identifier: Apache-2.0 */
/* The pages. They get every request that is not under /v1, /healthz or /metrics. */
#ifndef FLEET_WEB_WEB_H
#define FLEET_WEB_WEB_H

#include "fleet/model.h"
#include "fleet/store/store.h"
#include "net/httpd.h"

struct web;

/* Both are borrowed and must outlive it. NULL: no memory. */
struct web *web_new(struct model *model, struct store *store);

/* Streams must have ended (httpd_stop) before. NULL is fine. */
void web_free(struct web *web);

/* 1: took the request and has answered (or will, as a stream); 0: not ours, the caller answers 404. Called on
 * the HTTP server's threads, after the read token was judged. */
int web_handle(struct web *web, struct httpd_request *request);

#endif
