/* SPDX-License-Identifier: Apache-2.0 */
#include "exec_view.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>

static int read_number(json_t *object, const char *key, int64_t max, int64_t *ret_value, struct error *error)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > max)
		return error_set(
			error, -EBADMSG, "\"%s\" must be a whole number from 0 to %lld", key, (long long)max);
	*ret_value = json_integer_value(value);
	return 0;
}

static int read_count(json_t *object, const char *key, int *ret_value, struct error *error)
{
	int64_t value = *ret_value;
	int r = read_number(object, key, INT_MAX, &value, error);

	*ret_value = (int)value;
	return r;
}

static int read_share(json_t *object, const char *key, uint32_t *ret_share, struct error *error)
{
	int64_t value = *ret_share;
	int r = read_number(object, key, SHARE_ALL, &value, error);

	*ret_share = (uint32_t)value;
	return r;
}

static int read_side(json_t *root, enum colour colour, struct traffic_side *side, struct error *error)
{
	json_t *object = json_object_get(root, colour_name(colour)), *state;

	if (!object || json_is_null(object))
		return 0;
	if (!json_is_object(object))
		return error_set(error, -EBADMSG, "\"%s\" must be an object", colour_name(colour));
	if (read_count(object, "servers", &side->servers, error) < 0 ||
		read_count(object, "up", &side->up, error) < 0 ||
		read_count(object, "draining", &side->draining, error) < 0 ||
		read_number(object, "sessions", INT64_MAX, &side->sessions, error) < 0 ||
		read_number(object, "queued", INT64_MAX, &side->queued, error) < 0 ||
		read_number(object, "requests", INT64_MAX, &side->requests, error) < 0 ||
		read_number(object, "errors", INT64_MAX, &side->errors, error) < 0)
		return -EBADMSG;
	state = json_object_get(object, "state");
	if (json_is_string(state))
		snprintf(side->state, sizeof side->state, "%s", json_string_value(state));
	return 0;
}

static int read_view(json_t *root, struct traffic_view *view, struct error *error)
{
	int64_t generation = 0;

	if (!json_is_integer(json_object_get(root, "share")))
		return error_set(error, -EBADMSG, "it printed no \"share\"");
	if (read_share(root, "share", &view->share, error) < 0 ||
		read_share(root, "share_stored", &view->share_stored, error) < 0 ||
		read_number(root, "generation", INT64_MAX, &generation, error) < 0)
		return -EBADMSG;
	view->generation = (uint64_t)generation;
	for (unsigned c = 0; c < COLOURS; c++)
		if (read_side(root, c, &view->side[c], error) < 0)
			return -EBADMSG;
	return 0;
}

int exec_view_parse(const struct buf *text, struct traffic_view *view, struct error *error)
{
	json_error_t why;
	json_t *root = json_loadb(buf_str(text), text->size, JSON_REJECT_DUPLICATES, &why);
	int r;

	if (!root)
		return error_set(error, -EBADMSG, "it printed no JSON: line %d: %s", why.line, why.text);
	if (json_is_object(root))
		r = read_view(root, view, error);
	else
		r = error_set(error, -EBADMSG, "it printed no JSON object");
	json_decref(root);
	return r;
}
