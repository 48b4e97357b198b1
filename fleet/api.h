/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the REST API share. */
#ifndef FLEET_API_H
#define FLEET_API_H

#include "base/json.h"
#include "fleet/server.h"

#include <stdbool.h>

/* Answers with the JSON in body, to which a newline is added. */
void api_answer(struct httpd_request *request, int status, struct buf *body);

/* Answers 404. */
void api_no_host(struct httpd_request *request);

/* Parameters of a list. False: answered with an error. */
bool api_get_limit(struct httpd_request *request, size_t *ret_limit);
bool api_get_id(struct httpd_request *request, const char *name, uint64_t *ret_id);

/* The id of the host of that id or name. False: answered with 404. */
bool api_find_host(
	struct server *server, struct httpd_request *request, const char *name, char id[static 33]);

/* Writes the member "next" of a list; NULL: there is no more. */
void api_next(struct json *json, const char *cursor);

/* /v1/traces and /v1/traces/ID (api_traces.c). */
void api_traces(struct server *server, struct httpd_request *request);
void api_trace(struct server *server, struct httpd_request *request, const char *id);

/* DELETE /v1/hosts/ID (api_forget.c). */
void api_forget(struct server *server, struct httpd_request *request, const char *name);

#endif
