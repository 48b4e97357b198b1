/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/jsonpath_internal.h"

bool query_singular(const struct query *query)
{
	for (size_t i = 0; i < query->count; i++) {
		const struct segment *segment = &query->segments[i];

		if (segment->descendant || segment->count != 1)
			return false;
		if (segment->selectors[0].type != SELECT_NAME && segment->selectors[0].type != SELECT_INDEX)
			return false;
	}
	return true;
}

/* The nesting that the parser allows bounds this recursion too. */
void query_done(struct query *query) // NOLINT(misc-no-recursion)
{
	for (size_t i = 0; i < query->count; i++) {
		struct segment *segment = &query->segments[i];

		for (size_t j = 0; j < segment->count; j++) {
			free(segment->selectors[j].name.bytes);
			expression_free(segment->selectors[j].filter);
		}
		free(segment->selectors);
	}
	free(query->segments);
	*query = (struct query){0};
}

void expression_free(struct expression *expression) // NOLINT(misc-no-recursion)
{
	if (!expression)
		return;
	expression_free(expression->left);
	expression_free(expression->right);
	query_done(&expression->query);
	json_decref(expression->literal);
	jsonpath_regex_free(expression->regex);
	free(expression);
}

void jsonpath_free(struct jsonpath *path)
{
	if (!path)
		return;
	query_done(&path->query);
	free(path);
}

bool jsonpath_singular(const struct jsonpath *path)
{
	return query_singular(&path->query);
}
