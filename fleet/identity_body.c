/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity_body.h"

#include <errno.h>
#include <jansson.h>

/* It is jansson's own, under a name that others may know. */
static json_t *root_of(const struct body *body)
{
	return (json_t *)body;
}

void body_free(struct body *body)
{
	json_decref(root_of(body));
}

int body_parse(const void *bytes, size_t size, struct body **ret_body, struct error *error)
{
	json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL), *value;
	const char *key;
	int r = json_is_object(root) ? 0 : error_set(error, -EINVAL, "the body is not an object of JSON");

	if (r == 0)
		json_object_foreach(root, key, value) if (!json_is_string(value) && !json_is_integer(value))
			r = error_set(error, -EINVAL, "%.40s is neither text nor a whole number", key);
	if (r < 0)
		json_decref(root);
	else
		*ret_body = (struct body *)root;
	return r;
}

const char *body_text(const struct body *body, const char *key)
{
	return json_string_value(json_object_get(root_of(body), key));
}

int64_t body_number(const struct body *body, const char *key)
{
	return json_integer_value(json_object_get(root_of(body), key));
}
