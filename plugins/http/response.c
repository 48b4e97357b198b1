/* SPDX-License-Identifier: Apache-2.0 */
#include "response.h"

#include <errno.h>
#include <stdbool.h>
#include <strings.h>

const char *phase_name(enum phase phase)
{
	static const char *const names[] = {"resolve", "connect", "tls", "processing", "transfer"};

	return names[phase];
}

void response_reset_headers(struct response *response)
{
	for (size_t i = 0; i < response->header_count; i++)
		free(response->headers[i].name); /* the value lies in the same piece */
	response->header_count = 0;
}

void response_done(struct response *response)
{
	response_reset_headers(response);
	free(response->headers);
	buf_done(&response->body);
	json_decref(response->json);
	*response = (struct response){0};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int response_add_header(struct response *response, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size);
	size_t name_size = colon ? (size_t)(colon - line) : 0;
	const char *value, *end = line + size;
	char *copy;

	if (!name_size || memchr(line, 0, size))
		return 0;
	for (value = colon + 1; value < end && is_blank(*value);)
		value++;
	while (end > value && is_blank(end[-1]))
		end--;
	if (GROW(response->headers, response->header_count, response->header_room) < 0)
		return -ENOMEM;
	copy = malloc(name_size + (size_t)(end - value) + 2);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, line, name_size);
	copy[name_size] = '\0';
	memcpy(copy + name_size + 1, value, (size_t)(end - value));
	copy[name_size + 1 + (size_t)(end - value)] = '\0';
	response->headers[response->header_count++] = (struct header){copy, copy + name_size + 1};
	return 0;
}

const char *response_header(const struct response *response, const char *name)
{
	for (size_t i = 0; i < response->header_count; i++)
		if (strcasecmp(response->headers[i].name, name) == 0)
			return response->headers[i].value;
	return NULL;
}

/* Looks at brackets and commas alone. jansson would recurse 2048 deep on a thread's small stack, and makes of each "{}" a
 * hundred times its bytes. */
static int judge_shape(const char *text, size_t size, struct error *error)
{
	size_t depth = 0, values = 1;
	bool in_string = false;

	for (size_t i = 0; i < size; i++) {
		if (in_string) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				in_string = false;
			continue;
		}
		in_string = text[i] == '"';
		values += text[i] == ',' || text[i] == '[' || text[i] == '{';
		if (text[i] == '[' || text[i] == '{')
			depth++;
		else if ((text[i] == ']' || text[i] == '}') && depth)
			depth--;
		if (depth > JSON_DEPTH_MAX)
			return error_set(
				error, -E2BIG, "the body's JSON is nested more than %d deep", JSON_DEPTH_MAX);
	}
	if (values > JSON_VALUES_MAX)
		return error_set(error, -E2BIG, "the body's JSON has more than %d values", JSON_VALUES_MAX);
	return 0;
}

json_t *response_json(struct response *response, struct error *error)
{
	const struct buf *body = &response->body;
	const char *encoding = response_header(response, "content-encoding");
	json_error_t why;

	if (response->json)
		return response->json;
	if (!body->size) {
		error_set(error, -EBADMSG, "the body is not JSON: it is empty");
		return NULL;
	}
	if (judge_shape(body->data, body->size, error) < 0)
		return NULL;
	response->json = json_loadb(body->data, body->size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!response->json && json_error_code(&why) == json_error_numeric_overflow)
		response->json = json_loadb(body->data, body->size,
			JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &why);
	if (response->json)
		return response->json;
	/* What jansson says quotes the body, which may hold secrets. */
	if (encoding && strcasecmp(encoding, "identity") != 0 && body->size > 1 && body->data[0] == '\x1f')
		error_set(error, -EBADMSG, "the body is not JSON: it is compressed; set compression = true");
	else
		error_set(error, -EBADMSG, "the body is not JSON: wrong in line %d, column %d", why.line,
			why.column);
	return NULL;
}
