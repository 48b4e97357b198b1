/* SPDX-License-Identifier: Apache-2.0 */
/* Traces: how long operations, reloads and the parts of them took. */
#include "fleet/api.h"
#include "fleet/api_json.h"

#include <inttypes.h>
#include <stdio.h>

#define SPANS_MAX 10000 /* of one trace in an answer */

struct span_list {
	struct json json;
	size_t count;
	uint64_t last;
};

static int write_span(const struct store_span *span, void *userdata)
{
	struct span_list *list = userdata;

	api_span(&list->json, span);
	list->count++;
	list->last = span->id;
	return 0;
}

void api_traces(struct server *server, struct httpd_request *request)
{
	const char *name = httpd_query(request, "host");
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct store_span_query query = {.limit = 0};
	struct span_list list = {};
	char id[33] = "", next[24];
	int r;

	if (!api_get_limit(request, &query.limit) || !api_get_id(request, "before", &query.before) ||
		(name && !api_find_host(server, request, name, id)))
		return;
	query.agent_id = name ? id : NULL;
	json_init(&list.json, &body);
	json_object_begin(&list.json);
	json_key(&list.json, "traces");
	json_array_begin(&list.json);
	r = store_spans(server->store, &query, write_span, &list, &error);
	json_array_end(&list.json);
	snprintf(next, sizeof next, "%" PRIu64, list.last);
	api_next(&list.json, list.count == query.limit ? next : NULL);
	json_object_end(&list.json);
	if (r < 0)
		httpd_answer_error(request, 503, "%s", error_text(&error, r));
	else
		api_answer(request, 200, &body);
}

static bool parse_trace_id(const char *text, uint8_t id[static 16])
{
	if (strspn(text, "0123456789abcdef") != 32 || text[32])
		return false;
	for (size_t i = 0; i < 16; i++) {
		const char digits[] = {text[2 * i], text[2 * i + 1], 0};

		id[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}

void api_trace(struct server *server, struct httpd_request *request, const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct span_list list = {};
	uint8_t id[16];
	int r;

	if (!parse_trace_id(text, id)) {
		httpd_answer_error(request, 404, "a trace's id is 32 hexadecimal digits");
		return;
	}
	json_init(&list.json, &body);
	json_object_begin(&list.json);
	json_kv_string(&list.json, "trace_id", text);
	json_key(&list.json, "spans");
	json_array_begin(&list.json);
	r = store_spans(server->store, &(struct store_span_query){.trace_id = id, .limit = SPANS_MAX},
		write_span, &list, &error);
	json_array_end(&list.json);
	json_object_end(&list.json);
	if (r < 0)
		httpd_answer_error(request, 503, "%s", error_text(&error, r));
	else if (list.count == 0)
		httpd_answer_error(request, 404, "there is no such trace");
	else
		api_answer(request, 200, &body);
}
