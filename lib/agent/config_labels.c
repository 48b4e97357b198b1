/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_private.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>

#define VALUE_MAX 256

void labels_done(struct labels *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		free(labels->pairs[i].name);
		free(labels->pairs[i].value);
	}
	free(labels->pairs);
	*labels = (struct labels){0};
}

/* The place of name: where it is, or where it belongs. */
static size_t find(const struct labels *labels, const char *name, bool *ret_found)
{
	size_t at = 0;

	while (at < labels->count && strcmp(labels->pairs[at].name, name) < 0)
		at++;
	*ret_found = at < labels->count && streq(labels->pairs[at].name, name);
	return at;
}

/* Takes value. */
static int set(struct labels *labels, const char *name, char *value)
{
	bool found;
	size_t at = find(labels, name, &found);
	char *copy;

	if (found) {
		free(labels->pairs[at].value);
		labels->pairs[at].value = value;
		return 0;
	}
	copy = strdup(name);
	if (!copy || GROW(labels->pairs, labels->count, labels->room) < 0) {
		free(copy);
		free(value);
		return -ENOMEM;
	}
	assert(labels->pairs);
	memmove(&labels->pairs[at + 1], &labels->pairs[at], (labels->count - at) * sizeof *labels->pairs);
	labels->pairs[at] = (struct config_pair){copy, value};
	labels->count++;
	return 0;
}

int labels_copy(const struct labels *labels, struct labels *ret_labels)
{
	_cleanup_labels_ struct labels copy = {0};

	for (size_t i = 0; i < labels->count; i++) {
		char *value = strdup(labels->pairs[i].value);

		if (!value || set(&copy, labels->pairs[i].name, value) < 0)
			return -ENOMEM;
	}
	*ret_labels = copy;
	copy = (struct labels){0};
	return 0;
}

static bool is_label_name(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	return true;
}

static void take_one(const struct conf_node *node, struct labels *labels)
{
	struct conf_value value;

	if (!is_label_name(conf_name(node))) {
		conf_error(node, "a label's name has letters, digits and _ only, and begins with no digit");
		return;
	}
	if (conf_value(node, GAVEA_OPTION_STRING, &value) < 0)
		return;
	if (value.size > VALUE_MAX) {
		conf_error(node, "longer than %d bytes", VALUE_MAX);
		conf_value_done(&value);
	} else if (set(labels, conf_name(node), value.text) < 0) {
		conf_error(node, "out of memory");
	}
}

void labels_take(struct conf_node *group, struct labels *labels)
{
	struct conf_node *node;

	if (conf_take_kind(group, "labels", CONF_GROUP, &node) <= 0)
		return;
	for (size_t i = 0; i < conf_size(node); i++)
		take_one(conf_at(node, i), labels);
	if (labels->count > CONFIG_LABELS_MAX)
		conf_error(node, "more than %d labels", CONFIG_LABELS_MAX);
}
