/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the API's answers, as docs/openapi.yaml has them. Those of the model are called under its lock. */
#ifndef FLEET_API_JSON_H
#define FLEET_API_JSON_H

#include "base/json.h"
#include "fleet/model.h"
#include "fleet/store/store.h"

/* A host in a list. */
void api_host(struct json *json, const struct model_host *host, struct model_time now);

/* A host with its checks, and with its series when asked for. */
void api_host_detail(
	struct json *json, const struct model_host *host, struct model_time now, bool with_series);

/* The last result of a check; with the host that it belongs to when asked for. */
void api_check(struct json *json, const struct model_host *host, const struct model_check *check,
	struct model_time now, bool with_host);

void api_event(struct json *json, const struct store_event *event);

void api_span(struct json *json, const struct store_span *span);

#endif
