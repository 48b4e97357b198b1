/* SPDX-License-Identifier: Apache-2.0 */
/* The REST API: docs/openapi.yaml describes it. */
#include "fleet/api.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/status.h"
#include "fleet/api_json.h"
#include "fleet/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* -1: not asked for; -EINVAL: answered with an error. */
static int get_status(struct httpd_request *request)
{
	const char *text = httpd_query(request, "status");
	int status = text ? status_from_name(text) : -1;

	if (text && status < 0) {
		httpd_answer_error(request, 400, "status is not one of ok, warning, critical, unknown");
		return -EINVAL;
	}
	return status;
}

static void hosts(struct server *server, struct httpd_request *request)
{
	const char *status = httpd_query(request, "status"), *after = httpd_query(request, "after");
	struct model_time now = model_time_now();
	_cleanup_buf_ struct buf body = BUF_INIT;
	const struct model_host *host, *last = NULL;
	size_t limit, count = 0;
	bool found = true;
	struct json json;

	if (status && !streq(status, "live") && !streq(status, "lost")) {
		httpd_answer_error(request, 400, "status is neither live nor lost");
		return;
	}
	if (!api_get_limit(request, &limit))
		return;
	json_init(&json, &body);
	json_object_begin(&json);
	json_key(&json, "hosts");
	json_array_begin(&json);
	model_lock(server->model);
	host = after ? model_host_find(server->model, after) : model_host_first(server->model);
	found = !after || host;
	if (after && host)
		host = model_host_next(server->model, host);
	for (; host && count < limit; host = model_host_next(server->model, host)) {
		if (status && (host->liveness == MODEL_LOST) != streq(status, "lost"))
			continue;
		api_host(&json, host, now);
		last = host;
		count++;
	}
	json_array_end(&json);
	api_next(&json, host && last ? last->id : NULL);
	model_unlock(server->model);
	json_object_end(&json);
	if (found)
		api_answer(request, 200, &body);
	else
		httpd_answer_error(request, 400, "after is not a place in this list");
}

static void host(struct server *server, struct httpd_request *request, const char *name)
{
	const char *series = httpd_query(request, "samples");
	struct model_time now = model_time_now();
	_cleanup_buf_ struct buf body = BUF_INIT;
	const struct model_host *found;
	struct json json;
	int with_series = 0;

	if (series && parse_bool(series, &with_series) < 0) {
		httpd_answer_error(request, 400, "samples is neither true nor false");
		return;
	}
	json_init(&json, &body);
	model_lock(server->model);
	found = model_host_find(server->model, name);
	if (found)
		api_host_detail(&json, found, now, with_series);
	model_unlock(server->model);
	if (found)
		api_answer(request, 200, &body);
	else
		api_no_host(request);
}

/* A place in the list of all checks: "HOST-ID/plugin/name". False: no such place. */
static bool find_check_place(
	const struct model *model, const char *after, const struct model_host **ret_host, size_t *ret_check)
{
	char id[33] = "";
	const struct model_host *host;
	size_t at = 0;

	if (strlen(after) < 34 || after[32] != '/')
		return false;
	memcpy(id, after, 32);
	host = model_host_find(model, id);
	if (!host)
		return false;
	while (at < host->check_count && strcmp(host->checks[at]->name, after + 33) <= 0)
		at++;
	*ret_host = host;
	*ret_check = at;
	return true;
}

struct check_walk {
	struct json *json;
	struct model_time now;
	const struct model *model;
	const struct model_host *host; /* where to begin */
	size_t check;
	bool one_host;
	int status;
	size_t limit;
	const struct model_host *last_host; /* what was written last, when there may be more */
	const struct model_check *last_check;
};

static void walk_checks(struct check_walk *walk)
{
	const struct model_check *last = NULL;
	const struct model_host *last_host = NULL;
	size_t at = walk->check;

	for (const struct model_host *h = walk->host; h;
		h = walk->one_host ? NULL : model_host_next(walk->model, h)) {
		for (; at < h->check_count; at++) {
			const struct model_check *check = h->checks[at];

			if (walk->status >= 0 &&
				model_check_shown(h, check, walk->now) != (unsigned)walk->status)
				continue;
			if (walk->limit-- == 0) {
				walk->last_host = last_host;
				walk->last_check = last;
				return;
			}
			api_check(walk->json, h, check, walk->now, true);
			last_host = h;
			last = check;
		}
		at = 0;
	}
}

