/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"
#include "fleet/api.h"

#include <inttypes.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define JSON_TYPE "application/json"

void api_answer(struct httpd_request *request, int status, struct buf *body)
{
	buf_add_char(body, '\n');
	if (buf_error(body) < 0)
		httpd_answer_error(request, 503, "out of memory");
	else
		httpd_answer(request, status, JSON_TYPE, buf_str(body), body->size);
}

bool api_get_limit(struct httpd_request *request, size_t *ret_limit)
{
	const char *text = httpd_query(request, "limit");
	uint64_t limit = LIMIT_DEFAULT;

	if (text && (parse_uint64(text, &limit) < 0 || limit < 1 || limit > LIMIT_MAX)) {
		httpd_answer_error(request, 400, "limit is not a number between 1 and %d", LIMIT_MAX);
		return false;
	}
	*ret_limit = limit;
	return true;
}

void api_no_host(struct httpd_request *request)
{
	httpd_answer_error(request, 404, "there is no such host");
}

void api_next(struct json *json, const char *cursor)
{
	json_key(json, "next");
	if (cursor)
		json_string(json, cursor);
	else
		json_null(json);
}

bool api_find_host(struct server *server, struct httpd_request *request, const char *name, char id[static 33])
{
	const struct model_host *found;

	model_lock(server->model);
	found = model_host_find(server->model, name);
	if (found)
		memcpy(id, found->id, sizeof found->id);
	model_unlock(server->model);
	if (!found)
		api_no_host(request);
	return found != NULL;
}

bool api_get_id(struct httpd_request *request, const char *name, uint64_t *ret_id)
{
	const char *text = httpd_query(request, name);

	if (!text || (parse_uint64(text, ret_id) == 0 && *ret_id <= INT64_MAX))
		return true;
	httpd_answer_error(request, 400, "%s is not a place in this list", name);
	return false;
}