static void checks(struct server *server, struct httpd_request *request)
{
	const char *after = httpd_query(request, "after"), *name = httpd_query(request, "host");
	_cleanup_buf_ struct buf body = BUF_INIT, cursor = BUF_INIT;
	struct json json;
	struct check_walk walk = {
		.json = &json, .now = model_time_now(), .model = server->model, .one_host = name != NULL};
	bool found = true;

	walk.status = get_status(request);
	if (walk.status == -EINVAL || !api_get_limit(request, &walk.limit))
		return;
	json_init(&json, &body);
	json_object_begin(&json);
	json_key(&json, "checks");
	json_array_begin(&json);
	model_lock(server->model);
	walk.host = name ? model_host_find(server->model, name) : model_host_first(server->model);
	if (after) {
		const struct model_host *only = walk.host;

		found = find_check_place(server->model, after, &walk.host, &walk.check) &&
			(!name || walk.host == only);
	}
	if (found)
		walk_checks(&walk);
	json_array_end(&json);
	if (walk.last_check)
		buf_printf(&cursor, "%s/%s", walk.last_host->id, walk.last_check->name);
	api_next(&json, walk.last_check ? buf_str(&cursor) : NULL);
	found = found && (walk.host || !name);
	model_unlock(server->model);
	json_object_end(&json);
	if (found)
		api_answer(request, 200, &body);
	else if (after)
		httpd_answer_error(request, 400, "after is not a place in this list");
	else
		api_no_host(request);
}

struct event_list {
	struct json json;
	size_t count;
	uint64_t last;
};

static int write_event(const struct store_event *event, void *userdata)
{
	struct event_list *list = userdata;

	api_event(&list->json, event);
	list->count++;
	list->last = event->id;
	return 0;
}

static void events(struct server *server, struct httpd_request *request)
{
	const char *name = httpd_query(request, "host"), *order = httpd_query(request, "order");
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct store_event_query query = {.newest_first = !httpd_query(request, "after")};
	struct event_list list = {};
	char id[33] = "", next[24];
	int r;

	if (!api_get_limit(request, &query.limit) || !api_get_id(request, "after", &query.after) ||
		!api_get_id(request, "before", &query.before))
		return;
	if (order && !streq(order, "asc") && !streq(order, "desc")) {
		httpd_answer_error(request, 400, "order is neither asc nor desc");
		return;
	}
	if (order)
		query.newest_first = streq(order, "desc");
	if (name && !api_find_host(server, request, name, id))
		return;
	query.agent_id = name ? id : NULL;
	json_init(&list.json, &body);
	json_object_begin(&list.json);
	json_key(&list.json, "events");
	json_array_begin(&list.json);
	r = store_events(server->store, &query, write_event, &list, &error);
	json_array_end(&list.json);
	snprintf(next, sizeof next, "%" PRIu64, list.last);
	api_next(&list.json, list.count == query.limit ? next : NULL);
	json_object_end(&list.json);
	if (r < 0)
		httpd_answer_error(request, 503, "%s", error_text(&error, r));
	else
		api_answer(request, 200, &body);
}

static void health(struct server *server, struct httpd_request *request)
{
	_cleanup_buf_ struct buf body = BUF_INIT, reason = BUF_INIT;
	bool healthy = writer_healthy(server->writer, &reason);
	struct json json;

	json_init(&json, &body);
	json_object_begin(&json);
	json_kv_string(&json, "status", healthy ? "ok" : "failing");
	if (!healthy)
		json_kv_string(&json, "error", buf_str(&reason));
	json_object_end(&json);
	api_answer(request, healthy ? 200 : 503, &body);
}

static void metrics(struct server *server, struct httpd_request *request)
{
	_cleanup_buf_ struct buf body = BUF_INIT, reason = BUF_INIT;
	struct model_counts counts;

	model_lock(server->model);
	model_count(server->model, model_time_now(), &counts);
	model_unlock(server->model);
	metrics_write(&server->metrics, &counts, store_size(server->store),
		writer_healthy(server->writer, &reason), &body);
	httpd_answer(request, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&body), body.size);
}

void server_api(struct server *server, struct httpd_request *request)
{
	const char *path = httpd_path(request), *rest;

	if (streq(path, "/v1/hosts"))
		hosts(server, request);
	else if ((rest = startswith(path, "/v1/hosts/")) && *rest && streq(httpd_method(request), "DELETE"))
		api_forget(server, request, rest);
	else if ((rest = startswith(path, "/v1/hosts/")) && *rest)
		host(server, request, rest);
	else if (streq(path, "/v1/checks"))
		checks(server, request);
	else if (streq(path, "/v1/events"))
		events(server, request);
	else if (streq(path, "/v1/traces"))
		api_traces(server, request);
	else if ((rest = startswith(path, "/v1/traces/")) && *rest)
		api_trace(server, request, rest);
	else if (streq(path, "/healthz"))
		health(server, request);
	else if (streq(path, "/metrics"))
		metrics(server, request);
	else
		httpd_answer_error(request, 404, "there is nothing at this address");
}
